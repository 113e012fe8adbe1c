/** The part of the composition root that looks whether the topics of a worker are there. */
import type { Kafka } from 'kafkajs'
import type { Settings } from './config/settings-schema.ts'
import { type TopicRole, topicName, topics } from './contract/topics.ts'
import { ModelServiceError } from './errors/model-service-error.ts'
import { existingTopics } from './events/topic-admin.ts'
import type { Log } from './model-service/index.ts'

/** Checks that all topics are there; those of requests by their full names. @throws TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function requireTopics(kafka: Kafka, prefix: string, requestTopics: readonly string[]): Promise<void> {
  const ofContract = (Object.keys(topics) as TopicRole[]).map((role) => topicName(role, prefix))
  const names = [...new Set([...ofContract, ...requestTopics])]
  const existing = await existingTopics(kafka, names)
  const missing = names.filter((name) => !existing.has(name))
  if (missing.length === 0) return
  throw new ModelServiceError(
    'TOPIC_MISSING',
    `Missing topics: ${missing.join(', ')}. Run "model-service topics apply".`,
  )
}

/**
 * The reply topics that exist: one that does not would fail the transactions of everybody's outcomes, so it is left out.
 * @throws BROKER_UNAVAILABLE
 */
export async function usableReplyTopics(kafka: Kafka, settings: Settings, log: Log): Promise<Set<string>> {
  const replyTopics = [topicName('replies', settings.kafka.topicPrefix), ...settings.kafka.replyTopics]
  const existing = await existingTopics(kafka, replyTopics)
  const missing = replyTopics.filter((topic) => !existing.has(topic))
  if (missing.length > 0) log.warn({ missing }, 'Reply topics do not exist; replies to them are not sent')
  return existing
}
