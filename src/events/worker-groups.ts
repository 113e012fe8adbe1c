import { topicName } from '../contract/topics.ts'
import { retryTopicRoles } from './retry-record.ts'

/** A consumer group, and the topics that it reads, by their full names. */
export interface ReadingGroup {
  groupId: string
  topics: string[]
}

/**
 * The groups of the workers: each kind of topic is read by a group of its own. `requestTopics` are named without the prefix.
 */
export function workerGroups(settings: {
  groupId: string
  topicPrefix: string
  requestTopics: readonly { name: string }[]
}): Record<'requests' | 'retries' | 'commands', ReadingGroup> {
  const { groupId, topicPrefix, requestTopics } = settings
  return {
    requests: { groupId, topics: requestTopics.map(({ name }) => topicPrefix + name) },
    retries: { groupId: `${groupId}.retry`, topics: retryTopicRoles.map((role) => topicName(role, topicPrefix)) },
    commands: { groupId: `${groupId}.commands`, topics: [topicName('commands', topicPrefix)] },
  }
}
