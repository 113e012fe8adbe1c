import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseError } from 'pg'
import { ModelServiceError } from '../../errors/model-service-error.ts'

/** How often a batch is sent again after a deadlock or a serialization failure before it counts as an outage. */
const MAX_CONFLICT_RETRIES = 5

/** A batch of one that the database refused for its data (SQLSTATE class 22 or 23). */
export interface Refusal<T> {
  item: T
  error: DatabaseError
}

/**
 * Runs one statement for many items. What the database refuses for its data is halved until the bad items stand alone, so
 * that one of them never holds the others and is never taken for an outage. A single refused item is tried once more: a
 * row on its way to the default partition is refused in the moment in which its day gets a partition of its own.
 *
 * @returns what the runs returned, joined, and the items that were refused
 * @throws DATABASE_UNAVAILABLE when nothing is known of a statement; parts of the batch may have been done
 * @throws DATABASE_VERSION when a table or column is missing
 */
export async function runBatch<T, R>(
  items: readonly T[],
  run: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<{ results: R[]; refused: Refusal<T>[] }> {
  if (items.length === 0) return { results: [], refused: [] }
  try {
    return { results: [...(await retryConflicts(() => run(items)))], refused: [] }
  } catch (error) {
    if (!isRefusedData(error)) throw toLedgerError(error)
    if (items.length === 1) return await runAlone(items, run)
    const middle = Math.ceil(items.length / 2)
    const first = await runBatch(items.slice(0, middle), run)
    const second = await runBatch(items.slice(middle), run)
    return { results: [...first.results, ...second.results], refused: [...first.refused, ...second.refused] }
  }
}

async function runAlone<T, R>(items: readonly T[], run: (items: readonly T[]) => Promise<readonly R[]>) {
  try {
    return { results: [...(await retryConflicts(() => run(items)))], refused: [] }
  } catch (error) {
    if (!isRefusedData(error)) throw toLedgerError(error)
    return { results: [], refused: items.map((item) => ({ item, error })) }
  }
}

/** Deadlocks and serialization failures undo the whole statement; a short random wait parts those that met. */
async function retryConflicts<R>(run: () => Promise<R>): Promise<R> {
  for (let retries = 0; ; retries++) {
    try {
      return await run()
    } catch (error) {
      const isConflict = error instanceof DatabaseError && (error.code === '40001' || error.code === '40P01')
      if (!isConflict || retries === MAX_CONFLICT_RETRIES) throw error
      await delay(Math.random() * 10 * 2 ** retries)
    }
  }
}

function isRefusedData(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^2[23]/.test(error.code ?? '')
}

/** The error of ours for one of the driver or the database. */
export function toLedgerError(cause: unknown): ModelServiceError {
  if (cause instanceof ModelServiceError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  if (cause instanceof DatabaseError && /^42(P01|703|883)$/.test(cause.code ?? '')) {
    return new ModelServiceError(
      'DATABASE_VERSION',
      `The schema of the database is not the one of this version (${message}). Run "model-service migrate"`,
      { cause },
    )
  }
  return new ModelServiceError(
    'DATABASE_UNAVAILABLE',
    `A statement of the ledger got no answer that can be used (${message}). It may have been carried out; repeat it when the database is back`,
    { cause },
  )
}
