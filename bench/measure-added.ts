import { setTimeout as delay } from 'node:timers/promises'
import { createRecordDecoder } from '../src/codec/record-decoder.ts'
import { openSchemaRegistry } from '../src/codec/schema-registry.ts'
import { systemTimers } from '../src/delivery/timers.ts'
import type { BenchStack } from './bench-stack.ts'
import type { Feeder } from './feeder.ts'
import { until } from './until.ts'
import { providerMsOf } from './workload.ts'

/** What {@link measureAddedMs} is given. */
export interface AddedOptions {
  stack: BenchStack
  feeder: Feeder
  durationMs: number
  upstreamMs: number
}

const ratePerSecond = 100

/**
 * Sends 100 requests a second and reads their completions as a consumer of committed records does. Gives for each the time
 * from just before it was sent until its completion was read, less the time that the provider took, in ms; null when
 * completions stayed out. The first second is not counted.
 */
export async function measureAddedMs(options: AddedOptions): Promise<number[] | null> {
  const { stack, feeder, durationMs, upstreamMs } = options
  const { kafka } = stack.session
  const registry = openSchemaRegistry({ url: stack.env['SCHEMA_REGISTRY_URL'] ?? '' })
  const decoder = createRecordDecoder({ name: 'ModelCompletion', writerTypes: registry, timers: systemTimers })
  const consumer = kafka.consumer({ groupId: `bench-reader-${Date.now()}`, maxWaitTimeInMs: 500 })
  const sentAt = new Map<string, number>()
  const added: number[] = []
  let failed = 0
  let joined = false
  try {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      joined = true
    })
    await consumer.connect()
    await consumer.subscribe({ topic: stack.session.topic('completions') })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const now = performance.now()
        for (const { value } of batch.messages) {
          const { requestId, status, chat } = await decoder.decode(value)
          const at = sentAt.get(requestId)
          if (at === undefined) continue
          sentAt.delete(requestId)
          if (status !== 'COMPLETED') failed += 1
          added.push(now - at - providerMsOf(chat?.text ?? ''))
        }
      },
    })
    await until(() => joined || undefined, 'the reader to join its group')
    // The place of a reader without commits is found by its first fetch.
    await delay(500)

    const count = (durationMs / 1000) * ratePerSecond
    const sends: Promise<unknown>[] = []
    const from = performance.now()
    while (sends.length < count + ratePerSecond) {
      const due = Math.floor((performance.now() - from) / (1000 / ratePerSecond))
      while (sends.length < due) {
        const at = performance.now()
        const send = feeder.sendOne((requestId) => {
          if (sends.length >= ratePerSecond) sentAt.set(requestId, at)
        })
        sends.push(send)
      }
      await delay(2)
    }
    await Promise.all(sends)
    await until(() => sentAt.size === 0 || undefined, 'all completions', 5_000 + 2 * upstreamMs).catch(() => {})
    if (failed > 0) throw new Error(`${failed} requests did not end COMPLETED`)
    return sentAt.size > 0 ? null : added
  } finally {
    await consumer.disconnect()
    await registry.close()
  }
}
