import { beforeEach, describe, expect, it } from 'vitest'
import { CommandCalls } from '../../../src/client/command-calls.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import type { CommandResultDraft } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { settle } from '../consumers/manual-timers.ts'
import { ConnectionDouble } from './client-doubles.ts'
import { failureOf } from './failure-of.ts'

const encode = recordEncoder('CommandResult', 8)
const waiting = { timeoutMs: 60_000, signal: undefined }
const cancel = { commandId: 'c', command: { type: 'CancelRequest' as const, requestId: 'r' } }

let connection: ConnectionDouble
let calls: CommandCalls
beforeEach(() => {
  connection = new ConnectionDouble()
  calls = new CommandCalls(connection.asConnection)
})

/** Answers the n-th command that was written, as a worker does: what ties it to its sender is passed on. */
async function answer(n: number, result: CommandResultDraft): Promise<void> {
  const correlationId = connection.written[n]?.headers['correlation-id'] ?? ''
  const headers = { 'correlation-id': correlationId }
  await connection.receive('p.commandResults', { key: 'c', headers, value: encode(result) })
}

describe('a command', () => {
  it('is written under the id of what it changes, and answered', async () => {
    const asked = calls.ask(cancel, waiting)
    await settle()
    expect(connection.written).toMatchObject([
      { topic: 'p.commands', headers: { 'correlation-id': expect.any(String) } },
    ])
    expect(connection.written[0]?.key.toString()).toBe('r')
    await answer(0, { commandId: 'c', status: 'APPLIED' })
    await expect(asked).resolves.toMatchObject({ commandId: 'c', status: 'APPLIED' })
  })

  it('does not take the answer to another command of the same id for its own', async () => {
    const first = calls.ask(cancel, waiting)
    const second = calls.ask({ commandId: 'c', command: { type: 'DeleteModel', id: 'm' } }, waiting)
    await settle()
    await answer(0, { commandId: 'c', status: 'APPLIED' })
    await connection.receive('p.commandResults', {
      key: 'c',
      headers: { 'correlation-id': 'of another client' },
      value: encode({ commandId: 'c', status: 'APPLIED' }),
    })
    await answer(1, { commandId: 'c', status: 'REJECTED', error: { code: 'COMMAND_ID_REUSED' } })
    expect((await first).status).toBe('APPLIED')
    expect((await second).error?.code).toBe('COMMAND_ID_REUSED')
  })

  it('leaves results of others alone, undecoded, and is no longer waited for once it was answered', async () => {
    const asked = calls.ask(cancel, waiting)
    await settle()
    await connection.receive('p.commandResults', { key: 'c', value: Buffer.from('not Avro') })
    await connection.receive('p.commandResults', { headers: { 'correlation-id': 'theirs' }, value: Buffer.from('not') })
    expect(connection.decodedCount.value).toBe(0)
    await answer(0, { commandId: 'c', status: 'APPLIED' })
    await asked
    await answer(0, { commandId: 'c', status: 'APPLIED' })
    expect(connection.decodedCount.value).toBe(1)
    expect(connection.timers.pendingCount).toBe(0)
  })

  it('fails with what its unreadable result is, and goes on waiting while the registry is away', async () => {
    const unreadable = failureOf(calls.ask(cancel, waiting))
    await settle()
    const headers = { 'correlation-id': connection.written[0]?.headers['correlation-id'] ?? '' }
    const away = new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')
    const decode = connection.decode.bind(connection)
    connection.decode = () => {
      throw away
    }
    expect(await failureOf(connection.receive('p.commandResults', { headers, value: Buffer.from('junk') }))).toBe(away)
    connection.decode = decode
    await connection.receive('p.commandResults', { headers, value: Buffer.from('junk') })
    expect(await unreadable).toMatchObject({ code: 'DECODE_FAILED' })
  })

  it('is not sent when results could not be read, or its id is none', async () => {
    expect(await failureOf(calls.ask({ ...cancel, commandId: 'ä' }, waiting))).toMatchObject({
      code: 'INVALID_REQUEST',
    })
    connection.startFailure = new ModelServiceError('TOPIC_MISSING', 'no results')
    expect(await failureOf(calls.ask(cancel, waiting))).toBe(connection.startFailure)
    expect(connection.written).toEqual([])
  })

  it('is waited for until its limit, an abort, or the end of the client', async () => {
    const abort = new AbortController()
    const late = failureOf(calls.ask(cancel, { ...waiting, timeoutMs: 1_000 }))
    const stopped = failureOf(calls.ask(cancel, { ...waiting, signal: abort.signal }))
    const ended = failureOf(calls.ask(cancel, waiting))
    await connection.timers.advance(1_000)
    expect(await late).toMatchObject({
      code: 'REQUEST_TIMEOUT',
      message: expect.stringMatching(/No result of the command c within 1000 ms.*send it again under the same id/),
    })
    abort.abort()
    expect(await stopped).toMatchObject({ code: 'CANCELLED', message: expect.stringContaining('stays sent') })
    calls.end(new ModelServiceError('CANCELLED', 'closed'))
    expect(await ended).toMatchObject({ message: 'closed' })
    expect(connection.timers.pendingCount).toBe(0)
  })

  it('that is only written says after its limit that the broker may have it', async () => {
    connection.onWrite = () => new Promise(() => {})
    const writing = failureOf(calls.write(cancel, { timeoutMs: 500 }))
    await connection.timers.advance(500)
    expect(await writing).toMatchObject({ code: 'BROKER_UNAVAILABLE', message: expect.stringContaining('may have it') })
  })
})
