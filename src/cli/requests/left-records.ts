import { placeText } from '../place.ts'
import type { FoundRecord } from './find-records.ts'

/** A record with content that no database statement can erase; chunks are one entry together. */
export interface LeftRecord {
  role: string
  /** Of the first. */
  place: string
  count: number
  bytes: number
  /** Unix ms before which Kafka does not delete the last; null when never. */
  keptUntil: number | null
}

interface Entry extends Omit<LeftRecord, 'keptUntil'> {
  topic: string
  firstAt: number
  lastAt: number
}

/** What still lies in Kafka of one request: places and sizes, never the records themselves, of which there may be many. */
export class LeftRecords {
  readonly #entries = new Map<string, Entry>()

  /** Takes a record up, unless it holds no content. A command to cancel holds none either, but its reason is somebody's words. */
  add({ role, record }: FoundRecord): void {
    if (role === 'performance' || record.value === null) return
    const { topic, timestamp, value } = record
    const place = placeText(record)
    const name = role === 'chunks' ? role : place
    const entry = this.#entries.get(name) ?? {
      role,
      place,
      count: 0,
      bytes: 0,
      topic,
      firstAt: timestamp,
      lastAt: timestamp,
    }
    entry.count += 1
    entry.bytes += value.length
    if (timestamp < entry.firstAt) Object.assign(entry, { firstAt: timestamp, place })
    entry.lastAt = Math.max(entry.lastAt, timestamp)
    this.#entries.set(name, entry)
  }

  /** Topics that hold something. */
  topics(): string[] {
    return [...new Set([...this.#entries.values()].map(({ topic }) => topic))]
  }

  /** All of it, oldest first. `retentions` in ms by topic; null, or nothing, where records are kept for ever. */
  list(retentions: ReadonlyMap<string, number | null>): LeftRecord[] {
    const sorted = [...this.#entries.values()].sort((left, right) => left.firstAt - right.firstAt)
    return sorted.map(({ role, place, count, bytes, topic, lastAt }) => {
      const retentionMs = retentions.get(topic) ?? null
      return { role, place, count, bytes, keptUntil: retentionMs === null ? null : lastAt + retentionMs }
    })
  }
}
