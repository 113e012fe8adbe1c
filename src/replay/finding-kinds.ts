/**
 * What an audit can find wrong, by a stable word. Each is something that the service promises, so each is a reason to look; which
 * comparison finds it stands in audit-checks.ts and completion-checks.ts. docs/audit.md is held equal to this table by a test.
 */
export const findingKinds = {
  missing: 'requests without a terminal record',
  doubled: 'requests with several terminal records',
  'record-lost': 'request records that cannot be read and are in no dead letter topic',
  'request-altered': 'requests that are not what their terminal record was made for',
  'duplicate-served': 'repeated ids with other content that are in no dead letter topic',
  'dead-letter-altered': 'dead letters that are not the bytes of their source',
  'rejected-unseen': 'rejected requests without a dead letter',
  'record-unreadable': 'terminal records or performance events that cannot be read',
  'cost-sum': 'terminal records whose cost is not the sum of their attempts',
  'price-card': 'costs whose price card does not go with them',
  'attempt-number': 'attempt numbers used twice in one request',
  'event-missing': 'attempts and requests without their performance event',
  'event-unknown': 'performance events of attempts or requests that no terminal record knows',
  'event-doubled': 'performance events that are there twice',
  'event-cost': 'performance events with another cost than the terminal record',
  'event-differs': 'performance events that say something else than the terminal record',
  'event-content': 'performance events that may hold content',
  'answer-altered': 'terminal records that are not the bytes that were stored for them',
  'log-missing': 'terminal records without a row in the request log',
  'log-unpublished': 'rows of the request log without a terminal record',
  'log-cost': 'rows of the request log with another cost than the terminal record',
  'log-differs': 'rows of the request log that say something else than the terminal record',
  'ledger-missing': 'terminal records without a row in the ledger',
  'ledger-differs': 'rows of the ledger that say something else than the terminal record',
  'registry-version': 'terminal records of a registry version that there never was',
  stuck: 'requests in hand that nobody has worked at for an hour',
} as const satisfies Readonly<Record<string, string>>

/** One of {@link findingKinds}. */
export type FindingKind = keyof typeof findingKinds
