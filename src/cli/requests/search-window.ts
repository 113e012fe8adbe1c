import type { RequestRows } from '../../delivery/request-rows.ts'
import { type Place, placeText } from '../place.ts'

/** Clocks of workers, database and producers differ, and a record is stamped before it is sent. */
const marginMs = 60_000
const dayMs = 86_400_000

type KnownRows = Pick<RequestRows, 'ledger' | 'log' | 'cancellation'>

/** Between which times (Unix ms) records of a request may have been written; the last day when nothing is known of it. */
export function searchWindow({ ledger, log, cancellation }: KnownRows, now: number): SearchWindow {
  const begins = [ledger?.createdAt, cancellation?.requestedAt, ...log.map(({ startedAt }) => startedAt)]
  const ends = [ledger?.updatedAt, ...log.map(({ finishedAt }) => finishedAt)]
  const known = begins.filter((time) => time !== undefined)
  const isFinished = ledger === null ? log.length > 0 : ledger.state === 'PUBLISHED'
  return {
    fromMs: known.length === 0 ? now - dayMs : Math.min(...known) - marginMs,
    toMs: (isFinished ? Math.max(...ends.filter((time) => time !== undefined)) : now) + marginMs,
  }
}

/** The places that its request record is known to have had. */
export function sourcesOf({ ledger, log }: KnownRows): Place[] {
  const places = new Map<string, Place>()
  for (const row of [ledger, ...log]) {
    if (row === null || row.sourceTopic === null || row.sourcePartition === null || row.sourceOffset === null) continue
    const place = { topic: row.sourceTopic, partition: row.sourcePartition, offset: row.sourceOffset }
    places.set(placeText(place), place)
  }
  return [...places.values()]
}

/** Between which times to look, Unix ms. */
export interface SearchWindow {
  fromMs: number
  toMs: number
}

/**
 * Windows that overlap put together, so that nothing is read twice and nothing that lies between. Each comes with the indexes of the
 * windows that it is made of; oldest first.
 */
export function joinWindows(windows: readonly SearchWindow[]): (SearchWindow & { indexes: number[] })[] {
  const joined: (SearchWindow & { indexes: number[] })[] = []
  const sorted = windows
    .map((window, index) => ({ ...window, index }))
    .sort((left, right) => left.fromMs - right.fromMs)
  for (const { fromMs, toMs, index } of sorted) {
    const last = joined.at(-1)
    if (last === undefined || fromMs > last.toMs) joined.push({ fromMs, toMs, indexes: [index] })
    else {
      last.toMs = Math.max(last.toMs, toMs)
      last.indexes.push(index)
    }
  }
  return joined
}
