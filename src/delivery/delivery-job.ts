import type { ClaimRequest, ClaimResult } from './ledger.ts'
import type { ReceivedRecord } from './received-record.ts'

/** A request on its way through a worker: what the ledger must know of it, and the record that it came in. */
export interface DeliveryJob extends ClaimRequest {
  record: ReceivedRecord
}

/**
 * Rejection of `Delivery.publish`: the outcome was dropped because the request is not, or no longer, ours. `result` says
 * what was found: `published` finishes the record, `held` and `lost` ask to look again later, `mismatch` is for the dead
 * letter topic.
 */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost'
  readonly result: ClaimResult['kind'] | 'lost'

  constructor(result: ClaimResult['kind'] | 'lost') {
    super(`The outcome was dropped: its request is ${result}`)
    this.result = result
  }
}
