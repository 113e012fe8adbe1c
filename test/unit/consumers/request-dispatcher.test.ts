import { describe, expect, it, vi } from 'vitest'
import { RequestDispatcher } from '../../../src/consumers/request-dispatcher.ts'
import type { ModelChunk } from '../../../src/contract/types.ts'
import { ClaimLost } from '../../../src/delivery/delivery-job.ts'
import type { ClaimResult } from '../../../src/delivery/ledger.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ClaimRefused } from '../../../src/model-service/ports/request-context.ts'
import { claimed, granted, ids, recordOf, requestRecord, setUp, silentLog } from './dispatcher-doubles.ts'
import { settle } from './manual-timers.ts'

const databaseAway = () => new ModelServiceError('DATABASE_UNAVAILABLE', 'The database is away')

describe('a request that goes well', () => {
  it('is accepted, claimed, called, and its record finished only when all is published', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    service.autoEnd = false
    const record = requestRecord('r1')
    dispatcher.enqueue([record])
    await settle()
    expect(delivery.accepted).toEqual(['r1'])
    expect(delivery.claims).toEqual(['r1'])
    expect(service.grants.get('r1')).toMatchObject({ token: 1, attemptBase: 0, claimedAt: 7 })
    expect(intake.finishedOffsets).toEqual([])

    service.end('r1')
    await settle()
    expect(intake.finishedOffsets).toEqual([record.offset])
    expect(delivery.released).toEqual([])
    expect(dispatcher.status()).toMatchObject({ inHandCount: 0, inHandBytes: 0, runningCount: 0 })
  })

  it('gets a context that says where it came from, and chunks only when it streams', async () => {
    const { service, delivery, intake, decoder, timers } = setUp()
    const chunks: ModelChunk[] = []
    const dispatcher = new RequestDispatcher({
      intake,
      delivery,
      deadLetters: delivery,
      service,
      decoder,
      timers,
      payloadHash: () => 'v1:abc',
      onChunk: (chunk) => chunks.push(chunk),
      onFatal: () => {},
      log: silentLog,
    })
    const plain = requestRecord('plain')
    dispatcher.enqueue([plain, requestRecord('streamed', { stream: true })])
    await settle()
    const context = service.contexts.get('plain')
    expect(context).toMatchObject({
      source: { topic: 'model.requests', partition: 0, offset: plain.offset },
      queuedAt: plain.timestamp,
      payloadHash: 'v1:abc',
    })
    expect(context?.onChunk).toBeUndefined()
    expect(service.contexts.get('streamed')?.onChunk).toBeDefined()
  })

  it('may end without a claim of its own: the engine publishes it all the same', async () => {
    const { dispatcher, service, intake } = setUp()
    service.process = async () => ({}) as never
    dispatcher.enqueue([requestRecord('expired')])
    await settle()
    expect(intake.finishedOffsets).toHaveLength(1)
  })
})

describe('what the ledger says', () => {
  it('published: no call, the record is finished', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    delivery.answers.set('r1', [{ kind: 'published' }])
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    expect(service.called).toEqual([])
    expect(intake.finishedOffsets).toHaveLength(1)
    expect(delivery.released).toEqual(['r1'])
  })

  it('held: not finished, the slot is free, and looked at again after a second', async () => {
    const { dispatcher, service, delivery, intake, timers } = setUp({ maxConcurrentRequests: 1 })
    delivery.answers.set('r1', [
      { kind: 'held', owner: 'other' },
      { kind: 'held', owner: null },
    ])
    dispatcher.enqueue([requestRecord('r1'), requestRecord('r2')])
    await settle()
    expect(service.called).toEqual(['r2'])
    await timers.advance(999)
    expect(delivery.claims).toEqual(['r1', 'r2'])
    await timers.advance(1)
    expect(delivery.claims).toEqual(['r1', 'r2', 'r1'])
    expect(intake.finishedOffsets).toHaveLength(1)
    await timers.advance(1_000)
    expect(service.called).toEqual(['r2', 'r1'])
    expect(intake.finishedOffsets).toHaveLength(2)
  })

  it('mismatch: dead letter with DUPLICATE_REQUEST_ID, then finished', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    delivery.answers.set('r1', [{ kind: 'mismatch' }])
    const record = requestRecord('r1')
    dispatcher.enqueue([record])
    await settle()
    expect(service.called).toEqual([])
    expect(delivery.deadLetters).toEqual([{ record, code: 'DUPLICATE_REQUEST_ID' }])
    expect(intake.finishedOffsets).toEqual([record.offset])
  })

  it('uncertain: the claim says so, and the service ends the request', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    delivery.answers.set('r1', [{ ...granted, kind: 'uncertain', token: 3, attemptBase: 2, claimedAt: 9 }])
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    expect(service.grants.get('r1')).toMatchObject({ token: 3, attemptBase: 2, claimedAt: 9, uncertain: true })
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('lease lost: nothing is claimed any more, nothing finished, and the owner is told once', async () => {
    const { dispatcher, service, delivery, intake, fatals } = setUp({ maxConcurrentRequests: 2 })
    delivery.answers.set('r1', [{ kind: 'lease-lost' }])
    delivery.answers.set('r2', [{ kind: 'lease-lost' }])
    dispatcher.enqueue(ids('r', 5).map((id) => requestRecord(id)))
    await settle()
    expect(fatals).toEqual([expect.objectContaining({ code: 'DATABASE_UNAVAILABLE' })])
    expect(service.called).toEqual([])
    expect(delivery.claims).toEqual(['r1', 'r2'])
    expect(intake.finishedOffsets).toEqual([])
    expect(dispatcher.status().waitingCount).toBe(5)
  })

  it.each<[ConstructorParameters<typeof ClaimLost>[0], { finished: number; deadLetters: number; again: number }]>([
    ['published', { finished: 1, deadLetters: 0, again: 0 }],
    ['mismatch', { finished: 1, deadLetters: 1, again: 0 }],
    ['held', { finished: 0, deadLetters: 0, again: 1 }],
    ['lost', { finished: 0, deadLetters: 0, again: 1 }],
  ])('outcome dropped because it is %s', async (result, { finished, deadLetters, again }) => {
    const { dispatcher, service, delivery, intake, timers } = setUp()
    service.publish = () => {
      throw new ClaimLost(result)
    }
    dispatcher.enqueue([requestRecord('r1')])
    await timers.advance(1_000)
    expect(intake.finishedOffsets).toHaveLength(finished)
    expect(delivery.deadLetters).toHaveLength(deadLetters)
    expect(delivery.claims).toHaveLength(1 + again)
    // A call was made under the claim: giving it up would let the call be made again as if it had not been.
    expect(delivery.released).toEqual([])
  })

  it('is obeyed even if the service resolves although the claim was refused', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    delivery.answers.set('r1', [{ kind: 'held', owner: 'other' }])
    service.process = async (_, context) => {
      await context.beforeFirstCall?.().catch(() => {})
      return {} as never
    }
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    expect(intake.finishedOffsets).toEqual([])
  })
})

describe('poison', () => {
  it('goes to the dead letters byte for byte and leaves its neighbours alone, one in ten', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    const records = Array.from({ length: 100 }, (_, n) =>
      n % 10 === 3 ? recordOf(`not json ${n}`) : requestRecord(`r${n}`),
    )
    dispatcher.enqueue(records)
    await settle()
    const poison = records.filter((_, n) => n % 10 === 3)
    expect(delivery.deadLetters.map(({ record }) => record)).toEqual(poison)
    expect(new Set(delivery.deadLetters.map(({ code }) => code))).toEqual(new Set(['DECODE_FAILED']))
    expect(service.called).toHaveLength(90)
    expect(intake.finishedOffsets.toSorted((a, b) => a - b)).toEqual(records.map(({ offset }) => offset))
  })

  it.each([
    ['an empty request id', { requestId: '' }],
    ['a request id with a space', { requestId: 'a b' }],
    ['a request id too long', { requestId: 'x'.repeat(129) }],
    ['a tenant that is not ASCII', { tenant: 'ä' }],
    ['an empty tenant', { tenant: '' }],
  ])('%s is a dead letter alone', async (_, fields) => {
    const { dispatcher, service, delivery, intake } = setUp()
    const request = { requestId: 'r1', tenant: 'acme', lane: 'NORMAL', ...fields }
    dispatcher.enqueue([recordOf(JSON.stringify(request))])
    await settle()
    expect(delivery.deadLetters).toMatchObject([{ code: 'INVALID_REQUEST' }])
    expect(service.begun).toEqual([])
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('a request that cannot be hashed is a dead letter too', async () => {
    const { service, delivery, intake, decoder, timers } = setUp()
    const dispatcher = new RequestDispatcher({
      intake,
      delivery,
      deadLetters: delivery,
      service,
      decoder,
      timers,
      payloadHash: () => {
        throw new TypeError('cannot be hashed')
      },
      onFatal: () => {},
      log: silentLog,
    })
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    expect(delivery.deadLetters).toMatchObject([{ code: 'INTERNAL_ERROR' }])
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('is not finished before the dead letter is published, however long that takes', async () => {
    const { dispatcher, delivery, intake, timers } = setUp()
    delivery.deadLetterOutage = new ModelServiceError('BROKER_UNAVAILABLE', 'away')
    dispatcher.enqueue([recordOf('poison')])
    await timers.advance(60_000)
    expect(intake.finishedOffsets).toEqual([])
    delivery.deadLetterOutage = undefined
    await timers.advance(10_000)
    expect(delivery.deadLetters).toHaveLength(1)
    expect(intake.finishedOffsets).toHaveLength(1)
  })
})

describe('outages', () => {
  it('database away at the claim: intake pauses, nothing is lost or dead-lettered, all goes on by itself', async () => {
    const { dispatcher, service, delivery, intake, timers } = setUp({ maxConcurrentRequests: 4 })
    delivery.outage = databaseAway()
    dispatcher.enqueue(ids('r', 20).map((id) => requestRecord(id)))
    await settle()
    expect(intake.isPaused).toBe(true)
    expect(dispatcher.status()).toMatchObject({ databaseAway: true, waitingCount: 20, runningCount: 0 })
    expect(delivery.claims).toHaveLength(4)

    // One probe per wait, not a crowd.
    await timers.advance(250 + 500)
    expect(delivery.claims).toHaveLength(6)
    delivery.outage = undefined
    await timers.advance(10_000)
    expect(service.called.toSorted()).toEqual(ids('r', 20).toSorted())
    expect(intake.finishedOffsets).toHaveLength(20)
    expect(delivery.deadLetters).toEqual([])
    expect(intake.isPaused).toBe(false)
    expect(dispatcher.status().databaseAway).toBe(false)
  })

  it('reads on when all that waited for the database has gone with its partition: nobody else would ask it again', async () => {
    const { dispatcher, service, delivery, intake, timers } = setUp()
    delivery.outage = databaseAway()
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    expect(intake.isPaused).toBe(true)
    intake.epoch = 2
    dispatcher.dropRevoked()
    expect(intake.isPaused).toBe(false)
    delivery.outage = undefined
    dispatcher.enqueue([requestRecord('r2', { epoch: 2 })])
    await timers.advance(10_000)
    expect(service.called).toEqual(['r2'])
    expect(dispatcher.status().databaseAway).toBe(false)
  })

  it('reads on when a dead letter that could not be published is let go of as the last', async () => {
    const { dispatcher, delivery, intake, timers } = setUp()
    delivery.outage = databaseAway()
    delivery.deadLetterOutage = new Error('The broker is away')
    dispatcher.enqueue([requestRecord('r1')])
    // Later, so that the database is probed for before the dead letter is tried again.
    await timers.advance(100)
    dispatcher.enqueue([recordOf('poison')])
    await settle()
    intake.epoch = 2
    dispatcher.dropRevoked()
    expect(intake.isPaused).toBe(true)
    await timers.advance(10_000)
    expect(dispatcher.status().inHandCount).toBe(0)
    expect(intake.isPaused).toBe(false)
  })

  it('database away while planning counts the same', async () => {
    const { dispatcher, service, intake, timers } = setUp()
    let away = true
    service.plan = () => {
      if (away) throw databaseAway()
    }
    dispatcher.enqueue([requestRecord('r1'), requestRecord('r2')])
    await settle()
    expect(intake.isPaused).toBe(true)
    away = false
    await timers.advance(10_000)
    expect(intake.finishedOffsets).toHaveLength(2)
    expect(intake.isPaused).toBe(false)
  })

  it('calls that run go on while the database is away', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    service.autoEnd = false
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    delivery.outage = databaseAway()
    dispatcher.enqueue([requestRecord('r2')])
    await settle()
    service.end('r1')
    await settle()
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('registry away: intake pauses, what decodes goes on, nothing is dead-lettered', async () => {
    const { dispatcher, service, decoder, delivery, intake, timers } = setUp()
    decoder.away = true
    dispatcher.enqueue([requestRecord('r1'), requestRecord('r2')])
    await timers.advance(60_000)
    expect(intake.isPaused).toBe(true)
    expect(dispatcher.status().registryAway).toBe(true)
    expect(delivery.deadLetters).toEqual([])
    decoder.away = false
    await timers.advance(10_000)
    expect(service.called.toSorted()).toEqual(['r1', 'r2'])
    expect(intake.isPaused).toBe(false)
    expect(dispatcher.status().registryAway).toBe(false)
  })

  it('broker away at the claim is not told of as the database: no incarnation is open', async () => {
    const { dispatcher, delivery, intake, timers } = setUp()
    delivery.outage = new ModelServiceError('BROKER_UNAVAILABLE', 'no incarnation')
    dispatcher.enqueue([requestRecord('r')])
    await settle()
    expect(intake.isPaused).toBe(true)
    expect(dispatcher.status().databaseAway).toBe(false)
    delivery.outage = databaseAway()
    await timers.advance(1_000)
    expect(dispatcher.status().databaseAway).toBe(true)
    delivery.outage = undefined
    await timers.advance(10_000)
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('a lease that is too short for a call is no failure: the claim is given up and asked for again', async () => {
    const error = vi.fn()
    const { dispatcher, service, delivery, intake, timers } = setUp({ heldRetryMs: 700 }, { ...silentLog, error })
    service.publish = () => {
      throw new ClaimRefused('The lease does not hold for long enough')
    }
    dispatcher.enqueue([requestRecord('r')])
    await settle()
    expect(delivery.released).toEqual(['r'])
    service.publish = () => {}
    await timers.advance(700)
    expect(delivery.claims).toEqual(['r', 'r'])
    expect(intake.finishedOffsets).toHaveLength(1)
    expect(error).not.toHaveBeenCalled()
  })

  it('an unexpected failure keeps the record and tries again, later each time', async () => {
    const { dispatcher, service, intake, delivery, timers } = setUp()
    let failures = 0
    service.plan = () => {
      failures += 1
      if (failures <= 3) throw new TypeError('a defect')
    }
    dispatcher.enqueue([requestRecord('r1')])
    await timers.advance(250 + 500 + 999)
    expect(failures).toBe(3)
    expect(intake.finishedOffsets).toEqual([])
    await timers.advance(1)
    expect(intake.finishedOffsets).toHaveLength(1)
    expect(delivery.released).toEqual(['r1', 'r1', 'r1'])
  })

  it('a failure after the claim gives the claim up with the calls that were begun', async () => {
    const { dispatcher, service, delivery } = setUp()
    service.publish = () => {
      throw new TypeError('a defect')
    }
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    expect(service.called).toEqual(['r1'])
    expect(delivery.released).toEqual(['r1'])
  })
})

describe('the window', () => {
  it('pauses at the count and resumes below 70 %', async () => {
    const { dispatcher, service, intake } = setUp({ windowCount: 10, maxConcurrentRequests: 100 })
    service.autoEnd = false
    dispatcher.enqueue(ids('r', 9).map((id) => requestRecord(id)))
    await settle()
    expect(intake.isPaused).toBe(false)
    dispatcher.enqueue([requestRecord('r10')])
    await settle()
    expect(intake.isPaused).toBe(true)
    for (const id of ['r1', 'r2', 'r3']) service.end(id)
    await settle()
    expect(intake.isPaused).toBe(true)
    service.end('r4')
    await settle()
    expect(intake.isPaused).toBe(false)
  })

  it('pauses at the bytes', async () => {
    const { dispatcher, service, intake } = setUp({ windowBytes: 10_000 })
    service.autoEnd = false
    dispatcher.enqueue([requestRecord('r1', { padding: 9_000 })])
    expect(intake.isPaused).toBe(false)
    dispatcher.enqueue([requestRecord('r2', { padding: 1_000 })])
    expect(intake.isPaused).toBe(true)
    await settle()
    service.end('r1')
    await settle()
    expect(intake.isPaused).toBe(false)
  })
})

describe('slots and lanes', () => {
  it('runs no more at once than allowed', async () => {
    const { dispatcher, service } = setUp({ maxConcurrentRequests: 3 })
    service.autoEnd = false
    dispatcher.enqueue(ids('r', 10).map((id) => requestRecord(id)))
    await settle()
    expect(service.runningIds).toEqual(['r1', 'r2', 'r3'])
    service.end('r2')
    await settle()
    expect(service.runningIds).toEqual(['r1', 'r3', 'r4'])
  })

  it('starves no lane: with one slot and all lanes full each gets its share', async () => {
    const { dispatcher, service } = setUp({ maxConcurrentRequests: 1 })
    service.autoEnd = false
    dispatcher.enqueue([
      ...ids('bulk', 30).map((id) => requestRecord(id, { lane: 'BULK' })),
      ...ids('normal', 30).map((id) => requestRecord(id, { lane: 'NORMAL' })),
      ...ids('interactive', 30).map((id) => requestRecord(id, { lane: 'INTERACTIVE' })),
    ])
    for (let n = 0; n < 24; n++) {
      await settle()
      service.end(service.runningIds[0] ?? '')
    }
    await settle()
    const startsOf = (prefix: string) => service.begun.slice(0, 24).filter((id) => id.startsWith(prefix)).length
    expect(startsOf('bulk')).toBeGreaterThanOrEqual(2)
    expect(startsOf('normal')).toBeGreaterThanOrEqual(5)
    expect(startsOf('interactive')).toBeGreaterThanOrEqual(14)
  })

  it('never runs the same request twice at once; the second copy finds it published', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    service.autoEnd = false
    dispatcher.enqueue([requestRecord('r1'), requestRecord('r1')])
    await settle()
    expect(service.begun).toEqual(['r1'])
    delivery.answers.set('r1', [{ kind: 'published' }])
    service.end('r1')
    await settle()
    expect(service.begun).toEqual(['r1', 'r1'])
    expect(service.called).toEqual(['r1'])
    expect(intake.finishedOffsets).toHaveLength(2)
    expect(dispatcher.status().inHandCount).toBe(0)
  })

  it('takes the same id of another tenant for another request', async () => {
    const { dispatcher, service } = setUp()
    service.autoEnd = false
    dispatcher.enqueue([requestRecord('r1'), requestRecord('r1', { tenant: 'other' })])
    await settle()
    expect(dispatcher.status().runningCount).toBe(2)
  })
})

describe('partitions that go', () => {
  it('take with them what waits and is parked; what runs goes on', async () => {
    const { dispatcher, service, delivery, intake, timers } = setUp({ maxConcurrentRequests: 1 })
    service.autoEnd = false
    delivery.answers.set('held', [{ kind: 'held', owner: 'other' }])
    dispatcher.enqueue(['held', 'running', 'waiting'].map((id) => requestRecord(id)))
    await settle()
    expect(service.runningIds).toEqual(['running'])
    intake.epoch = 2
    dispatcher.dropRevoked()
    expect(dispatcher.status()).toMatchObject({ inHandCount: 1, waitingCount: 0, runningCount: 1 })
    await timers.advance(10_000)
    service.end('running')
    await settle()
    expect(delivery.claims).toEqual(['held', 'running'])
    expect(dispatcher.status().inHandCount).toBe(0)
  })

  it('refuse a claim that has not been made yet', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    const planned = Promise.withResolvers<void>()
    service.plan = () => planned.promise
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    intake.epoch = 2
    dispatcher.dropRevoked()
    planned.resolve()
    await settle()
    expect(delivery.claims).toEqual([])
    expect(service.called).toEqual([])
    expect(intake.finishedOffsets).toEqual([])
    expect(dispatcher.status().inHandCount).toBe(0)
  })
})

describe('partitions that go while an answer is awaited', () => {
  it('leave nothing behind to be planned again', async () => {
    const { dispatcher, service, delivery, intake, timers } = setUp()
    const answer = Promise.withResolvers<ClaimResult>()
    delivery.answers.set('r1', [answer.promise])
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    intake.epoch = 2
    dispatcher.dropRevoked()
    answer.resolve({ kind: 'held', owner: 'other' })
    await timers.advance(5_000)
    expect(service.begun).toEqual(['r1'])
    expect(dispatcher.status().inHandCount).toBe(0)
    expect(intake.finishedOffsets).toEqual([])
  })
})

describe('drain', () => {
  const never = new AbortController().signal

  it('drops what is not claimed and waits for what is', async () => {
    const { dispatcher, service, intake, timers } = setUp({ maxConcurrentRequests: 2 })
    service.autoEnd = false
    dispatcher.enqueue(ids('r', 10).map((id) => requestRecord(id)))
    await settle()
    const drained = dispatcher.drain(5_000, never)
    expect(intake.isPaused).toBe(true)
    expect(dispatcher.status()).toMatchObject({ waitingCount: 0, inHandCount: 2 })
    service.end('r1')
    await timers.advance(1_000)
    expect(service.begun).toEqual(['r1', 'r2'])
    service.end('r2')
    await expect(drained).resolves.toBe(0)
    expect(intake.finishedOffsets).toHaveLength(2)
    expect(timers.pendingCount).toBe(0)
    dispatcher.enqueue([requestRecord('late')])
    await settle()
    expect(service.begun).toEqual(['r1', 'r2'])
  })

  it('tells runs that it is about to stop, and how much time they have', async () => {
    const { dispatcher, service, timers } = setUp()
    service.autoEnd = false
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    const stopping = service.contexts.get('r1')?.stopping
    expect(stopping?.signal.aborted).toBe(false)
    const drained = dispatcher.drain(5_000, never)
    expect(stopping?.signal.aborted).toBe(true)
    expect(stopping?.leftMs()).toBe(5_000)
    await timers.advance(2_000)
    expect(stopping?.leftMs()).toBe(3_000)
    await timers.advance(3_000)
    await expect(drained).resolves.toBe(1)
    await timers.advance(1_000)
    expect(stopping?.leftMs()).toBe(0)
  })

  it('does not wait for a plan, and refuses its claim', async () => {
    const { dispatcher, service, delivery } = setUp()
    service.plan = (request) =>
      new Promise((_, reject) => {
        const { signal } = service.contexts.get(request.requestId) ?? {}
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    await expect(dispatcher.drain(5_000, never)).resolves.toBe(0)
    await settle()
    expect(service.contexts.get('r1')?.signal?.reason).toBeInstanceOf(ClaimRefused)
    expect(delivery.claims).toEqual([])
    expect(delivery.released).toEqual(['r1'])
  })

  it('gives up a claim whose answer comes after the drain began: no call was begun', async () => {
    const { dispatcher, service, delivery, intake } = setUp()
    const answer = Promise.withResolvers<ClaimResult>()
    delivery.answers.set('r1', [answer.promise])
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    const drained = dispatcher.drain(5_000, never)
    answer.resolve(claimed)
    await expect(drained).resolves.toBe(0)
    expect(service.called).toEqual([])
    expect(delivery.released).toEqual(['r1'])
    expect(intake.finishedOffsets).toEqual([])
  })

  it('cuts off calls at the limit without giving their claims up or finishing their records', async () => {
    const { dispatcher, service, delivery, intake, timers } = setUp()
    service.autoEnd = false
    dispatcher.enqueue([requestRecord('r1'), requestRecord('r2')])
    await settle()
    const drained = dispatcher.drain(5_000, never)
    service.end('r1')
    await timers.advance(4_999)
    expect(service.contexts.get('r2')?.signal?.aborted).toBe(false)
    await timers.advance(1)
    await expect(drained).resolves.toBe(1)
    await settle()
    expect(service.contexts.get('r2')?.signal?.reason).toBeInstanceOf(ClaimRefused)
    expect(delivery.released).toEqual([])
    expect(intake.finishedOffsets).toHaveLength(1)
  })

  it('waits no longer when told to hurry', async () => {
    const { dispatcher, service } = setUp()
    service.autoEnd = false
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    const hurry = new AbortController()
    const drained = dispatcher.drain(5_000, hurry.signal)
    await settle()
    hurry.abort()
    await expect(drained).resolves.toBe(1)
  })

  it('does not try a dead letter again that fails meanwhile', async () => {
    const { dispatcher, delivery, intake, timers } = setUp()
    const published = Promise.withResolvers<void>()
    delivery.deadLetter = () => published.promise
    dispatcher.enqueue([recordOf('poison')])
    const drained = dispatcher.drain(5_000, never)
    published.reject(new ModelServiceError('BROKER_UNAVAILABLE', 'away'))
    await expect(drained).resolves.toBe(0)
    expect(intake.finishedOffsets).toEqual([])
    expect(timers.pendingCount).toBe(0)
  })

  it('waits for dead letters on their way', async () => {
    const { dispatcher, delivery, intake } = setUp()
    const published = Promise.withResolvers<void>()
    delivery.deadLetter = () => published.promise
    dispatcher.enqueue([recordOf('poison')])
    const drained = dispatcher.drain(5_000, never)
    await settle()
    published.resolve()
    await expect(drained).resolves.toBe(0)
    expect(intake.finishedOffsets).toHaveLength(1)
  })
})
