import type { ClaimResult } from './ledger.ts'

/** Hears what delivery does, for metrics. Nothing that it throws reaches delivery. */
export interface DeliveryObserver {
  /** A claim was answered. */
  claimed(kind: ClaimResult['kind']): void
  /** Calls of unknown fate that a claim was told of. */
  uncertain(count: number): void
  /** Outcomes were stored by one statement; `retry` says how many of them are retries. */
  settled(count: number, retryCount: number, durationMs: number): void
  /** A request is tried again for the n-th time, through a retry topic or in place. */
  retried(retry: number): void
  /** A transaction was committed. */
  published(recordCount: number, durationMs: number): void
  /** An incarnation was recovered: outcomes found, and those of them that had to be published again. */
  recovered(report: { owner: string; foundCount: number; republishedCount: number; durationMs: number }): void
  /** An incarnation of this process takes no more work. */
  retired(reason: 'publishing-failed' | 'lease-lost'): void
  /** Somebody must look: recovery stopped or left something out. `what` is a stable word. */
  alarm(what: DeliveryAlarm): void
}

/** What an operator is called for. */
export const deliveryAlarms = ['log-truncated', 'outcome-unreadable', 'outcome-unwritable', 'reply-dropped'] as const
/** Such a thing. */
export type DeliveryAlarm = (typeof deliveryAlarms)[number]

/** Nobody listens. */
export const noObserver: DeliveryObserver = {
  claimed() {},
  uncertain() {},
  settled() {},
  retried() {},
  published() {},
  recovered() {},
  retired() {},
  alarm() {},
}

/** Wraps an observer so that what it throws is swallowed. */
export function guardedObserver(observer: DeliveryObserver): DeliveryObserver {
  const guard =
    <TArguments extends unknown[]>(run: (...values: TArguments) => void) =>
    (...values: TArguments): void => {
      try {
        run.apply(observer, values)
      } catch {
        // The message in hand matters more than its metric.
      }
    }
  return {
    claimed: guard(observer.claimed),
    uncertain: guard(observer.uncertain),
    settled: guard(observer.settled),
    retried: guard(observer.retried),
    published: guard(observer.published),
    recovered: guard(observer.recovered),
    retired: guard(observer.retired),
    alarm: guard(observer.alarm),
  }
}
