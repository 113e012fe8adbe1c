/** The delivery engine; see the methods. (Signature first: the body follows.) */
import type { ModelServiceError } from '../errors/model-service-error.ts'
import type { EventBus, Outcome } from '../model-service/ports.ts'
import type { DeliveryJob } from './delivery-job.ts'
import type { ClaimResult } from './ledger.ts'
import type { ReceivedRecord } from './received-record.ts'

/** Claims, settles, publishes and marks. */
export abstract class Delivery implements EventBus {
  /** Makes a job known before it runs, so that an outcome that needs no call (EXPIRED, INVALID_REQUEST) finds its record. */
  abstract accept(job: DeliveryJob): void
  /** Claims a request; `accept` is implied. @throws DATABASE_UNAVAILABLE: nothing is known, ask again later. */
  abstract claim(job: DeliveryJob): Promise<ClaimResult>
  /** Settles, publishes and marks the outcome of an accepted job; claims it first if that was not done. @throws ClaimLost */
  abstract publish(outcome: Outcome): Promise<void>
  /** Publishes the record, byte for byte, to the dead letter topic of its source. */
  abstract deadLetter(record: ReceivedRecord, error: ModelServiceError): Promise<void>
  /** Forgets a job, giving up its claim if it has one and no outcome is on its way. */
  abstract release(job: DeliveryJob): Promise<void>
  /** Resolves when everything that was handed over is published and marked. */
  abstract drain(): Promise<void>
}
