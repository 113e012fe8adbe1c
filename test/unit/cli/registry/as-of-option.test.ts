import { expect, it } from 'vitest'
import { parseMoment } from '../../../../src/cli/registry/as-of-option.ts'

it.each([
  ['17', { version: 17 }],
  ['0', { version: 0 }],
  ['2026-11-24', { time: Date.UTC(2026, 10, 24) }],
  ['2026-11-24T12:30Z', { time: Date.UTC(2026, 10, 24, 12, 30) }],
  ['2026-11-24T12:30:15.250+02:00', { time: Date.UTC(2026, 10, 24, 10, 30, 15, 250) }],
  ['2028-02-29', { time: Date.UTC(2028, 1, 29) }],
])('reads %s', (text, moment) => {
  expect(parseMoment(text)).toEqual(moment)
})

it.each([
  '',
  '-1',
  '1.5',
  '1e3',
  'yesterday',
  '2026-11-24T12:30',
  '2026-02-31',
  '2026-13-01',
  '2026-11-24T25:00Z',
  '9'.repeat(16),
])('refuses %j', (text) => {
  expect(() => parseMoment(text)).toThrow('Expected a registry version such as 17, or a time with its zone')
})
