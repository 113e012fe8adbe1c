/** Each schedule here broke a promise as long as a rule was missing; each is run under several interleavings. */
import { expect, test } from 'vitest'
import { counterexamples, scriptOf } from './counterexamples.ts'
import type { DirectedFault } from './directed-faults.ts'
import { crash, directedFaults } from './directed-faults.ts'
import { explain, type Finding, findFailure } from './schedule.ts'

test.each(counterexamples)(
  '$name',
  async (counterexample) => {
    const { holds = () => true, faults } = counterexample
    const fired = new Set<DirectedFault>()
    const script = () => scriptOf(counterexample, { fired })
    let unexpected: Finding | null = null
    const failure = await findFailure({
      script,
      count: 30,
      onEnd: (world) => {
        if (!holds(world)) unexpected ??= { seed: world.seed, failure: new Error('other calls than expected') }
      },
    })
    const finding = failure ?? unexpected
    if (finding !== null) expect.fail(await explain(finding, script))
    // A fault that never came to pass would prove nothing.
    expect(faults.filter((fault) => !fired.has(fault))).toEqual([])
  },
  60_000,
)

test('10: what recovery must read is deleted: it stops, and publishes nothing on a guess', async () => {
  const finding = await findFailure({
    script: () => ({
      requests: [{ id: 'r1' }, { id: 'r3', topic: 'ordered' }],
      faults: directedFaults([{ at: 'step settled', fate: crash }]),
      workerCount: 2,
      truncatesAtMs: 5_500,
    }),
    count: 10,
  })
  expect(finding?.failure.message).toMatch(/never came to rest: a request has no terminal record/)
}, 60_000)
