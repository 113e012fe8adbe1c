import { refuse } from '../model-service/field-rules.ts'

/** How long the periods of a history are. */
export const periodLengths = ['day', 'week', 'month'] as const
/** One of {@link periodLengths}. */
export type PeriodLength = (typeof periodLengths)[number]

const dayMs = 86_400_000

/** Whether the text is a day of the calendar, as `2026-11-24`. */
export function isDay(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // Date.parse takes the 30th of February for the 2nd of March, and knows a year 0, which PostgreSQL does not.
  return !Number.isNaN(at) && dayOf(at) === text && !text.startsWith('0000')
}

/** @throws INVALID_REQUEST unless the text is undefined or a day of the calendar */
export function requireDay(name: string, text: string | undefined): void {
  if (text !== undefined && (typeof text !== 'string' || !isDay(text))) refuse(name, 'must be a day as 2026-11-24')
}

/** The day (UTC) of a Unix time in ms. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** The period that a day belongs to: `2026-11-24`, `2026-W48` (ISO 8601: weeks begin on Monday, week 1 has the first Thursday) or `2026-11`. */
export function periodOf(day: string, length: PeriodLength): string {
  switch (length) {
    case 'day':
      return day
    case 'week':
      return isoWeek(day)
    case 'month':
      return day.slice(0, 7)
    default:
      return length satisfies never
  }
}

function isoWeek(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`)
  const weekday = (new Date(at).getUTCDay() + 6) % 7
  // The week belongs to the year of its Thursday.
  const thursday = new Date(at + (3 - weekday) * dayMs)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * dayMs)) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}
