/**
 * What is to be said of a request of the range that has no terminal record. Only `lost` ones are sent again; pure.
 *
 * A request below the committed offset is finished for its consumer group, so it must have its terminal record, a row of the
 * ledger that leads to one, or a dead letter. Where it has none of them, nobody will ever serve it.
 */

/** See the head of the file; `repairStates` says each in words. */
export type RepairState = keyof typeof repairStates

/** What each state means, for people. */
export const repairStates = {
  lost: 'are in no ledger and behind the committed offset: nobody serves them',
  waiting: 'are not finished by the workers yet, or are still to be read',
  running: 'are at a provider now',
  retrying: 'wait for their next retry',
  settled: 'are finished, and are about to be published by their worker or a recovery',
  'dead-lettered': 'are in the dead letter topic',
  finished: 'are finished by the ledger, but their terminal record is not in the topic',
  forgotten: 'are older than LEDGER_RETENTION_DAYS: nobody can know whether they were finished',
} as const

/** A row of the ledger. */
export interface LedgerState {
  state: string
  /** Whether its owner was not declared dead. */
  ownerLives: boolean
  /** Whether it is, or was last, under way for a retry: the record of the retry topic brings it on. */
  isRetry: boolean
}

/** What is known of a request without a terminal record. */
export interface MissingRequest {
  /** Null when the ledger has no row. */
  ledger: LedgerState | null
  /** Whether all its records lie below the committed offsets of their consumer group. */
  isCommitted: boolean
  isDeadLettered: boolean
  /** Age of its record in ms. */
  ageMs: number
  ledgerRetentionMs: number
}

/** Says what holds of the request. */
export function judgeRequest(request: MissingRequest): RepairState {
  const { ledger, isCommitted, isDeadLettered, ageMs, ledgerRetentionMs } = request
  switch (ledger?.state) {
    case 'PUBLISHED':
      return 'finished'
    case 'SETTLED':
      return 'settled'
    case 'RETRYING':
      return 'retrying'
    case 'CLAIMED':
      // A dead owner's request is taken over when its record comes again, which it does unless the offset is behind it.
      if (ledger.ownerLives) return 'running'
      if (ledger.isRetry) return 'retrying'
      return isCommitted ? 'lost' : 'waiting'
    default:
      if (!isCommitted) return 'waiting'
      if (isDeadLettered) return 'dead-lettered'
      return ageMs >= ledgerRetentionMs ? 'forgotten' : 'lost'
  }
}
