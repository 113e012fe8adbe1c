import { InvalidArgumentError, Option } from 'commander'
import type { RegistryMoment } from '../../model-service/ports/registry.ts'

const timePattern = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

/** `--as-of <moment>`: reads a past state of the registry. */
export function asOfOption(): Option {
  return new Option(
    '--as-of <moment>',
    'as it was: a registry version, or a time (2026-11-24T12:00Z; a day alone is its start in UTC)',
  ).argParser(parseMoment)
}

/** A version in digits, or a time in ISO 8601 with its zone. @throws InvalidArgumentError */
export function parseMoment(text: string): RegistryMoment {
  if (/^\d{1,15}$/.test(text)) return { version: Number(text) }
  const day = timePattern.exec(text)?.[1]
  // Date.parse takes the 31st of February for a day in March.
  const isDay = day !== undefined && new Date(Date.parse(day) || 0).toISOString().startsWith(day)
  const time = isDay ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError(
      'Expected a registry version such as 17, or a time with its zone such as 2026-11-24T12:00Z.',
    )
  }
  return { time }
}
