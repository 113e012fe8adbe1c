/** What the numbers mean: pure decisions of the checks. */
import type { TopicRow } from '../../events/topic-admin.ts'
import { counted } from '../counted.ts'
import { type Finding, failure, fine, warning } from './finding.ts'

const dayMs = 86_400_000

/** Whether this Node is new enough; `engines` as package.json has it, for example `>=22.19.0`. */
export function judgeNode(version: string, engines: string): Finding {
  const parts = (text: string) => (/(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number)
  const [actual, least] = [parts(version), parts(engines)]
  const place = actual.findIndex((part, index) => part !== least[index])
  const isEnough = place === -1 || (actual[place] ?? 0) > (least[place] ?? 0)
  return isEnough
    ? fine(`Node ${version}`)
    : failure(`Node ${version} is older than ${engines}`, 'Install a Node that this version supports.')
}

/** Topics against the contract. Missing or too small ones stop workers; another retention is for a person to judge. */
export function judgeTopics(rows: readonly TopicRow[]): Finding[] {
  const bad = rows.filter(({ status }) => status === 'missing' || status === 'different')
  if (bad.length === 0) return [fine(`${rows.length} topics are as they must be`)]
  return bad.map(({ topic, status, differences }) => {
    if (status === 'missing') return failure(`${topic} does not exist`, 'Run "model-service topics apply".')
    const isRetentionOnly = differences.every((difference) => difference.startsWith('retention.ms:'))
    const judge = isRetentionOnly ? warning : failure
    const action = isRetentionOnly
      ? 'Run "model-service topics apply", or say in TOPIC_RETENTION_DAYS that it is meant.'
      : 'Run "model-service topics apply".'
    return judge(`${topic}: ${differences.join('; ')}`, action)
  })
}

/** Retention of a topic from which a request may come again. */
export interface SourceRetention {
  topic: string
  /** Null when it is kept for ever. */
  retentionMs: number | null
  /** Records may be kept so much longer, as Kafka deletes by segments. */
  segmentMs: number
}

/** A request that comes again after its ledger row is forgotten is called, and paid for, again (rule 23 of docs/delivery.md). */
export function judgeRetention(sources: readonly SourceRetention[], ledgerRetentionDays: number): Finding[] {
  const ledgerMs = ledgerRetentionDays * dayMs
  const days = (ms: number) => `${Math.ceil((ms / dayMs) * 10) / 10} days`
  const findings = sources.flatMap(({ topic, retentionMs, segmentMs }) => {
    if (retentionMs !== null && retentionMs + segmentMs < ledgerMs) return []
    const kept = retentionMs === null ? 'for ever' : `for ${days(retentionMs)}`
    const action = `Raise LEDGER_RETENTION_DAYS above ${days((retentionMs ?? 0) + segmentMs)}, or keep the topic for less (TOPIC_RETENTION_DAYS).`
    if (retentionMs === null || retentionMs >= ledgerMs) {
      const what = `${topic} keeps records ${kept}, the ledger knows requests for ${ledgerRetentionDays}: a record that comes again after that is paid for again`
      return [failure(what, retentionMs === null ? 'Set a retention for the topic (TOPIC_RETENTION_DAYS).' : action)]
    }
    const what = `${topic} keeps records ${kept}, and up to ${days(segmentMs)} more by its segment.ms, the ledger knows requests for ${ledgerRetentionDays}`
    return [warning(what, action)]
  })
  return findings.length > 0
    ? findings
    : [fine(`the ledger outlives the ${sources.length} topics that requests come from`)]
}

/** Difference between the clock of this machine and that of the database, in ms, give or take the round trip. */
export function judgeClock(differenceMs: number, roundTripMs: number): Finding {
  const what = `the clock here and that of the database differ by ${Math.round(Math.abs(differenceMs))} ms (round trip ${Math.round(roundTripMs)} ms)`
  if (Math.abs(differenceMs) - roundTripMs / 2 < 1_000) return fine(what)
  return warning(
    what,
    'Synchronise the clocks (NTP): deadlines and the waits before retries go by the clock of the worker.',
  )
}

/** How far a group is behind. */
export interface GroupSample {
  groupId: string
  memberCount: number
  lag: number
}

/** Lag of the consumer groups; a group without members serves nobody. */
export function judgeGroups(groups: readonly GroupSample[]): Finding[] {
  return groups.map(({ groupId, memberCount, lag }) => {
    const what = `group ${groupId}: ${counted(memberCount, 'member')}, ${counted(lag, 'record')} behind`
    if (memberCount === 0) return warning(what, 'Start a worker: nobody reads.')
    if (lag > 1_000)
      return warning(what, 'Look at docs/operations.md, "lag grows": more workers, or a provider that is slow.')
    return fine(what)
  })
}

/** A worker with a living lease. */
export interface WorkerSample {
  id: string
  version: string
}

/** Live workers and their versions. */
export function judgeWorkers(workers: readonly WorkerSample[], partitionCount: number | null): Finding[] {
  if (workers.length === 0) return [warning('no worker is alive', 'Start one: model-service worker.')]
  const versions = [...new Set(workers.map(({ version }) => version))].sort()
  const findings = [fine(`${counted(workers.length, 'worker')} alive, version ${versions.join(', ')}`)]
  if (versions.length > 1) {
    findings.push(
      warning(
        `workers of ${versions.length} versions run side by side`,
        'Fine during a deploy; else update the older ones.',
      ),
    )
  }
  if (partitionCount !== null && workers.length > partitionCount) {
    const what = `${workers.length} workers share ${partitionCount} partitions of requests, so some have none`
    findings.push(warning(what, 'Run fewer workers, or give the request topics more partitions (which moves keys).'))
  }
  return findings
}

/** Unfinished work of all workers. */
export interface BacklogSample {
  ledger: readonly { state: string; count: number; oldestSeconds: number }[]
  /** Requests in hand whose earlier calls have an unknown fate. */
  uncertainCount: number
  outbox: { count: number; failedCount: number; oldestSeconds: number }
}

/** Outcomes that do not get out, calls of unknown fate, and events that do not leave. */
export function judgeBacklog({ ledger, uncertainCount, outbox }: BacklogSample): Finding[] {
  const findings: Finding[] = []
  const settled = ledger.find(({ state }) => state === 'SETTLED')
  const inHand = ledger.find(({ state }) => state === 'CLAIMED')?.count ?? 0
  if (settled !== undefined && settled.oldestSeconds > 120) {
    const what = `${counted(settled.count, 'outcome is', 'outcomes are')} paid for and stored and not published, the oldest since ${Math.round(settled.oldestSeconds)} s`
    findings.push(
      failure(
        what,
        'See that a worker runs; docs/delivery.md, "What an operator sees", says what can stop a recovery.',
      ),
    )
  } else {
    findings.push(
      fine(`${counted(inHand, 'request')} in hand, ${counted(settled?.count ?? 0, 'outcome')} on the way out`),
    )
  }
  if (uncertainCount > 0) {
    const what = `${counted(uncertainCount, 'unfinished request has', 'unfinished requests have')} calls of unknown fate: a worker died in the middle`
    findings.push(warning(what, 'See why workers died; the calls may have been paid for.'))
  }
  if (outbox.failedCount > 0) {
    const what = `registry events or command results that were set aside, as Kafka refuses them: ${outbox.failedCount}`
    findings.push(failure(what, 'docs/delivery.md says how to let them go.'))
  }
  if (outbox.count > 0 && outbox.oldestSeconds > 60) {
    const what = `registry events or command results that wait to leave: ${outbox.count}, the oldest since ${Math.round(outbox.oldestSeconds)} s`
    findings.push(warning(what, 'See that a worker runs and that Kafka takes records.'))
  }
  return findings
}

/** Settings of a broker against those that workers rely on; each null where the broker does not tell. */
export interface BrokerSample {
  maxTransactionMs: number | null
  minSessionMs: number | null
  maxSessionMs: number | null
  isTopicCreationAutomatic: boolean | null
}

/** Whether transactions and sessions may last as long as the settings say. */
export function judgeBroker(
  broker: BrokerSample,
  settings: { transactionTimeoutMs: number; sessionTimeoutMs: number },
): Finding[] {
  const { maxTransactionMs, minSessionMs, maxSessionMs, isTopicCreationAutomatic } = broker
  const { transactionTimeoutMs, sessionTimeoutMs } = settings
  const findings: Finding[] = []
  if (maxTransactionMs !== null && transactionTimeoutMs > maxTransactionMs) {
    const what = `TRANSACTION_TIMEOUT_MS is ${transactionTimeoutMs}, the broker allows ${maxTransactionMs} (transaction.max.timeout.ms)`
    findings.push(failure(what, 'Lower the setting: no worker can open a transaction.'))
  }
  const isSessionTooShort = minSessionMs !== null && sessionTimeoutMs < minSessionMs
  if (isSessionTooShort || (maxSessionMs !== null && sessionTimeoutMs > maxSessionMs)) {
    const what = `KAFKA_SESSION_TIMEOUT_MS is ${sessionTimeoutMs}, the broker allows ${minSessionMs ?? 0} to ${maxSessionMs ?? '∞'}`
    findings.push(failure(what, 'Set it within these bounds: no worker can join its group.'))
  }
  if (isTopicCreationAutomatic === true) {
    const what = 'the broker makes topics by itself (auto.create.topics.enable)'
    findings.push(warning(what, 'Switch it off: a misspelt topic would come to life with the wrong settings.'))
  }
  return findings.length > 0 ? findings : [fine('transactions and sessions may last as long as the settings say')]
}

/** A partition whose first open transaction is old. */
export interface OpenTransaction {
  topic: string
  partition: number
  /** Offset before which readers of committed records stop. */
  offset: number
}

/** Transactions that nobody ends hide all that comes after them. */
export function judgeTransactions(open: readonly OpenTransaction[], olderThanMs: number): Finding[] {
  if (open.length === 0) return [fine('no transaction hangs')]
  const places = open.map(({ topic, partition, offset }) => `${topic}/${partition} from ${offset}`)
  const what = `transactions open for more than ${Math.round(olderThanMs / 1_000)} s hide records: ${places.join(', ')}`
  return [failure(what, 'docs/operations.md, "A transaction that hangs", says how to find and end them.')]
}
