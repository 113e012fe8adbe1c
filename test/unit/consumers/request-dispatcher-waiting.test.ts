import { describe, expect, it } from 'vitest'
import type { DispatcherSettings } from '../../../src/consumers/dispatcher-options.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { requestRecord, setUp as setUpAll } from './dispatcher-doubles.ts'
import { settle } from './manual-timers.ts'

/** A dispatcher whose requests named `slow…` wait for the limits of a provider until they are let in. */
function setUp(settings: DispatcherSettings = { maxConcurrentRequests: 1 }) {
  const all = setUpAll(settings)
  const { service } = all
  service.autoEnd = false
  const doors = new Map<string, () => void>()
  service.plan = ({ requestId }) => {
    if (!requestId.startsWith('slow')) return
    const context = service.contexts.get(requestId)
    context?.onWaiting?.()
    return new Promise((resolve, reject) => {
      doors.set(requestId, resolve)
      const end = () => {
        const reason: unknown = context?.signal?.reason
        if (reason instanceof ModelServiceError) resolve()
        else reject(reason)
      }
      context?.signal?.addEventListener('abort', end)
    })
  }
  const letIn = async (requestId: string) => {
    doors.get(requestId)?.()
    await settle()
  }
  return { ...all, letIn }
}

describe('a request that waits for the limits of a provider', () => {
  it('holds no slot, and is claimed as soon as it has one again', async () => {
    const { dispatcher, service, delivery, letIn } = setUp()
    dispatcher.enqueue([requestRecord('slow1'), requestRecord('r2'), requestRecord('r3')])
    await settle()
    expect(service.runningIds).toEqual(['r2'])
    expect(dispatcher.status()).toMatchObject({ runningCount: 1, waitingCount: 2, inHandCount: 3 })
    expect(delivery.claims).toEqual(['r2'])
    expect(delivery.released).toEqual(['slow1'])

    await letIn('slow1')
    expect(service.runningIds).toEqual(['r2'])
    expect(dispatcher.status()).toMatchObject({ runningCount: 1, waitingCount: 2, inHandCount: 3 })
    service.end('r2')
    await settle()
    expect(service.runningIds).toEqual(['slow1'])
    expect(delivery.claims).toEqual(['r2', 'slow1'])
    service.end('slow1')
    await settle()
    service.end('r3')
    await settle()
    expect(dispatcher.status()).toMatchObject({ runningCount: 0, waitingCount: 0, inHandCount: 0 })
  })

  it('leaves the share of its tenant to its other requests, and takes it again', async () => {
    const { dispatcher, service, letIn } = setUp({ maxConcurrentRequests: 9, tenantMaxConcurrentCount: 1 })
    dispatcher.enqueue([requestRecord('slow1'), requestRecord('r2'), requestRecord('r3')])
    await settle()
    expect(service.runningIds).toEqual(['r2'])
    await letIn('slow1')
    expect(service.runningIds).toEqual(['r2'])
    service.end('r2')
    await settle()
    expect(service.runningIds).toEqual(['slow1'])
    service.end('slow1')
    await settle()
    expect(service.runningIds).toEqual(['r3'])
  })

  it('is dropped when its partition goes', async () => {
    const { dispatcher, intake, delivery } = setUp()
    dispatcher.enqueue([requestRecord('slow1')])
    await settle()
    intake.epoch = 2
    dispatcher.dropRevoked()
    await settle()
    expect(dispatcher.status()).toMatchObject({ inHandCount: 0, waitingCount: 0, runningCount: 0 })
    expect([delivery.claims, intake.finishedOffsets]).toEqual([[], []])
  })

  it('is dropped when its partition goes while it waits for a slot', async () => {
    const { dispatcher, intake, service, delivery, letIn } = setUp()
    dispatcher.enqueue([requestRecord('slow1'), requestRecord('r2')])
    await settle()
    await letIn('slow1')
    intake.epoch = 2
    dispatcher.dropRevoked()
    await settle()
    expect(dispatcher.status()).toMatchObject({ inHandCount: 1, runningCount: 1 })
    service.end('r2')
    await settle()
    expect(dispatcher.status()).toMatchObject({ inHandCount: 0, waitingCount: 0, runningCount: 0 })
    expect(delivery.claims).toEqual(['r2'])
    // The slot that it gave up is whole again.
    dispatcher.enqueue([requestRecord('r3', { epoch: 2 })])
    await settle()
    expect(service.runningIds).toEqual(['r3'])
  })

  it('does not hold up a drain', async () => {
    const { dispatcher, delivery } = setUp()
    dispatcher.enqueue([requestRecord('slow1')])
    await settle()
    expect(await dispatcher.drain(60_000, new AbortController().signal)).toBe(0)
    await settle()
    expect(delivery.claims).toEqual([])
    expect(dispatcher.status().inHandCount).toBe(0)
  })

  it('is claimed when it is cancelled, to end CANCELLED', async () => {
    const { dispatcher, service, delivery } = setUp()
    dispatcher.enqueue([requestRecord('slow1'), requestRecord('r2')])
    await settle()
    dispatcher.cancel({ tenant: 'acme', requestId: 'slow1' }, new ModelServiceError('CANCELLED', 'x'))
    await settle()
    expect(delivery.claims).toEqual(['r2'])
    service.end('r2')
    await settle()
    expect(delivery.claims).toEqual(['r2', 'slow1'])
  })

  it('does not wait for a slot for ever: the database is away, and comes back', async () => {
    const { dispatcher, service, delivery, timers, letIn } = setUp()
    dispatcher.enqueue([requestRecord('slow1')])
    await settle()
    delivery.outage = new ModelServiceError('DATABASE_UNAVAILABLE', 'x')
    dispatcher.enqueue([requestRecord('r2')])
    await settle()
    await letIn('slow1')
    await timers.advance(1_000)
    expect(service.called).toEqual([])
    delivery.outage = undefined
    await timers.advance(30_000)
    for (const id of ['slow1', 'r2', 'slow1', 'r2']) {
      await letIn(id)
      service.end(id)
      await settle()
    }
    expect(new Set(service.called)).toEqual(new Set(['slow1', 'r2']))
    expect(dispatcher.status()).toMatchObject({ inHandCount: 0, runningCount: 0 })
  })
})
