import type { ContractName, RecordOf } from '../codec/contract-type.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { type ClientConnection, isUnreadable } from './client-connection.ts'

/** Who waits for which answer. Keys are made for one wait each. */
export class PendingAnswers<T> {
  readonly #waiting = new Map<string, PromiseWithResolvers<T>>()

  /** Whether anybody waits for the answer of this key. */
  has(key: string): boolean {
    return this.#waiting.has(key)
  }

  /** Waits from now on, until `end` is called. */
  wait(key: string): { answer: Promise<T>; end(): void } {
    const waiter = Promise.withResolvers<T>()
    // Whoever waits may have given up when the client is closed.
    waiter.promise.catch(() => {})
    this.#waiting.set(key, waiter)
    return { answer: waiter.promise, end: () => void this.#waiting.delete(key) }
  }

  resolve(key: string, answer: T): void {
    this.#waiting.get(key)?.resolve(answer)
  }

  reject(key: string, error: Error): void {
    this.#waiting.get(key)?.reject(error)
  }

  /** Rejects all that wait now. */
  rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}

/**
 * Gives a record of a topic of answers to whom its `correlation-id` names. Those of other clients are not even decoded.
 * @throws SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function takeAnswer<TName extends ContractName>(
  name: TName,
  { headers, value }: ReceivedRecord,
  { connection, pending }: { connection: Pick<ClientConnection, 'decode'>; pending: PendingAnswers<RecordOf<TName>> },
): Promise<void> {
  const correlationId = headers['correlation-id']
  if (correlationId === undefined || !pending.has(correlationId)) return
  try {
    pending.resolve(correlationId, await connection.decode(name, value))
  } catch (error) {
    if (!isUnreadable(error)) throw error
    pending.reject(correlationId, error)
  }
}
