import type { RequestTopic } from '../contract/request-topic.ts'
import { type TopicDefinition, topics } from '../contract/topics.ts'

/** What is wrong with the topics that TOPIC_RETENTION_DAYS names, or null. */
export function retentionProblem(settings: {
  topicRetentionDays: ReadonlyMap<string, number>
  requestTopics: readonly RequestTopic[]
}): string | null {
  const definitions: readonly TopicDefinition[] = Object.values(topics)
  const kept = definitions.filter(({ cleanupPolicy }) => cleanupPolicy === 'delete').map(({ name }) => name)
  const known = [...new Set([...kept, ...settings.requestTopics.map(({ name }) => name)])]
  const unknown = [...settings.topicRetentionDays.keys()].filter((name) => !known.includes(name))
  if (unknown.length === 0) return null
  return `TOPIC_RETENTION_DAYS names ${unknown.join(', ')}: expected names out of ${known.join(', ')}`
}
