import { type Fate, type Faults, ok } from './network.ts'
import type { SimProcess } from './sim-process.ts'
import type { World } from './world.ts'

/** One thing that goes wrong, at the n-th time that somebody comes to a place. */
export interface DirectedFault {
  /** A request, for example `db settleClaims` or `kafka commit`, or a step, for example `step settled`. */
  at: string
  /** Only in this process, for example `P1`. */
  of?: string
  /** Which time; counts from 1; default 1. */
  time?: number
  fate: Fate
}

/** Faults by plan; the interleaving of all else is left to the seed. `fired` takes those that came to pass. */
export function directedFaults(
  faults: readonly DirectedFault[],
  fired: Set<DirectedFault> = new Set(),
): (world: World) => Faults {
  return () => {
    const times = new Map<string, number>()
    const count = (name: string): number => {
      const time = (times.get(name) ?? 0) + 1
      times.set(name, time)
      return time
    }
    const fateAt = ({ name }: SimProcess, at: string): Fate => {
      const [time, timeOfProcess] = [count(at), count(`${name} ${at}`)]
      const fault = faults.find(
        ({ of, at: place, time: wanted = 1 }) =>
          place === at && (of === undefined ? wanted === time : of === name && wanted === timeOfProcess),
      )
      if (fault === undefined) return ok
      fired.add(fault)
      return fault.fate
    }
    return { fateOf: fateAt, atStep: (process, step) => fateAt(process, `step ${step}`) }
  }
}

/** kill -9 at this moment. */
export const crash: Fate = { kind: 'crash', when: 'before' }
/** Carried out, and the answer lost. */
export const answerLost: Fate = { kind: 'answer-lost' }
/** Never carried out. */
export const requestLost: Fate = { kind: 'request-lost' }
/** Carried out so many ms after its sender has given up. */
export const late = (lateMs: number): Fate => ({ kind: 'late', lateMs })
/** Stands still for so long before it goes on. */
export const stop = (durationMs: number): Fate => ({ kind: 'pause', when: 'before', durationMs })
/** Stands still for so long when its request has been carried out. */
export const stopAfter = (durationMs: number): Fate => ({ kind: 'pause', when: 'after', durationMs })
