/** Sends requests whose ids are known, from seeded choices. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Kafka, Producer } from 'kafkajs'
import { completeDraft } from '../../src/codec/contract-type.ts'
import { openRecordEncoder } from '../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../src/codec/schema-registry.ts'
import { unframe } from '../../src/codec/wire-format.ts'
import { topicName } from '../../src/contract/topics.ts'
import type { ModelRequest } from '../../src/contract/types.ts'
import { framed } from '../support/framed.ts'
import type { SentRequest } from './evidence.ts'
import type { FaultModel } from './fault-bed.ts'
import type { SeededRandom } from './seeded-random.ts'

/** What to send. */
export interface LoadOptions {
  count: number
  /** Evenly, so many in a second; all at once when left out. */
  perSecond?: number
  /** Models to pick from, each as likely as it is often named; default quick and middling. */
  models?: readonly FaultModel[]
  /** Ordering keys to pick from; each request has a key of its own when left out. */
  keyCount?: number
  /** How many of the requests ask for `onUncertain` FAIL, 0 to 1; default 0. */
  failShare?: number
  /** Calls that a request to the broken model takes: the first and its retries. Default 1. */
  brokenCallCount?: number
}

/** A request with what it is sent as. */
export interface LoadRequest extends SentRequest {
  request: ModelRequest
}

/** Sends to the request topic of a run. */
export interface Load {
  /** Makes requests with new ids, without sending them. */
  make(options: LoadOptions): LoadRequest[]
  /** Sends records, to chosen partitions and under a schema equal to ours where told; tries until the broker has them. */
  send(requests: readonly (LoadRequest & { partition?: number; schemaId?: number })[]): Promise<void>
  /** Makes and sends. */
  run(options: LoadOptions): Promise<LoadRequest[]>
  close(): Promise<void>
}

const tickMs = 50

/** Opens a producer for the topics of a prefix. `onSent` hears of everything that the broker has. */
export async function openLoad(options: {
  kafka: Kafka
  schemaRegistryUrl: string
  topicPrefix: string
  random: SeededRandom
  onSent(requests: readonly LoadRequest[]): void
}): Promise<Load> {
  const { kafka, topicPrefix, random, onSent } = options
  const registry = openSchemaRegistry({ url: options.schemaRegistryUrl })
  const encode = await openRecordEncoder('ModelRequest', 'requests', { registry, topicPrefix })
  await registry.close()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const topic = topicName('requests', topicPrefix)
  let made = 0

  const load: Load = {
    make: ({ count, models = ['quick', 'middling'], keyCount, failShare = 0, brokenCallCount = 1 }) =>
      Array.from({ length: count }, () => {
        const requestId = `${topicPrefix}${String(++made).padStart(6, '0')}`
        const onUncertain = random.chance(failShare) ? 'FAIL' : 'RETRY'
        const model = random.pick(models)
        const expects =
          model === 'broken' ? { status: 'FAILED', callCount: brokenCallCount } : { status: 'COMPLETED', callCount: 1 }
        const request = completeDraft('ModelRequest', {
          requestId,
          model,
          onUncertain,
          input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text: `[id:${requestId}] Speak.` }] }] },
        })
        const key = keyCount === undefined ? requestId : `key-${random.integer(1, keyCount)}`
        return { requestId, key, onUncertain, expects, request }
      }),

    async send(requests) {
      const messages = requests.map(({ request, key, partition, schemaId }) => ({
        key,
        value: schemaId === undefined ? encode(request) : framed(schemaId, unframe(encode(request)).payload),
        ...(partition !== undefined && { partition }),
      }))
      await untilSent(producer, topic, messages)
      onSent(requests)
    },

    run(options) {
      const running = runAll(options)
      // A scenario that fails meanwhile never awaits it, and closes the producer under it.
      running.catch(() => {})
      return running
    },

    close: () => producer.disconnect(),
  }
  return load

  async function runAll(options: LoadOptions): Promise<LoadRequest[]> {
    const requests = load.make(options)
    const { perSecond = Number.POSITIVE_INFINITY } = options
    const startedAt = performance.now()
    for (let sent = 0; sent < requests.length; ) {
      const due = Math.floor(((performance.now() - startedAt + tickMs) * perSecond) / 1000)
      const next = requests.slice(sent, Math.max(sent, Math.min(due, sent + 500)))
      if (next.length > 0) await load.send(next)
      sent += next.length
      if (sent < requests.length && Number.isFinite(perSecond)) await delay(tickMs)
    }
    return requests
  }
}

/** A broker that is away is waited for; what it took without saying so is sent twice, which is a duplicate like any other. */
async function untilSent(
  producer: Producer,
  topic: string,
  messages: { key: string; value: Buffer; partition?: number }[],
): Promise<void> {
  for (let triesLeft = 20; ; triesLeft--) {
    try {
      await producer.send({ topic, acks: -1, messages })
      return
    } catch (error) {
      if (triesLeft === 0) throw error
      await delay(500)
    }
  }
}
