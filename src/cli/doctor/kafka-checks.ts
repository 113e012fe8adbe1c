/** What Kafka is asked. */
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { topicName, topics } from '../../contract/topics.ts'
import { lagCounts } from '../../events/committed-offsets.ts'
import { readLogEnds, readOffsetsAt } from '../../events/log-ends.ts'
import { retryTopicRoles } from '../../events/retry-record.ts'
import { checkTopics, existingTopics } from '../../events/topic-admin.ts'
import { topicBounds } from '../../events/topic-reader.ts'
import { withAdmin } from '../../events/with-admin.ts'
import { workerGroups } from '../../events/worker-groups.ts'
import { counted } from '../counted.ts'
import { afterReaching, type DoctorContext, needed } from './doctor-context.ts'
import { type Check, type Finding, failure, fine, skipped, warning } from './finding.ts'
import {
  type BrokerSample,
  type GroupSample,
  judgeBroker,
  judgeGroups,
  judgeRetention,
  judgeTopics,
  judgeTransactions,
} from './judge.ts'

/** Checks of the brokers, the topics, the groups and the transactions. */
export function kafkaChecks(context: DoctorContext): Check[] {
  const others: Check[] = [
    { name: 'topics', run: () => checkContractTopics(context) },
    { name: 'replication', run: () => checkReplication(context) },
    { name: 'reply topics', run: () => checkReplyTopics(context) },
    { name: 'retention', run: () => checkRetention(context) },
    { name: 'groups', run: () => checkGroups(context) },
    { name: 'transactions', run: () => checkTransactions(context) },
  ]
  const first: Check = { name: 'kafka', run: () => checkBrokers(context) }
  return [first, ...others.map((check) => afterReaching(() => context.kafka(), 'Kafka', check))]
}

/** The request topics by their full names. */
export function requestTopicNames({ settings }: DoctorContext): string[] {
  return workerGroups(needed(settings, 'kafka')).requests.topics
}

async function checkBrokers(context: DoctorContext): Promise<Finding[]> {
  const { transactionTimeoutMs } = needed(context.settings, 'delivery')
  const { sessionTimeoutMs } = needed(context.settings, 'kafka')
  return await withAdmin(await context.kafka(), async (admin) => {
    const { brokers, controller, clusterId } = await admin.describeCluster()
    const reached = fine(
      `${counted(brokers.length, 'broker')}, controller ${controller ?? 'none'}, cluster ${clusterId}`,
    )
    const id = controller ?? brokers[0]?.nodeId
    if (id === undefined) return [reached]
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.BROKER, name: String(id) }],
    })
    const values = new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]))
    return [reached, ...judgeBroker(brokerSample(values), { transactionTimeoutMs, sessionTimeoutMs })]
  })
}

function brokerSample(values: ReadonlyMap<string, string>): BrokerSample {
  const number = (name: string): number | null => {
    const value = Number(values.get(name) ?? Number.NaN)
    return Number.isFinite(value) ? value : null
  }
  const automatic = values.get('auto.create.topics.enable')
  return {
    maxTransactionMs: number('transaction.max.timeout.ms'),
    minSessionMs: number('group.min.session.timeout.ms'),
    maxSessionMs: number('group.max.session.timeout.ms'),
    isTopicCreationAutomatic: automatic === undefined ? null : automatic === 'true',
  }
}

async function checkContractTopics(context: DoctorContext): Promise<Finding[]> {
  const { topicPrefix: prefix, requestTopics, topicRetentionDays } = needed(context.settings, 'kafka')
  const rows = await checkTopics(await context.kafka(), {
    prefix,
    requestTopics: requestTopics.map(({ name }) => name),
    retentionDays: topicRetentionDays,
  })
  return judgeTopics(rows)
}

async function checkReplication(context: DoctorContext): Promise<Finding[]> {
  return await withTopics(context, contractTopics(context), async (names, admin) => {
    const { brokers } = await admin.describeCluster()
    const metadata = await admin.fetchTopicMetadata({ topics: names })
    const findings: Finding[] = []
    for (const { name, partitions } of metadata.topics) {
      const leaderless = partitions.filter(({ leader }) => leader < 0)
      const lagging = partitions.filter(({ replicas, isr }) => isr.length < replicas.length)
      const single = partitions.some(({ replicas }) => replicas.length < 2)
      if (leaderless.length > 0) {
        findings.push(
          failure(`${name}: ${counted(leaderless.length, 'partition')} without a leader`, 'See which broker is down.'),
        )
      } else if (lagging.length > 0) {
        findings.push(
          warning(
            `${name}: ${counted(lagging.length, 'partition')} with replicas behind`,
            'See which broker is slow or down.',
          ),
        )
      } else if (single && brokers.length > 1) {
        const action = 'Give it more replicas (kafka-reassign-partitions): a lost disk loses what only it holds.'
        findings.push(warning(`${name}: one copy on ${brokers.length} brokers`, action))
      }
    }
    return findings.length > 0 ? findings : [fine('all partitions have their leaders and copies')]
  })
}

async function checkReplyTopics(context: DoctorContext): Promise<Finding[]> {
  const { replyTopics } = needed(context.settings, 'kafka')
  if (replyTopics.length === 0) return [fine('no reply topics are allowed (REPLY_TOPICS)')]
  const existing = await existingTopics(await context.kafka(), replyTopics)
  const missing = replyTopics.filter((name) => !existing.has(name))
  if (missing.length === 0) return [fine(`${counted(replyTopics.length, 'reply topic')} found`)]
  return [
    warning(
      `reply topics do not exist: ${missing.join(', ')}`,
      'Create them, or take them from REPLY_TOPICS: replies are left out.',
    ),
  ]
}

async function checkRetention(context: DoctorContext): Promise<Finding[]> {
  const { ledgerRetentionDays, mode } = needed(context.settings, 'delivery')
  if (mode !== 'ledger') return [skipped('there is no ledger (DELIVERY_MODE=at-least-once)')]
  const { topicPrefix } = needed(context.settings, 'kafka')
  const others = [...retryTopicRoles, 'requestsDeadLetters' as const].map((role) => topicName(role, topicPrefix))
  return await withTopics(context, [...requestTopicNames(context), ...others], async (names, admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: ['retention.ms', 'segment.ms'],
      })),
    })
    const sources = resources.map(({ resourceName, configEntries }) => {
      const values = new Map(configEntries.map(({ configName, configValue }) => [configName, Number(configValue)]))
      const retentionMs = values.get('retention.ms') ?? -1
      return {
        topic: resourceName,
        retentionMs: retentionMs < 0 ? null : retentionMs,
        segmentMs: Math.min(values.get('segment.ms') ?? 0, Math.max(retentionMs, 0)),
      }
    })
    return judgeRetention(sources, ledgerRetentionDays)
  })
}

async function checkGroups(context: DoctorContext): Promise<Finding[]> {
  const groups = Object.values(workerGroups(needed(context.settings, 'kafka')))
  const names = groups.flatMap(({ topics: read }) => read)
  return await withTopics(context, names, async (existing, admin) => {
    const described = await admin.describeGroups(groups.map(({ groupId }) => groupId))
    const samples: GroupSample[] = []
    for (const { groupId, topics: read } of groups) {
      const readable = read.filter((name) => existing.includes(name))
      const memberCount = described.groups.find((group) => group.groupId === groupId)?.members.length ?? 0
      const lags = await lagCounts(admin, groupId, readable)
      samples.push({ groupId, memberCount, lag: [...lags.values()].reduce((sum, lag) => sum + lag, 0) })
    }
    return judgeGroups(samples)
  })
}

async function checkTransactions(context: DoctorContext): Promise<Finding[]> {
  const { transactionTimeoutMs } = needed(context.settings, 'delivery')
  // The broker looks for transactions past their time-out now and then only.
  const olderThanMs = transactionTimeoutMs + 60_000
  return await withTopics(context, contractTopics(context), async (names, _, kafka) => {
    const ends = await readLogEnds(kafka, names)
    const stable = (await topicBounds(kafka, names)).next
    const recent = await readOffsetsAt(kafka, names, Date.now() - olderThanMs)
    const recents = new Map(recent.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]))
    const open = ends.flatMap(({ topic, partition, next }) => {
      const first = stable.get(topic)?.get(partition) ?? Number(next)
      // What is not stable begins with an open transaction; it hangs when not even its first record is recent.
      const isOld = first < Number(next) && (recents.get(`${topic}/${partition}`) ?? Number(next)) > first
      return isOld ? [{ topic, partition, offset: first }] : []
    })
    return judgeTransactions(open, olderThanMs)
  })
}

function contractTopics(context: DoctorContext): string[] {
  const { topicPrefix } = needed(context.settings, 'kafka')
  const own = (Object.keys(topics) as (keyof typeof topics)[]).map((role) => topicName(role, topicPrefix))
  return [...new Set([...own, ...requestTopicNames(context)])]
}

/** Runs for those of the topics that exist; missing ones are the business of another check. */
async function withTopics(
  context: DoctorContext,
  names: readonly string[],
  run: (existing: string[], admin: Admin, kafka: Kafka) => Promise<Finding[]>,
): Promise<Finding[]> {
  const kafka = await context.kafka()
  const existing = [...(await existingTopics(kafka, names))]
  if (existing.length === 0) return [skipped('none of the topics exists')]
  return await withAdmin(kafka, (admin) => run(existing, admin, kafka))
}
