import type { Fate, Faults } from './network.ts'
import { ok } from './network.ts'
import { Random } from './random.ts'
import type { ScriptedRequest, World } from './world.ts'
import { leaseMs } from './world.ts'

/** A script and the faults of one seed. */
export function randomFaults(seed: number): {
  requests: ScriptedRequest[]
  rebalancesAtMs: number[]
  stopsAtMs: number[]
  faults: (world: World) => Faults
} {
  const random = new Random(seed ^ 0x5eed)
  const requests = Array.from(
    { length: 1 + random.below(3) },
    (_, index): ScriptedRequest => ({
      id: `r${index + 1}`,
      atMs: random.pick([0, 0, 100, 3_000]),
      ...(random.chance(0.25) && { onUncertain: 'FAIL' as const }),
      ...(random.chance(0.25) && { topic: 'ordered' as const }),
      ...(random.chance(0.3) && { failureCount: 1 + random.below(3) }),
      ...(random.chance(0.1) && { invalid: true }),
      ...(random.chance(0.25) && { againAtMs: random.pick([0, 50, 4_000]), otherContent: random.chance(0.3) }),
    }),
  )
  const crashLimit = random.below(3)
  const pauseLimit = random.below(3)
  const lossLimit = random.below(6)
  const rate = random.pick([0.02, 0.05, 0.15])
  return {
    requests,
    rebalancesAtMs: random.chance(0.4) ? [random.below(8_000)] : [],
    stopsAtMs: random.chance(0.2) ? [random.pick([200, 1_000, 4_000]) + random.below(3_000)] : [],
    faults: (world) => {
      const left = { crash: crashLimit, pause: pauseLimit, loss: lossLimit }
      const draw = world.scheduler.random
      const take = (kind: keyof typeof left, fate: Fate): Fate => {
        if (left[kind] === 0) return ok
        left[kind]--
        return fate
      }
      const pauseMs = () => draw.pick([100, 1_000, leaseMs * 1.2, leaseMs * 2.5, leaseMs * 5])
      return {
        fateOf: (_process, point) => {
          if (!draw.chance(rate)) return ok
          const when = draw.pick(['before', 'after'] as const)
          switch (draw.below(5)) {
            case 0:
              return take('crash', { kind: 'crash', when })
            case 1:
              return take('pause', { kind: 'pause', when, durationMs: pauseMs() })
            default: {
              if (point.startsWith('provider')) return ok
              const kinds = [
                { kind: 'request-lost' },
                { kind: 'answer-lost' },
                { kind: 'late', lateMs: draw.pick([0, 500, 4_000]) },
              ] as const
              return take('loss', draw.pick(kinds))
            }
          }
        },
        atStep: () => {
          if (!draw.chance(rate)) return ok
          return draw.chance(0.5)
            ? take('crash', { kind: 'crash', when: 'before' })
            : take('pause', { kind: 'pause', when: 'before', durationMs: pauseMs() })
        },
      }
    },
  }
}
