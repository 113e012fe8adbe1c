/** Those who wait for a reply to a request that is not served again. */
import { describe, expect, it } from 'vitest'
import type { LaterReplies } from '../../../src/consumers/ports.ts'
import type { ClaimResult } from '../../../src/delivery/ledger.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { requestRecord, setUp, silentLog } from './dispatcher-doubles.ts'
import { settle } from './manual-timers.ts'

class RepliesDouble implements LaterReplies {
  readonly told: string[] = []
  /** Thrown by the next ones, one after the other. */
  readonly failures: Error[] = []
  gate: Promise<void> | undefined

  async repeat({ requestId }: { requestId: string }): Promise<void> {
    await this.#tell(`repeat ${requestId}`)
  }

  async refuse({ requestId }: { requestId: string }, { code }: ModelServiceError): Promise<void> {
    await this.#tell(`refuse ${requestId} ${code}`)
  }

  async #tell(what: string): Promise<void> {
    this.told.push(what)
    await this.gate
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
  }
}

function run(answers: ClaimResult[], { asks = true } = {}) {
  const replies = new RepliesDouble()
  const parts = setUp({ heldRetryMs: 1_000 }, silentLog, replies)
  parts.delivery.answers.set('r1', answers)
  const record = requestRecord('r1')
  if (asks) record.headers['reply-topic'] = 'model.replies'
  return { ...parts, replies, begin: () => parts.dispatcher.enqueue([record]) }
}

describe('who asks for a reply', () => {
  it('to a request that had ended gets it again before the record is finished', async () => {
    const { begin, replies, intake, service } = run([{ kind: 'published' }])
    const gate = Promise.withResolvers<void>()
    replies.gate = gate.promise
    begin()
    await settle()
    expect(replies.told).toEqual(['repeat r1'])
    expect(intake.finishedOffsets).toEqual([])
    gate.resolve()
    await settle()
    expect(intake.finishedOffsets).toHaveLength(1)
    expect(service.called).toEqual([])
  })

  it('under an id of another request is told so, beside the dead letter', async () => {
    const { begin, replies, delivery, intake } = run([{ kind: 'mismatch' }])
    begin()
    await settle()
    expect(replies.told).toEqual(['refuse r1 DUPLICATE_REQUEST_ID'])
    expect(delivery.deadLetters).toMatchObject([{ code: 'DUPLICATE_REQUEST_ID' }])
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('gets none of these when the request is served', async () => {
    const { begin, replies, intake } = run([])
    begin()
    await settle()
    expect(replies.told).toEqual([])
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('is answered after the trouble when the broker or the database is away', async () => {
    const { begin, replies, intake, timers } = run([{ kind: 'published' }, { kind: 'published' }])
    replies.failures.push(new ModelServiceError('BROKER_UNAVAILABLE', 'away'))
    begin()
    await settle()
    expect(intake.finishedOffsets).toEqual([])
    await timers.advance(1_000)
    expect(replies.told).toEqual(['repeat r1', 'repeat r1'])
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('does not hold its record for ever when no reply can be made', async () => {
    const { begin, replies, intake } = run([{ kind: 'published' }])
    replies.failures.push(new ModelServiceError('INVALID_REQUEST', 'cannot be encoded'))
    begin()
    await settle()
    expect(intake.finishedOffsets).toHaveLength(1)
  })
})

it('who asks for none gets none', async () => {
  const { begin, replies, intake } = run([{ kind: 'published' }], { asks: false })
  begin()
  await settle()
  expect(replies.told).toEqual([])
  expect(intake.finishedOffsets).toHaveLength(1)
})
