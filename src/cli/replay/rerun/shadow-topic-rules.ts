import { topics } from '../../../contract/topics.ts'

/** What the service reads and writes itself, by full names. */
export interface ServiceTopics {
  requestTopics: readonly string[]
  replyTopics: readonly string[]
}

const namePattern = /^[A-Za-z0-9._-]{1,249}$/

/**
 * Why a topic may not take the results of a rerun; null when it may. Names of the contract are refused under any prefix: those
 * of another installation of the service are as little a place for them as its own.
 */
export function shadowTopicProblem(name: string, { requestTopics, replyTopics }: ServiceTopics): string | null {
  if (!namePattern.test(name) || name === '.' || name === '..') {
    return 'expected a topic name of 1 to 249 letters, digits, dots, underscores and hyphens'
  }
  if (name.startsWith('__')) return 'expected another topic: this is one of Kafka’s own'
  const own = Object.values(topics).find((topic) => name === topic.name || name.endsWith(`.${topic.name}`))
  if (own !== undefined || requestTopics.includes(name)) {
    return 'expected a topic of its own: this is one that workers read or write'
  }
  if (replyTopics.includes(name)) return 'expected a topic of its own: applications read replies from this one'
  return null
}
