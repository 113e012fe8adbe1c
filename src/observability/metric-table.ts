/** Every metric that a worker tells of, as one table: src/observability/metrics.ts makes them, docs/operations.md lists them. */

/** What the table says of one metric. */
export interface MetricDefinition {
  /** `model_service_…`, with the unit at the end; counters end in `_total`. */
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  /** One sentence. */
  help: string
  labels: readonly string[]
  /** Upper bounds of a histogram, in its unit. */
  buckets?: readonly number[]
}

const shortSeconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const
const callSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600] as const
const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000] as const

/** The metrics by the name that the code knows them by. */
export const metricTable = {
  info: {
    name: 'model_service_info',
    type: 'gauge',
    help: 'Always 1; says which version runs.',
    labels: ['version'],
  },
  consumerLag: {
    name: 'model_service_consumer_lag_records',
    type: 'gauge',
    help: 'Records between what is committed and the end, by partition that this worker reads.',
    labels: ['consumer', 'topic', 'partition'],
  },
  unfinished: {
    name: 'model_service_consumer_unfinished_records',
    type: 'gauge',
    help: 'Records received and not finished, by partition.',
    labels: ['consumer', 'topic', 'partition'],
  },
  inHand: {
    name: 'model_service_intake_records',
    type: 'gauge',
    help: 'Records in hand: waiting for a slot or for the limits of a provider, and running (a call may be under way). The rest of `in_hand` is decoded, parked or dead-lettered.',
    labels: ['consumer', 'state'],
  },
  inHandLimit: {
    name: 'model_service_intake_records_limit',
    type: 'gauge',
    help: 'Limit of the same: WINDOW_COUNT for `in_hand`, MAX_CONCURRENT_REQUESTS_COUNT for `running`.',
    labels: ['consumer', 'state'],
  },
  inHandBytes: {
    name: 'model_service_intake_bytes',
    type: 'gauge',
    help: 'Bytes of the records in hand.',
    labels: ['consumer'],
  },
  inHandBytesLimit: {
    name: 'model_service_intake_bytes_limit',
    type: 'gauge',
    help: 'Bytes in hand at which reading pauses (WINDOW_BYTES).',
    labels: ['consumer'],
  },
  paused: {
    name: 'model_service_intake_paused',
    type: 'gauge',
    help: '1 while reading is paused as a whole: the window is full, or something is away.',
    labels: ['consumer'],
  },
  away: {
    name: 'model_service_dependency_away',
    type: 'gauge',
    help: '1 while the dependency (database, schema_registry) did not answer when last asked.',
    labels: ['dependency'],
  },
  claims: {
    name: 'model_service_claims_total',
    type: 'counter',
    help: 'Answers of the ledger to claims, by result. `held`: another worker has it; `published`: a repeat of a finished request.',
    labels: ['result'],
  },
  uncertainCalls: {
    name: 'model_service_uncertain_calls_total',
    type: 'counter',
    help: 'Calls of unknown fate that claims found: their worker died between claiming and storing. Each may have been paid without a result.',
    labels: [],
  },
  completions: {
    name: 'model_service_completions_total',
    type: 'counter',
    help: 'Terminal records made, by status and error code (empty when there is none).',
    labels: ['status', 'code'],
  },
  retries: {
    name: 'model_service_retries_total',
    type: 'counter',
    help: 'Requests that are to be tried again, through a retry topic or in place, by number of the retry.',
    labels: ['retry'],
  },
  settled: {
    name: 'model_service_settled_outcomes_total',
    type: 'counter',
    help: 'Outcomes stored in the ledger: `terminal`, or `retry` (to a retry topic, or in place).',
    labels: ['kind'],
  },
  refusedRecords: {
    name: 'model_service_refused_records_total',
    type: 'counter',
    help: 'Dead letters, registry events and command results that Kafka refused, by topic: `record` for their data, `topic` as the topic is missing or may not be written to.',
    labels: ['topic', 'why'],
  },
  deadLetters: {
    name: 'model_service_dead_letters_total',
    type: 'counter',
    help: 'Records that went to a dead letter topic, by topic and error code.',
    labels: ['topic', 'code'],
  },
  attempts: {
    name: 'model_service_provider_attempts_total',
    type: 'counter',
    help: 'Calls of providers by outcome: SUCCEEDED, FAILED (certainly not done) or UNKNOWN (may have been done and paid).',
    labels: ['provider', 'outcome'],
  },
  breakerOpen: {
    name: 'model_service_breaker_open',
    type: 'gauge',
    help: '1 for each model at a provider, by name of the key, that this worker does not call because it failed again and again; absent otherwise.',
    labels: ['provider', 'provider_model', 'key'],
  },
  breakersOpened: {
    name: 'model_service_breakers_opened_total',
    type: 'counter',
    help: 'How often that came about, by provider.',
    labels: ['provider'],
  },
  attemptDuration: {
    name: 'model_service_provider_attempt_duration_seconds',
    type: 'histogram',
    help: 'Duration of one call of a provider.',
    labels: ['provider', 'outcome'],
    buckets: callSeconds,
  },
  limitWaiting: {
    name: 'model_service_limit_waiting_requests',
    type: 'gauge',
    help: 'Requests that wait, unclaimed, for the limits of a provider; once for each of its keys.',
    labels: ['provider'],
  },
  limitInForce: {
    name: 'model_service_limit_in_force',
    type: 'gauge',
    help: "This worker's share of the limits that the registry sets for one key: concurrent_calls, requests_per_minute, tokens_per_minute.",
    labels: ['provider', 'limit'],
  },
  limitRefusals: {
    name: 'model_service_limit_refusals_total',
    type: 'counter',
    help: 'Requests that waited MAX_QUEUE_WAIT_MS for the limits of a provider and ended RATE_LIMITED.',
    labels: ['provider'],
  },
  settleDuration: {
    name: 'model_service_settle_duration_seconds',
    type: 'histogram',
    help: 'Time that storing one batch of outcomes took, waiting for an absent database included.',
    labels: [],
    buckets: shortSeconds,
  },
  publishDuration: {
    name: 'model_service_publish_duration_seconds',
    type: 'histogram',
    help: 'Duration of one Kafka transaction.',
    labels: [],
    buckets: shortSeconds,
  },
  batchSize: {
    name: 'model_service_batch_records',
    type: 'histogram',
    help: 'Records of one Kafka transaction.',
    labels: [],
    buckets: counts,
  },
  ledgerRequests: {
    name: 'model_service_ledger_unfinished_requests',
    type: 'gauge',
    help: 'Requests of all workers in the ledger that are not finished, by state. The same number from every worker: take the maximum.',
    labels: ['state'],
  },
  ledgerOldest: {
    name: 'model_service_ledger_oldest_unfinished_seconds',
    type: 'gauge',
    help: 'Time since the oldest of them was last changed. SETTLED ones are published within a second, or recovered within seconds.',
    labels: ['state'],
  },
  leaseRemaining: {
    name: 'model_service_lease_remaining_seconds',
    type: 'gauge',
    help: 'How long the lease of this worker still holds without renewal; 0 once it has lapsed.',
    labels: [],
  },
  retired: {
    name: 'model_service_incarnations_retired_total',
    type: 'counter',
    help: 'Incarnations given up after a failed transaction or a lost lease; the worker went on under a new id.',
    labels: ['reason'],
  },
  recoveries: {
    name: 'model_service_recoveries_total',
    type: 'counter',
    help: 'Recoveries of dead or retired incarnations that this worker completed.',
    labels: [],
  },
  recovered: {
    name: 'model_service_recovered_outcomes_total',
    type: 'counter',
    help: 'Outcomes that recoveries dealt with: `found` in the topic already, or `republished`.',
    labels: ['result'],
  },
  recoveryDuration: {
    name: 'model_service_recovery_duration_seconds',
    type: 'histogram',
    help: 'Duration of one recovery.',
    labels: [],
    buckets: callSeconds,
  },
  alarms: {
    name: 'model_service_recovery_alarms_total',
    type: 'counter',
    help: 'What a person must look at: recoveries that stopped or left something out. docs/delivery.md says what to do.',
    labels: ['what'],
  },
  lastAlarm: {
    name: 'model_service_recovery_last_alarm_timestamp_seconds',
    type: 'gauge',
    help: 'When the last of them was, as Unix time; 0 when there was none.',
    labels: [],
  },
  outboxRecords: {
    name: 'model_service_outbox_unpublished_records',
    type: 'gauge',
    help: 'Registry events and command results of all workers that have not left for Kafka yet.',
    labels: [],
  },
  outboxFailed: {
    name: 'model_service_outbox_failed_records',
    type: 'gauge',
    help: 'Those that were set aside because Kafka refuses them, until a person sees to them.',
    labels: [],
  },
  outboxOldest: {
    name: 'model_service_outbox_oldest_unpublished_seconds',
    type: 'gauge',
    help: 'Age of the oldest of them.',
    labels: [],
  },
  chunksDropped: {
    name: 'model_service_chunks_dropped_total',
    type: 'counter',
    help: 'Live deltas that were dropped; the terminal record has the whole answer.',
    labels: [],
  },
  scrapeFailures: {
    name: 'model_service_scrape_failures_total',
    type: 'counter',
    help: 'Sources that could not be asked for a scrape; their metrics are left out of it.',
    labels: ['source'],
  },
} as const satisfies Record<string, MetricDefinition>

/** A metric of the table. */
export type MetricName = keyof typeof metricTable
/** The labels that a metric needs. */
export type LabelsOf<TName extends MetricName> = Record<(typeof metricTable)[TName]['labels'][number], string | number>
