import type { Message, TopicMessages } from 'kafkajs'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'

/** Records as kafkajs takes them: by topic, their order kept. */
export function toTopicMessages(records: readonly OutgoingRecord[]): TopicMessages[] {
  const byTopic = Map.groupBy(records, (record) => record.topic)
  return [...byTopic].map(([topic, group]) => ({ topic, messages: group.map(toMessage) }))
}

function toMessage({ key, value, headers, partition }: OutgoingRecord): Message {
  return { key, value, headers, ...(partition !== undefined && { partition }) }
}
