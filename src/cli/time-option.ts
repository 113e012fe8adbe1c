import { InvalidArgumentError, Option } from 'commander'
import { UsageError } from './usage-error.ts'

const timePattern = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/
const agoPattern = /^(\d{1,9})([smhd])$/
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** What a time may be, for messages. */
export const timeForms =
  'a time like 2026-05-31T12:00:00Z, a date (its beginning in UTC), how long ago (90s, 15m, 2h, 7d), or now'

/** Reads a time as Unix ms; null when it is none. See {@link timeForms}. */
export function parseTime(text: string, now: number): number | null {
  if (text === 'now') return now
  const [, count, unit] = agoPattern.exec(text) ?? []
  if (count !== undefined && unit !== undefined) return now - Number(count) * unitMs[unit as keyof typeof unitMs]
  const time = timePattern.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? null : time
}

/** An option that takes a time and gives Unix ms. */
export function timeOption(flags: string, description: string, now: () => number = Date.now): Option {
  return new Option(flags, description).argParser((text: string) => {
    const time = parseTime(text, now())
    if (time === null) throw new InvalidArgumentError(`Expected ${timeForms}.`)
    return time
  })
}

/** @throws UsageError when `--from` lies behind `--to` (Unix ms): nothing can be between them */
export function requireOrder({ from, to }: { from?: number | undefined; to?: number | undefined }): void {
  if (from === undefined || to === undefined || from <= to) return
  const [later, earlier] = [from, to].map((time) => new Date(time).toISOString())
  throw new UsageError(`--from ${later} is later than --to ${earlier}: expected the earlier time first.`)
}
