import type { RequestTopic } from '../contract/request-topic.ts'
import { topics } from '../contract/topics.ts'

/**
 * What is wrong with the topics that REPLY_TOPICS lists, or null. A client names its reply topic itself: a reply among requests or
 * commands would be a dead letter, and among completions a second terminal record.
 */
export function replyTopicProblem(settings: {
  replyTopics: readonly string[]
  requestTopics: readonly RequestTopic[]
  topicPrefix: string
}): string | null {
  const { replyTopics, requestTopics, topicPrefix } = settings
  const own = Object.entries(topics).flatMap(([role, { name }]) => (role === 'replies' ? [] : [topicPrefix + name]))
  const taken = new Set([...own, ...requestTopics.map(({ name }) => topicPrefix + name)])
  const wrong = replyTopics.filter((name) => taken.has(name))
  if (wrong.length === 0) return null
  return `REPLY_TOPICS lists ${wrong.join(', ')}, which the service itself reads or writes: expected topics for replies alone`
}
