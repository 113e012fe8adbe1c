import type { RequestRows } from '../../delivery/request-rows.ts'
import { type Place, placeText } from '../place.ts'

/** Clocks of workers, database and producers differ, and a record is stamped before it is sent. */
const marginMs = 60_000
const dayMs = 86_400_000

type KnownRows = Pick<RequestRows, 'ledger' | 'log' | 'cancellation'>

/** Between which times (Unix ms) records of a request may have been written; the last day when nothing is known of it. */
export function searchWindow({ ledger, log, cancellation }: KnownRows, now: number): { fromMs: number; toMs: number } {
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
