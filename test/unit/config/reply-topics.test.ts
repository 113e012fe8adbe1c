import { expect, it } from 'vitest'
import { loadSettings } from '../../../src/config/load-settings.ts'

const load = (env: Record<string, string>) => loadSettings({ KAFKA_BROKERS: '127.0.0.1:9092', ...env }, ['kafka']).kafka

it('REPLY_TOPICS may list topics of applications, and that of replies', () => {
  const REPLY_TOPICS = 'answers, staging.model.replies, model.commands'
  expect(load({ REPLY_TOPICS, TOPIC_PREFIX: 'staging.' }).replyTopics).toHaveLength(3)
})

it.each([
  ['model.requests', {}],
  ['model.commands', {}],
  ['model.completions', {}],
  ['staging.model.registry', { TOPIC_PREFIX: 'staging.' }],
  ['staging.jobs', { TOPIC_PREFIX: 'staging.', REQUEST_TOPICS: 'jobs;order=key' }],
])('REPLY_TOPICS may not list %s, which the workers read or write', (name, env) => {
  expect(() => load({ ...env, REPLY_TOPICS: `answers,${name}` })).toThrow(
    `REPLY_TOPICS lists ${name}, which the service itself reads or writes`,
  )
})
