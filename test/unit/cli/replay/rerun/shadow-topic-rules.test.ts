import { expect, it } from 'vitest'
import { shadowTopicProblem } from '../../../../../src/cli/replay/rerun/shadow-topic-rules.ts'
import { topics } from '../../../../../src/contract/topics.ts'

const own = { requestTopics: ['model.requests', 'urgent'], replyTopics: ['replies'] }

it.each(['shadow', 'model.completions.shadow', 'a'.repeat(249), 'rerun_2026-05'])('takes %s', (name) => {
  expect(shadowTopicProblem(name, own)).toBeNull()
})

it.each(Object.values(topics).map(({ name }) => name))('refuses %s, under any prefix', (name) => {
  expect(shadowTopicProblem(name, own)).toContain('workers read or write')
  expect(shadowTopicProblem(`staging.${name}`, own)).toContain('workers read or write')
})

it.each([
  ['urgent', 'workers read or write'],
  ['replies', 'applications read replies'],
  ['__consumer_offsets', 'Kafka’s own'],
  ['', 'expected a topic name'],
  ['..', 'expected a topic name'],
  ['a'.repeat(250), 'expected a topic name'],
  ['with space', 'expected a topic name'],
  ['ü', 'expected a topic name'],
])('refuses %j', (name, why) => {
  expect(shadowTopicProblem(name, own)).toContain(why)
})
