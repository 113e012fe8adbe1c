import type { Kafka, ProducerConfig } from 'kafkajs'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import type { BrokenRules } from './broken-rules.ts'
import type { Network } from './network.ts'
import type { ProducerSession, SimKafka } from './sim-kafka.ts'
import type { SimProcess } from './sim-process.ts'

/** Time after which the client gives an unanswered request up, in ms. */
export const kafkaRequestTimeoutMs = 2_000

/** Turns a request to the cluster into one that the network carries. */
export function kafkaCall<T>(
  { network, process }: { network: Network; process: SimProcess },
  point: string,
  serve: () => T | Promise<T>,
): Promise<T> {
  return network.call({
    process,
    point: `kafka ${point}`,
    serve,
    giveUpMs: kafkaRequestTimeoutMs,
    lost: () => new Error('Request timed out'),
  })
}

interface SentBatch {
  topicMessages: {
    topic: string
    messages: { key: Buffer; value: Buffer | null; headers: Record<string, string>; partition?: number }[]
  }[]
}

/** What the transactional publisher uses of kafkajs, over the simulated cluster. */
export function simKafkaClient(kafka: SimKafka, network: Network, process: SimProcess, rules: BrokenRules = {}): Kafka {
  const via = { network, process }
  const producer = ({ transactionalId = '', transactionTimeout = 60_000 }: ProducerConfig) => {
    let session: ProducerSession | undefined
    let sequence = 0
    const sessionNow = () => {
      if (session === undefined) throw new Error('The producer is disconnected')
      return session
    }
    const end = async (hasSent: boolean, commit: boolean) => {
      const current = sessionNow()
      if (hasSent) await kafkaCall(via, commit ? 'commit' : 'abort', () => kafka.end(current, commit))
    }
    return {
      connect: async () => {
        session ??= await kafkaCall(via, 'initialise', () => kafka.initProducer(transactionalId, transactionTimeout))
      },
      disconnect: async () => {},
      transaction: async () => {
        sessionNow()
        let hasSent = false
        return {
          sendBatch: async ({ topicMessages }: SentBatch) => {
            const current = sessionNow()
            hasSent = true
            const records: OutgoingRecord[] = topicMessages.flatMap(({ topic, messages }) =>
              messages.map((message) => ({ topic, ...message })),
            )
            try {
              await kafkaCall(via, 'send', () => kafka.send(current, records, sequence))
            } catch (error) {
              if (!rules.resendsOnSameProducer) throw error
              await kafkaCall(via, 'abort', () => kafka.end(current, false))
              await kafkaCall(via, 'send', () => kafka.send(current, records, sequence))
            }
            sequence++
          },
          commit: () => end(hasSent, true),
          abort: () => end(hasSent, false),
        }
      },
    }
  }
  return { producer } as unknown as Kafka
}
