/**
 * The protocol under random interleavings: 10,000 schedules with crashes, pauses, lost and late answers, rebalances, retries and
 * duplicates. `SIM_SEED` and `SIM_SCHEDULES` choose others; a failing seed is printed with all that happened.
 */
import { expect, test } from 'vitest'
import { explain, findFailure, randomScript } from './schedule.ts'

test('whatever comes between: one terminal record, no call repeated without need, nothing left behind', async () => {
  const count = Number(process.env['SIM_SCHEDULES'] ?? 10_000)
  const seen = { crashes: 0, pauses: 0, calls: 0, requests: 0, retirements: 0, unknown: 0, retries: 0 }
  const script = (seed: number) => randomScript(seed)
  const finding = await findFailure({
    script,
    firstSeed: Number(process.env['SIM_SEED'] ?? 1),
    count,
    onEnd: ({ workers, provider, database }) => {
      seen.crashes += workers.filter(({ process }) => process.hasCrashed).length
      seen.pauses += workers.filter(({ process }) => process.longestPauseMs() > 0).length
      seen.calls += provider.calls.length
      seen.requests += database.rows.size
      seen.retirements += [...database.workers.values()].filter(({ retired }) => retired).length
      for (const { unknownCount, retry } of database.rows.values()) {
        seen.unknown += unknownCount
        seen.retries += retry
      }
    },
  })
  if (finding !== null) expect.fail(await explain(finding, script))
  // A run in which nothing went wrong would prove nothing.
  if (count < 1_000) return
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(count / 50)
}, 300_000)
