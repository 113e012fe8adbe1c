import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { parseTime, timeOption } from '../../../src/cli/time-option.ts'

const now = Date.UTC(2026, 4, 31, 12)

describe('a time', () => {
  it.each<[string, number]>([
    ['now', now],
    ['90s', now - 90_000],
    ['15m', now - 900_000],
    ['2h', now - 7_200_000],
    ['7d', now - 604_800_000],
    ['2026-05-31', Date.UTC(2026, 4, 31)],
    ['2026-05-31T12:00Z', now],
    ['2026-05-31T14:00:00.250+02:00', now + 250],
  ])('%s is read', (text, time) => {
    expect(parseTime(text, now)).toBe(time)
  })

  it.each(['', 'yesterday', '12', '-1h', '1w', '2026-13-01', '2026-05-31 12:00', '2026-05-31T12:00', '1780000000000'])(
    '%j is refused',
    (text) => {
      expect(parseTime(text, now)).toBeNull()
    },
  )

  it('says on the command line what was expected', () => {
    const command = new Command().exitOverride().addOption(timeOption('--from <time>', 'from', () => now))
    command.configureOutput({ writeErr: () => {} })
    expect(command.parse(['--from', '1h'], { from: 'user' }).opts()).toEqual({ from: now - 3_600_000 })
    expect(() => command.parse(['--from', 'soon'], { from: 'user' })).toThrow(/Expected a time like/)
  })
})
