import { ConfigResourceTypes } from 'kafkajs'
import { expect, test } from 'vitest'
import { topics } from '../../../src/contract/topics.ts'
import { applyTopics, checkTopics, existingTopics, topicRetentions } from '../../../src/events/topic-admin.ts'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix } = kafkaFixture()
const topicCount = Object.keys(topics).length

test('topics are created, found unchanged, and corrected where they differ', async () => {
  const options = { prefix, partitions: 2 }
  expect((await checkTopics(kafka, options)).map(({ status }) => status)).toEqual(Array(topicCount).fill('missing'))

  const created = await applyTopics(kafka, options)
  expect(created.map(({ status }) => status)).toEqual(Array(topicCount).fill('created'))
  expect(created.find(({ role }) => role === 'registry')).toMatchObject({
    topic: `${prefix}model.registry`,
    partitions: 1,
  })
  const unchanged = await applyTopics(kafka, options)
  expect(unchanged.map(({ status, differences }) => [status, differences])).toEqual(
    Array(topicCount).fill(['unchanged', []]),
  )

  // Somebody changes one of our settings and adds one of their own.
  const topic = `${prefix}model.chunks`
  const admin = kafka.admin()
  await admin.connect()
  const configEntries = [
    { name: 'retention.ms', value: '1000' },
    { name: 'segment.ms', value: '600000' },
  ]
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  })
  // Brokers take settings over a moment after the controller has accepted them.
  const differences = async () => (await checkTopics(kafka, options)).find((row) => row.topic === topic)?.differences
  await expect.poll(differences, { timeout: 10_000 }).toContain('retention.ms: 1000, expected 86400000')

  const applied = (await applyTopics(kafka, options)).find((row) => row.topic === topic)
  expect(applied?.status).toBe('updated')
  await expect.poll(differences, { timeout: 10_000 }).toEqual([])
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['segment.ms'] }],
  })
  await admin.disconnect()
  expect(resources[0]?.configEntries.map(({ configValue }) => configValue)).toEqual(['600000'])
})

test('single topics may be kept for another time, and others by request', async () => {
  const options = {
    prefix,
    retentionDays: new Map([
      ['model.completions', 90],
      ['model.requests', 0],
    ]),
  }
  const changed = (await applyTopics(kafka, options)).filter(({ status }) => status === 'updated')
  expect(changed.flatMap(({ differences }) => differences)).toEqual([
    'retention.ms: 604800000, expected -1',
    `retention.ms: -1, expected ${90 * 86_400_000}`,
  ])
  const names = ['completions', 'requests', 'registry', 'chunks'].map((name) => `${prefix}model.${name}`)
  await expect
    .poll(() =>
      topicRetentions(kafka, [...names, `${prefix}nowhere`]).then((found) => names.map((name) => found.get(name))),
    )
    .toEqual([90 * 86_400_000, null, null, 86_400_000])
  await applyTopics(kafka, { prefix })
})

test('partition counts are reported, never changed', async () => {
  const rows = await applyTopics(kafka, { prefix, partitions: 5 })
  const requests = rows.find(({ role }) => role === 'requests')
  expect(requests).toMatchObject({ partitions: 2, status: 'different' })
  expect(requests?.differences).toEqual(['partitions: 2, expected 5; never changed by this command'])
  const asked = await checkTopics(kafka, { prefix })
  expect(asked.find(({ role }) => role === 'requests')?.status).toBe('unchanged')
})

test('existing topics are told from others', async () => {
  expect(await existingTopics(kafka, [`${prefix}model.requests`, `${prefix}nothing`])).toEqual(
    new Set([`${prefix}model.requests`]),
  )
})

test('further request topics are made like the one of the contract, which is named once', async () => {
  const requestTopics = ['model.requests', 'chats']
  const rows = await applyTopics(kafka, { prefix, requestTopics })
  expect(rows).toHaveLength(topicCount + 1)
  expect(rows.at(-1)).toMatchObject({ topic: `${prefix}chats`, role: 'requests', status: 'created', partitions: 12 })
  const [chats] = (await checkTopics(kafka, { prefix, requestTopics })).slice(-1)
  expect(chats).toMatchObject({ status: 'unchanged', differences: [] })
})
