/** Which request is to end CANCELLED, and the command that says so. */
export interface CancellationRequest {
  tenant: string
  requestId: string
  /** Why, as far as the command says it. */
  reason: string | null
  commandId: string
  /** Hash of the command's content. */
  digest: string
}

/** Remembers which requests are to end CANCELLED; those who run them learn it from there. */
export interface Cancellations {
  /**
   * Remembers it, also for a request that nobody knows yet. Repeating it changes nothing.
   * @returns `already-ended` when the request has its outcome, whatever that is
   * @throws COMMAND_ID_REUSED when the command's id was used before for another command: nothing is remembered then
   * @throws DATABASE_UNAVAILABLE
   */
  request(cancellation: CancellationRequest): Promise<'recorded' | 'already-ended'>
}
