/**
 * The topics: what they hold and how they are kept. `model-service topics apply` creates them from this table, the docs
 * are generated from it, and nothing else names a topic.
 */

/** One topic of the contract. */
export interface TopicDefinition {
  /** Name without the prefix that a setting may put before all topics. */
  name: string
  /** What the record key is. */
  key: string
  /** The Avro record that it holds under subject `<topic>-value`; null for topics that carry original bytes. */
  record:
    | 'ModelRequest'
    | 'ModelCommand'
    | 'ModelCompletion'
    | 'ModelChunk'
    | 'PerformanceEvent'
    | 'RegistryEvent'
    | 'CommandResult'
    | null
  /** Compatibility level of the subject. */
  compatibility: 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE' | null
  /** Kept for so long, in ms; -1 keeps for ever. */
  retentionMs: number
  cleanupPolicy: 'delete' | 'compact'
  /** `wide` topics take the configured partition count; `single` ones have one partition. */
  partitions: 'wide' | 'single'
  summary: string
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** All topics, by the role that they have in the code. */
export const topics = {
  requests: topic(
    'model.requests',
    'ordering key of the producer, else requestId',
    'ModelRequest',
    'BACKWARD_TRANSITIVE',
    7 * dayMs,
    'Model requests.',
  ),
  commands: topic(
    'model.commands',
    'id of what the command changes',
    'ModelCommand',
    'BACKWARD_TRANSITIVE',
    30 * dayMs,
    'Commands to the registry. Whoever may write here administers the service.',
    { partitions: 'single' },
  ),
  completions: topic(
    'model.completions',
    'key of the request',
    'ModelCompletion',
    'FULL_TRANSITIVE',
    -1,
    'Exactly one terminal record per request.',
  ),
  chunks: topic(
    'model.chunks',
    'requestId',
    'ModelChunk',
    'FULL_TRANSITIVE',
    dayMs,
    'Live deltas of streamed requests.',
  ),
  replies: topic(
    'model.replies',
    'key of the request',
    'ModelCompletion',
    'FULL_TRANSITIVE',
    dayMs,
    'Copies of completions and command results for clients that wait for them: those whose request or command names this topic in `reply-topic`. Who reads it goes by the `correlation-id` before decoding.',
  ),
  performance: topic(
    'model.performance',
    'model',
    'PerformanceEvent',
    'FULL_TRANSITIVE',
    -1,
    'One event per attempt, one per request and one per feedback; never content.',
  ),
  registry: topic(
    'model.registry',
    'KIND/id of the entity',
    'RegistryEvent',
    'FULL_TRANSITIVE',
    -1,
    'Full state of each registry entity after its last change.',
    { cleanupPolicy: 'compact', partitions: 'single' },
  ),
  commandResults: topic(
    'model.command-results',
    'commandId',
    'CommandResult',
    'FULL_TRANSITIVE',
    7 * dayMs,
    'One answer per command.',
    { partitions: 'single' },
  ),
  retry10s: topic(
    'model.requests.retry.10s',
    'as the source',
    null,
    null,
    7 * dayMs,
    'Requests before their first retry, by default after 10 s; original bytes.',
  ),
  retry1m: topic(
    'model.requests.retry.1m',
    'as the source',
    null,
    null,
    7 * dayMs,
    'Requests before their second retry, by default after 1 min; original bytes.',
  ),
  retry10m: topic(
    'model.requests.retry.10m',
    'as the source',
    null,
    null,
    7 * dayMs,
    'Requests before their third retry, by default after 10 min; original bytes.',
  ),
  requestsDeadLetters: topic(
    'model.requests.dlt',
    'as the source',
    null,
    null,
    30 * dayMs,
    'Request records that could not be served as they are; original bytes, reason in headers.',
  ),
  commandsDeadLetters: topic(
    'model.commands.dlt',
    'as the source',
    null,
    null,
    30 * dayMs,
    'Command records that could not be read; original bytes, reason in headers.',
  ),
} as const satisfies Record<string, TopicDefinition>

/** The role of a topic. */
export type TopicRole = keyof typeof topics

/** Largest record of any topic, in bytes (`max.message.bytes`). */
export const maxMessageBytes = 8 * 1024 * 1024

/** The topic's full name. */
export function topicName(role: TopicRole, prefix: string): string {
  return prefix + topics[role].name
}

function topic(
  name: string,
  key: string,
  record: TopicDefinition['record'],
  compatibility: TopicDefinition['compatibility'],
  retentionMs: number,
  summary: string,
  rest: Partial<Pick<TopicDefinition, 'cleanupPolicy' | 'partitions'>> = {},
): TopicDefinition {
  return {
    name,
    key,
    record,
    compatibility,
    retentionMs,
    cleanupPolicy: 'delete',
    partitions: 'wide',
    summary,
    ...rest,
  }
}
