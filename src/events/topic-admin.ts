/** Creates the topics of the contract and keeps their settings; the deploy step behind `model-service topics`. */
// The library is CommonJS, and Node finds no name for what its index exports from there on.

import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { maxMessageBytes, type TopicDefinition, type TopicRole, topicName, topics } from '../contract/topics.ts'
import { pause, systemTimers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { withAdmin } from './with-admin.ts'

/** How topics are made. */
export interface TopicOptions {
  /** What stands before all topic names. */
  prefix: string
  /** Further topics of requests, without the prefix; made like the one of the contract. None by default. */
  requestTopics?: readonly string[]
  /** How long single topics keep their records, by name without the prefix, in days; 0 for ever. */
  retentionDays?: ReadonlyMap<string, number>
  /** Partitions of wide topics; default 12. Existing topics keep theirs. */
  partitions?: number
  /** Default 1; production wants 3. */
  replicationFactor?: number
  /** `min.insync.replicas`; left to the broker when not given. */
  minInSyncReplicas?: number
}

/** What holds of one topic. */
export interface TopicRow {
  topic: string
  role: TopicRole
  /** Actual partitions; null when the topic does not exist. */
  partitions: number | null
  status: 'created' | 'updated' | 'unchanged' | 'missing' | 'different'
  /** What differs, or did before it was changed, as `setting: actual, expected`. */
  differences: string[]
}

/** Original bytes get headers with the reason on top, so these topics take a little more than what they take over. */
const originalBytesSlack = 256 * 1024
const dayMs = 86_400_000
/** Settings of a topic itself, as opposed to defaults of the broker (DescribeConfigs, config_source). */
const topicConfigSource = 1

/**
 * Creates what is missing and corrects settings that differ. Partition counts are never changed, only reported: more
 * partitions move keys to other partitions. @throws BROKER_UNAVAILABLE
 */
export async function applyTopics(kafka: Kafka, options: TopicOptions): Promise<TopicRow[]> {
  return withAdmin(kafka, async (admin) => {
    const rows = await compare(admin, options)
    const missing = rows.filter((row) => row.status === 'missing')
    if (missing.length > 0) {
      await admin.createTopics({
        // kafkajs waits for leaders only until a broker does not know the topic yet, and fails then.
        waitForLeaders: false,
        topics: missing.map(({ topic, role }) => ({
          topic,
          numPartitions: wantedPartitions(topics[role], options),
          replicationFactor: options.replicationFactor ?? 1,
          configEntries: toEntries(wantedConfig({ topic, role }, options)),
        })),
      })
      await untilLed(
        admin,
        missing.map(({ topic }) => topic),
      )
    }
    const different = rows.filter((row) => row.changes.size > 0)
    for (const { topic, changes, ownConfig } of different) {
      // This request replaces all settings of the topic, so those that are none of our business are sent along.
      const configEntries = toEntries(new Map([...ownConfig, ...changes]))
      const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }]
      await admin.alterConfigs({ validateOnly: false, resources })
    }
    return rows.map((row) => {
      if (row.status === 'missing') {
        return toRow({ ...row, status: 'created', partitions: wantedPartitions(topics[row.role], options) })
      }
      return toRow(row.changes.size > 0 ? { ...row, status: 'updated' } : row)
    })
  })
}

/** Waits until every partition of new topics has a leader; brokers learn of a topic one after the other. @throws BROKER_UNAVAILABLE */
export async function untilLed(admin: Admin, names: string[]): Promise<void> {
  const areLed = async () => {
    const metadata = await admin.fetchTopicMetadata({ topics: names })
    if (metadata.topics.some(({ partitions }) => partitions.some(({ leader }) => leader < 0))) return false
    // A leader may have been named and not know of it yet: then it tells no offsets, and takes no records.
    await Promise.all(names.map((name) => admin.fetchTopicOffsets(name)))
    return true
  }
  for (let tries = 0; tries < 100; tries++) {
    // A broker that has not heard of the topic yet answers with an error.
    if (await areLed().catch(() => false)) return
    await pause(systemTimers, 100)
  }
  throw new ModelServiceError(
    'BROKER_UNAVAILABLE',
    `The new topics ${names.join(', ')} have partitions without a leader after 10 s; see which broker is down, and run it again.`,
  )
}

/** Says what is missing or different; changes nothing. @throws BROKER_UNAVAILABLE */
export async function checkTopics(kafka: Kafka, options: TopicOptions): Promise<TopicRow[]> {
  return withAdmin(kafka, async (admin) => (await compare(admin, options)).map(toRow))
}

/** Which of these topics, by their full names, exist. @throws BROKER_UNAVAILABLE */
export async function existingTopics(kafka: Kafka, names: readonly string[]): Promise<Set<string>> {
  return withAdmin(kafka, async (admin) => {
    const all = new Set(await admin.listTopics())
    return new Set(names.filter((name) => all.has(name)))
  })
}

/** How long topics keep their records, in ms; null for ever, or compacted. Topics that do not exist are left out. @throws BROKER_UNAVAILABLE */
export async function topicRetentions(kafka: Kafka, names: readonly string[]): Promise<Map<string, number | null>> {
  return withAdmin(kafka, async (admin) => {
    const existing = new Set(await admin.listTopics())
    const asked = names.filter((name) => existing.has(name))
    if (asked.length === 0) return new Map()
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: asked.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: ['retention.ms', 'cleanup.policy'],
      })),
    })
    return new Map(
      resources.map(({ resourceName, configEntries }) => {
        const values = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]))
        const isDeleted = values.get('cleanup.policy')?.split(',').includes('delete') === true
        const retentionMs = Number(values.get('retention.ms') ?? -1)
        return [resourceName, isDeleted && retentionMs >= 0 ? retentionMs : null]
      }),
    )
  })
}

interface Comparison extends TopicRow {
  /** Settings to correct. */
  changes: Map<string, string>
  /** Settings that the topic itself has now. */
  ownConfig: Map<string, string>
}

async function compare(admin: Admin, options: TopicOptions): Promise<Comparison[]> {
  const wanted = wantedTopics(options)
  const existing = new Set(await admin.listTopics())
  const names = wanted.map(({ topic }) => topic).filter((name) => existing.has(name))
  const partitions = new Map<string, number>()
  const configs = new Map<string, Map<string, { value: string; own: boolean }>>()
  if (names.length > 0) {
    const metadata = await admin.fetchTopicMetadata({ topics: names })
    for (const topic of metadata.topics) partitions.set(topic.name, topic.partitions.length)
    const described = await admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
    })
    for (const { resourceName, configEntries } of described.resources) {
      const entries = configEntries.map(({ configName, configValue, configSource }) => {
        return [configName, { value: configValue, own: Number(configSource) === topicConfigSource }] as const
      })
      configs.set(resourceName, new Map(entries))
    }
  }
  return wanted.map((each) => compareTopic(each, options, partitions, configs))
}

function wantedTopics({ prefix, requestTopics = [] }: TopicOptions): { topic: string; role: TopicRole }[] {
  const further = requestTopics.filter((name) => name !== topics.requests.name)
  return [
    ...(Object.keys(topics) as TopicRole[]).map((role) => ({ topic: topicName(role, prefix), role })),
    ...further.map((name) => ({ topic: prefix + name, role: 'requests' as const })),
  ]
}

function compareTopic(
  { topic, role }: { topic: string; role: TopicRole },
  options: TopicOptions,
  partitions: ReadonlyMap<string, number>,
  configs: ReadonlyMap<string, ReadonlyMap<string, { value: string; own: boolean }>>,
): Comparison {
  const count = partitions.get(topic)
  const changes = new Map<string, string>()
  const differences: string[] = []
  const ownConfig = new Map<string, string>()
  const base = { topic, role, changes, ownConfig, differences }
  if (count === undefined) return { ...base, partitions: null, status: 'missing' }
  const actual = configs.get(topic)
  for (const [name, { value, own }] of actual ?? []) if (own) ownConfig.set(name, value)
  for (const [name, wanted] of wantedConfig({ topic, role }, options)) {
    const value = actual?.get(name)?.value
    if (value === wanted) continue
    changes.set(name, wanted)
    differences.push(`${name}: ${value ?? 'not set'}, expected ${wanted}`)
  }
  const wanted = wantedPartitions(topics[role], options)
  const asked = options.partitions !== undefined || topics[role].partitions === 'single'
  if (asked && count !== wanted) {
    differences.push(`partitions: ${count}, expected ${wanted}; never changed by this command`)
  }
  return { ...base, partitions: count, status: differences.length > 0 ? 'different' : 'unchanged' }
}

function toRow({ topic, role, partitions, status, differences }: TopicRow): TopicRow {
  return { topic, role, partitions, status, differences }
}

function wantedPartitions(definition: TopicDefinition, options: TopicOptions): number {
  return definition.partitions === 'single' ? 1 : (options.partitions ?? 12)
}

function wantedConfig({ topic, role }: Pick<TopicRow, 'topic' | 'role'>, options: TopicOptions): Map<string, string> {
  const { cleanupPolicy, record, ...definition }: TopicDefinition = topics[role]
  const days = options.retentionDays?.get(topic.slice(options.prefix.length))
  const retentionMs = days === undefined ? definition.retentionMs : days === 0 ? -1 : days * dayMs
  const config = new Map([
    ['cleanup.policy', cleanupPolicy],
    ['retention.ms', String(retentionMs)],
    ['max.message.bytes', String(record === null ? maxMessageBytes + originalBytesSlack : maxMessageBytes)],
  ])
  if (options.minInSyncReplicas !== undefined) config.set('min.insync.replicas', String(options.minInSyncReplicas))
  return config
}

function toEntries(config: ReadonlyMap<string, string>): { name: string; value: string }[] {
  return [...config].map(([name, value]) => ({ name, value }))
}
