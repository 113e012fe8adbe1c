/**
 * The settings: one table for validation, types, defaults, docs/configuration.md and .env.example. It is longer than
 * other files because it is a table. A setting is added here and nowhere else; rules over several settings stand at the
 * end of their group.
 */
import { bodyKeepings } from '../contract/body-keeping.ts'
import { replyTopicProblem } from './reply-topics.ts'
import { requestTopics } from './request-topics.ts'
import {
  choice,
  defaulting,
  delays,
  filePath,
  flag,
  type GroupValues,
  group,
  integer,
  list,
  optional,
  pattern,
  required,
  text,
  url,
  valuesByName,
  weights,
} from './setting.ts'
import { retentionProblem } from './topic-retention.ts'

const mebibyte = 1024 * 1024
const dayMs = 86_400_000
const http = url(['http:', 'https:'], { credentials: false })
const hostPattern = /^(\*\.[a-z0-9.-]+|[a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/i
const hosts = list(hostPattern, 'hosts, each host, host:port or *.suffix')

/** All settings by group and property. */
export const settingsSchema = {
  kafka: group(
    'Kafka',
    {
      brokers: required(
        'KAFKA_BROKERS',
        list(/^[^\s,/:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i, 'addresses host:port', 1),
        'Brokers to begin with.',
        { example: '127.0.0.1:9092' },
      ),
      clientId: defaulting('KAFKA_CLIENT_ID', text, 'model-service', 'Name under which brokers log this client.'),
      groupId: defaulting(
        'KAFKA_GROUP_ID',
        text,
        'model-service',
        'Consumer group of the workers; all workers of one service share it. Commands are read by `<group>.commands`.',
      ),
      tlsEnabled: defaulting('KAFKA_TLS_ENABLED', flag, 'false', 'Whether brokers are spoken to over TLS.'),
      tlsCaFile: optional(
        'KAFKA_TLS_CA_FILE',
        filePath,
        'PEM file of the authorities to trust instead of those built into Node.',
      ),
      tlsCertFile: optional('KAFKA_TLS_CERT_FILE', filePath, 'PEM file of the client certificate, for mutual TLS.'),
      tlsKeyFile: optional('KAFKA_TLS_KEY_FILE', filePath, 'PEM file of the key of the client certificate.'),
      saslMechanism: optional(
        'KAFKA_SASL_MECHANISM',
        choice(['plain', 'scram-sha-256', 'scram-sha-512']),
        'How to log in; no log-in when absent. `plain` sends the password as it is: use it with TLS only.',
      ),
      saslUsername: optional('KAFKA_SASL_USERNAME', text, 'User to log in as.'),
      saslPassword: optional('KAFKA_SASL_PASSWORD', text, 'Password of that user.', { secret: true }),
      sessionTimeoutMs: defaulting(
        'KAFKA_SESSION_TIMEOUT_MS',
        integer(6_000, 300_000),
        '30000',
        'After so long without a sign of life the group gives the partitions of a worker to others.',
      ),
      topicPrefix: defaulting(
        'TOPIC_PREFIX',
        pattern(/^[A-Za-z0-9._-]{0,100}$/, 'up to 100 of A-Z a-z 0-9 . _ -'),
        '',
        'Put before the names of all topics, for example `staging.`.',
      ),
      requestTopics: defaulting(
        'REQUEST_TOPICS',
        requestTopics,
        'model.requests',
        'Topics that requests are read from, without the prefix. `order=key` serves the records of one key one after the other, `order=partition` those of a partition; then what fails is tried again in place, and holds up only its key or partition. `tenant=NAME` refuses the requests of all other tenants.',
      ),
      replyTopics: defaulting(
        'REPLY_TOPICS',
        list(/^[A-Za-z0-9._-]{1,249}$/, 'topic names'),
        '',
        'Topics, by their full names, that a `reply-topic` header may name, beside `model.replies`. Other reply topics are ignored.',
      ),
      topicRetentionDays: defaulting(
        'TOPIC_RETENTION_DAYS',
        valuesByName('topics without the prefix', integer(0, 3_650)),
        '',
        'How long `model-service topics apply` lets single topics keep their records, instead of what docs/topics.md says, as `model.completions=400,model.requests=3`.',
        { zero: 'for ever' },
      ),
    },
    [
      ({ tlsEnabled, tlsCaFile, tlsCertFile, tlsKeyFile }) =>
        !tlsEnabled && (tlsCaFile ?? tlsCertFile ?? tlsKeyFile) !== null
          ? 'KAFKA_TLS_CA_FILE, KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE have no effect: expected KAFKA_TLS_ENABLED=true beside them'
          : null,
      ({ tlsCertFile, tlsKeyFile }) =>
        (tlsCertFile === null) !== (tlsKeyFile === null)
          ? 'only one of KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE is set: expected both or neither'
          : null,
      ({ saslMechanism, saslUsername, saslPassword }) =>
        new Set([saslMechanism === null, saslUsername === null, saslPassword === null]).size > 1
          ? 'only some of KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are set: expected all or none'
          : null,
      retentionProblem,
      replyTopicProblem,
    ],
  ),
  schemaRegistry: group(
    'Schema registry',
    {
      url: required(
        'SCHEMA_REGISTRY_URL',
        http,
        "Base address of a registry with Confluent's API; of an Apicurio Registry, `…/apis/ccompat/v7`.",
        { example: 'http://127.0.0.1:8081/apis/ccompat/v7' },
      ),
      username: optional('SCHEMA_REGISTRY_USERNAME', text, 'User for HTTP basic authentication.'),
      password: optional('SCHEMA_REGISTRY_PASSWORD', text, 'Password of that user.', { secret: true }),
      caFile: optional(
        'SCHEMA_REGISTRY_CA_FILE',
        filePath,
        'PEM file of the authorities to trust instead of those built into Node.',
      ),
      timeoutMs: defaulting(
        'SCHEMA_REGISTRY_TIMEOUT_MS',
        integer(100, 120_000),
        '10000',
        'How long one call of the registry may take.',
      ),
    },
    [
      ({ username, password }) =>
        (username === null) !== (password === null)
          ? 'only one of SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD is set: expected both or neither'
          : null,
      ({ caFile, url: address }) =>
        caFile !== null && address.startsWith('http:')
          ? 'SCHEMA_REGISTRY_CA_FILE has no effect: expected a SCHEMA_REGISTRY_URL that begins with https://'
          : null,
    ],
  ),
  database: group('Database', {
    url: required(
      'DATABASE_URL',
      url(['postgres:', 'postgresql:'], { credentials: true }),
      'The PostgreSQL database, for example `postgresql://user:password@host:5432/model_service?sslmode=verify-full`.',
      { secret: true, example: 'postgresql://postgres:postgres@127.0.0.1:5432/model_service' },
    ),
    connectionsCount: defaulting(
      'DATABASE_CONNECTIONS_COUNT',
      integer(2, 500),
      '10',
      'Connections that one worker keeps at most.',
    ),
    connectTimeoutMs: defaulting(
      'DATABASE_CONNECT_TIMEOUT_MS',
      integer(100, 120_000),
      '10000',
      'How long to wait for a connection.',
    ),
    statementTimeoutMs: defaulting(
      'DATABASE_STATEMENT_TIMEOUT_MS',
      integer(100, 600_000),
      '30000',
      'How long one statement may run before the database ends it.',
    ),
  }),
  delivery: group(
    'Delivery',
    {
      mode: defaulting(
        'DELIVERY_MODE',
        choice(['ledger', 'at-least-once']),
        'ledger',
        'ledger: one terminal record per request and no call paid twice, kept in PostgreSQL. at-least-once: no ledger; a crash may repeat calls and records.',
      ),
      leaseMs: defaulting(
        'LEASE_MS',
        integer(1_000, 300_000),
        '15000',
        'After so long without renewing its lease a worker may be declared dead, and its requests are taken over. Leases are renewed every 5 s, or three times in that time; a pause longer than this may repeat calls.',
      ),
      retryDelaysMs: defaulting(
        'RETRY_DELAYS_MS',
        delays(1, dayMs),
        '10000,60000,600000',
        'Waits before a request is tried again whose failure may pass, one for each retry topic; then it fails for good. In ordered topics it waits in place. none: every failure is final.',
      ),
      transactionTimeoutMs: defaulting(
        'TRANSACTION_TIMEOUT_MS',
        integer(1_000, 900_000),
        '15000',
        'After so long the broker ends the open transaction of a worker that died; until then, or until another worker recovers it, readers of committed records wait.',
      ),
      recoveryIntervalMs: defaulting(
        'RECOVERY_INTERVAL_MS',
        integer(100, 600_000),
        '2000',
        'How often a worker looks for results that dead workers have left unpublished.',
      ),
      cancelPollMs: defaulting(
        'CANCEL_POLL_MS',
        integer(100, 60_000),
        '1000',
        'How often a worker looks whether one of its running requests is to be cancelled.',
      ),
      ledgerRetentionDays: defaulting(
        'LEDGER_RETENTION_DAYS',
        integer(1, 3_650),
        '40',
        'How long finished requests are remembered. Must exceed the retention of the request, retry and dead letter topics, and by their segment.ms (7 days by default), as Kafka deletes whole segments; `model-service doctor` checks it.',
      ),
      outcomeBatchCount: defaulting(
        'OUTCOME_BATCH_COUNT',
        integer(1, 5_000),
        '500',
        'Outcomes that are stored and published together at most.',
      ),
      outcomeLingerMs: defaulting(
        'OUTCOME_LINGER_MS',
        integer(0, 1_000),
        '3',
        'How long an outcome waits for others to be stored and published with.',
        { zero: 'does not wait' },
      ),
      drainTimeoutMs: defaulting(
        'DRAIN_TIMEOUT_MS',
        integer(0, 3_600_000),
        '25000',
        'How long running calls may go on after SIGTERM. Keep it below the grace period of the platform.',
        { zero: 'running calls are ended at once' },
      ),
    },
    [
      ({ retryDelaysMs }) =>
        retryDelaysMs.length > 3
          ? `RETRY_DELAYS_MS holds ${retryDelaysMs.length} waits: expected at most 3, one for each retry topic`
          : null,
    ],
  ),
  intake: group(
    'Intake',
    {
      maxConcurrentRequestsCount: defaulting(
        'MAX_CONCURRENT_REQUESTS_COUNT',
        integer(1, 10_000),
        '64',
        'Requests that one worker has at providers at the same time.',
      ),
      windowCount: defaulting(
        'WINDOW_COUNT',
        integer(1, 100_000),
        '1000',
        'Records that one worker holds, waiting and running; above it fetching pauses until 70 % are left.',
      ),
      windowBytes: defaulting(
        'WINDOW_BYTES',
        integer(mebibyte, 16_384 * mebibyte),
        String(64 * mebibyte),
        'The same limit in bytes of keys, values and headers.',
      ),
      keyWindowCount: defaulting(
        'KEY_WINDOW_COUNT',
        integer(1, 100_000),
        '50',
        'Records that one worker holds of one key or partition of an ordered topic; above it reading of that partition pauses until 70 % are left, so that a stuck key leaves the rest of the window to others. More than WINDOW_COUNT counts as that.',
      ),
      tenantMaxConcurrentCount: defaulting(
        'TENANT_MAX_CONCURRENT_COUNT',
        integer(0, 10_000),
        '0',
        'Requests that one worker has at providers at the same time for one tenant.',
        { zero: 'as many as MAX_CONCURRENT_REQUESTS_COUNT allows' },
      ),
      tenantWeights: defaulting(
        'TENANT_WEIGHTS',
        weights('tenants'),
        '',
        'How often a tenant has its turn in each lane, as `acme=3,beta=2`; every other tenant has 1.',
      ),
      commitIntervalMs: defaulting(
        'COMMIT_INTERVAL_MS',
        integer(100, 60_000),
        '1000',
        'How often offsets of finished records are committed.',
      ),
    },
    [
      ({ windowCount, maxConcurrentRequestsCount }) =>
        windowCount < maxConcurrentRequestsCount
          ? `WINDOW_COUNT is ${windowCount}: expected at least MAX_CONCURRENT_REQUESTS_COUNT, which is ${maxConcurrentRequestsCount}`
          : null,
    ],
  ),
  models: group('Models', {
    defaultModel: optional(
      'DEFAULT_MODEL',
      text,
      'Model or route for requests that name neither model nor provider; they are refused when absent.',
    ),
    attemptTimeoutMs: defaulting(
      'ATTEMPT_TIMEOUT_MS',
      integer(100, dayMs),
      '600000',
      'Total time of one provider call.',
    ),
    maxQueueWaitMs: defaulting(
      'MAX_QUEUE_WAIT_MS',
      integer(0, dayMs),
      '3600000',
      'Longest wait of a request for the limits of its provider, before anything is claimed; then it ends RATE_LIMITED, which retry topics take up. Its deadline ends it before.',
      { zero: 'does not wait' },
    ),
    specializationUrl: optional(
      'SPECIALIZATION_URL',
      http,
      'Where the prompts of specializations are fetched: `<url>/<specializationId>`. Requests with a specialization get a warning when absent.',
    ),
    specializationTimeoutMs: defaulting(
      'SPECIALIZATION_TIMEOUT_MS',
      integer(10, 60_000),
      '2000',
      'How long fetching a specialization may take; then the request goes on without it, with a warning.',
    ),
    tokenCounting: defaulting(
      'TOKEN_COUNTING',
      choice(['local', 'provider']),
      'local',
      'Who counts the tokens of a chat that may not fit the context window: nobody but the worker, or the provider where it has a call for that. Then a request waits up to 2 s longer, and only for models with a registered context window.',
    ),
    maxMediaBytes: defaulting(
      'MAX_MEDIA_BYTES',
      integer(1, 512 * mebibyte),
      String(25 * mebibyte),
      'Largest medium of a request, inline or fetched. A record as a whole is limited to 8 MiB.',
    ),
    maxChatMediaBytes: defaulting(
      'MAX_CHAT_MEDIA_BYTES',
      integer(1, 1_024 * mebibyte),
      String(64 * mebibyte),
      'Media of one chat together, where the service fetches them for the provider. No provider takes more than 100 MB.',
    ),
    structuredOutputRepair: defaulting(
      'STRUCTURED_OUTPUT_REPAIR',
      flag,
      'true',
      'Whether a chat answer that does not fit the JSON Schema it was asked for is sent back once to be mended. That is a further call, with its cost.',
    ),
    providerAllowedHosts: defaulting(
      'PROVIDER_ALLOWED_HOSTS',
      hosts,
      '',
      'Hosts that registered providers may have beside those of the presets and loopback. Keys are sent there.',
    ),
    mediaAllowedHosts: defaulting(
      'MEDIA_ALLOWED_HOSTS',
      hosts,
      '',
      'Hosts on private, loopback or link-local addresses from which media may be fetched all the same.',
    ),
    secretsDir: optional(
      'SECRETS_DIR',
      filePath,
      'Folder of files that hold provider keys. A provider names a file beneath it as `file:<path>`; keys in variables begin with `MODEL_KEY_`.',
    ),
  }),
  providerHttp: group('HTTP to providers', {
    connectTimeoutMs: defaulting(
      'PROVIDER_CONNECT_TIMEOUT_MS',
      integer(10, 120_000),
      '10000',
      'How long connecting, TLS included, may take.',
    ),
    maxAnswerBytes: defaulting(
      'PROVIDER_MAX_ANSWER_BYTES',
      integer(1_024, 1_024 * mebibyte),
      String(64 * mebibyte),
      'Largest answer of a provider.',
    ),
  }),
  reliability: group('Retries within a run', {
    targetRetriesCount: defaulting(
      'TARGET_RETRIES_COUNT',
      integer(0, 15),
      '2',
      'How often a target is called again, within one run of a request, after a failure that may pass; a route can say otherwise for each of its targets. Retry topics come after that.',
      { zero: 'none: every failure goes to the next target, or ends the run' },
    ),
    retryMaxWaitMs: defaulting(
      'RETRY_MAX_WAIT_MS',
      integer(0, 60_000),
      '5000',
      'Longest wait within a run that a provider or its limits ask for; the request holds its slot meanwhile. What must wait longer goes to the next target or to a retry topic.',
      { zero: 'none' },
    ),
    firstByteTimeoutMs: defaulting(
      'PROVIDER_FIRST_BYTE_TIMEOUT_MS',
      integer(0, dayMs),
      '30000',
      'How long the headers of an answer may take where another target can take over; five times as long for answers in one piece and for reasoning.',
      { zero: 'only ATTEMPT_TIMEOUT_MS holds' },
    ),
    firstTokenTimeoutMs: defaulting(
      'PROVIDER_FIRST_TOKEN_TIMEOUT_MS',
      integer(0, dayMs),
      '60000',
      'How long the first content of a chat may take where another target can take over; five times as long for reasoning.',
      { zero: 'only ATTEMPT_TIMEOUT_MS holds' },
    ),
    idleTimeoutMs: defaulting(
      'PROVIDER_IDLE_TIMEOUT_MS',
      integer(0, dayMs),
      '60000',
      'How long an answer may be silent once it has begun; keep-alives of a stream do not count.',
      { zero: 'only ATTEMPT_TIMEOUT_MS holds' },
    ),
    breakerFailuresCount: defaulting(
      'BREAKER_FAILURES_COUNT',
      integer(0, 20),
      '5',
      'Failures in a row after which a model at a provider is not called for a while; half of the last 20 calls do it, too.',
      { zero: 'it is always called' },
    ),
    breakerCooldownMs: defaulting(
      'BREAKER_COOLDOWN_MS',
      integer(100, 20_000),
      '5000',
      'How long it is not called; then one call at a time probes it.',
    ),
  }),
  observability: group('Logs and health', {
    logLevel: defaulting(
      'LOG_LEVEL',
      choice(['debug', 'info', 'warn', 'error', 'silent']),
      'info',
      'Lowest level that is logged. Logs are JSON lines on standard output and never hold prompts, answers or keys.',
    ),
    healthHost: defaulting(
      'HEALTH_HOST',
      pattern(/^[a-z0-9.:-]+$/i, 'an address to listen on'),
      '127.0.0.1',
      'Address of `/livez` and `/readyz`; `0.0.0.0` in a container.',
    ),
    healthPort: defaulting('HEALTH_PORT', integer(0, 65_535), '8080', 'Port of `/livez` and `/readyz`.', {
      zero: 'no health server',
    }),
  }),
  requestLog: group('Request log', {
    bodies: defaulting(
      'REQUEST_LOG_BODIES',
      choice(bodyKeepings),
      'full',
      'What the request log in PostgreSQL keeps of requests and completions: their bytes, only the SHA-256 of these (which proves what they were, and by which guessable content can be guessed), or neither. Without the bytes, an answer that is too large to publish is lost. The topics hold the same content whatever is set here.',
    ),
    tenantBodies: defaulting(
      'REQUEST_LOG_TENANT_BODIES',
      valuesByName('tenants', choice(bodyKeepings)),
      '',
      'The same for single tenants, as `acme=none,beta=hash`.',
    ),
    retentionDays: defaulting(
      'REQUEST_LOG_RETENTION_DAYS',
      integer(0, 3_650),
      '30',
      'How long rows of the request log are kept.',
      { zero: 'for ever' },
    ),
  }),
  performance: group('Performance of models', {
    retentionDays: defaulting(
      'PERFORMANCE_RETENTION_DAYS',
      integer(0, 36_500),
      '730',
      'How long the sums of requests, cost, time and quality by model, task type and day are kept; no text is in them.',
      { zero: 'for ever' },
    ),
  }),
}

/** Name of a group of settings. */
export type SettingsGroup = keyof typeof settingsSchema

/** All settings, by group and property, as values. */
export type Settings = {
  readonly [G in SettingsGroup]: GroupValues<(typeof settingsSchema)[G]['settings']>
}
