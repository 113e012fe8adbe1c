import type { BrokenRules } from './broken-rules.ts'
import {
  answerLost,
  crash,
  type DirectedFault,
  directedFaults,
  late,
  requestLost,
  stop,
  stopAfter,
} from './directed-faults.ts'
import type { Script } from './schedule.ts'
import { leaseMs, type ScriptedRequest, type World } from './world.ts'

/** A schedule that was a counterexample as long as a rule was missing. */
export interface Counterexample {
  name: string
  requests: readonly ScriptedRequest[]
  faults: readonly DirectedFault[]
  workerCount?: number
  rebalancesAtMs?: readonly number[]
  forgetsDead?: boolean
  /** What must hold of each run beside the oracle's judgement. */
  holds?: (world: World) => boolean
}

const one: ScriptedRequest[] = [{ id: 'r1' }]
const two: ScriptedRequest[] = [{ id: 'r1' }, { id: 'r3', atMs: 30 }]
/** Two whose completions share a partition, served by two workers. */
const apart: ScriptedRequest[] = [{ id: 'r1' }, { id: 'r3', topic: 'ordered' }]
const longStop = leaseMs * 2.5

/** As a script. `fired` takes the faults that came to pass. */
export function scriptOf(
  { requests, faults, workerCount = 2, rebalancesAtMs = [], forgetsDead = false }: Counterexample,
  { fired, rules }: { fired?: Set<DirectedFault>; rules?: BrokenRules } = {},
): Script {
  return {
    requests,
    faults: directedFaults(faults, fired),
    workerCount,
    rebalancesAtMs,
    forgetsDead,
    ...(rules !== undefined && { rules }),
  }
}

const calledOnceEach = ({ provider, database }: World) => provider.calls.length === database.rows.size

/** By the numbers of "what each rule prevents" in docs/delivery.md. */
export const counterexamples: readonly Counterexample[] = [
  {
    name: '1: a send is appended and its answer lost',
    requests: two,
    faults: [{ at: 'kafka send', fate: answerLost }],
    holds: calledOnceEach,
  },
  {
    name: '2: a commit is in doubt while another call settles during the recovery',
    requests: two,
    faults: [{ at: 'kafka commit', fate: answerLost }],
    holds: calledOnceEach,
  },
  {
    name: '2: the same, and the commit comes late',
    requests: two,
    faults: [{ at: 'kafka commit', fate: late(40) }],
    holds: calledOnceEach,
  },
  {
    name: '3: the broker ends a transaction by its time-out while another call runs',
    requests: two,
    faults: [{ at: 'step sent', fate: stop(leaseMs * 0.8) }],
    holds: calledOnceEach,
  },
  {
    name: '4: stopped between settling and publishing; another recovers; it goes on',
    requests: one,
    faults: [{ at: 'step settled', fate: stop(longStop) }],
    holds: calledOnceEach,
  },
  {
    name: '4: stopped before it has opened its producer',
    requests: one,
    faults: [{ at: 'kafka initialise', fate: stop(longStop) }],
    holds: calledOnceEach,
  },
  {
    name: '5: stopped after the claim and before the call',
    requests: one,
    faults: [{ at: 'provider call', fate: stop(longStop) }],
    holds: ({ provider }) =>
      provider.calls
        .map(({ attempt }) => attempt)
        .toSorted()
        .join() === '1,17',
  },
  {
    name: '5: the same under onUncertain FAIL: never a second call',
    requests: [{ id: 'r1', onUncertain: 'FAIL' }],
    faults: [{ at: 'provider call', fate: stop(longStop) }],
    holds: ({ provider }) => provider.calls.length <= 1,
  },
  {
    name: '5: stopped at the claim: it does not call any more',
    requests: one,
    faults: [{ at: 'step claimed', fate: stop(longStop) }],
    holds: ({ provider }) => provider.calls.length === 1,
  },
  {
    name: '6: a worker whose lease has lapsed claims',
    requests: one,
    faults: [{ at: 'db insertClaims', fate: stop(longStop) }],
    holds: calledOnceEach,
  },
  {
    name: '6: a worker that is cut off from its lease, and knows it, claims and loses the partition',
    requests: [{ id: 'r1', atMs: 13_000 }],
    faults: Array.from({ length: 6 }, (_, index) => ({
      ...{ of: 'P1', at: 'db renew', time: index + 1 },
      fate: requestLost,
    })),
    rebalancesAtMs: [13_200, 13_800],
    holds: calledOnceEach,
  },
  {
    name: '7: a zombie settles after a takeover',
    requests: one,
    faults: [{ at: 'step called', fate: stop(longStop) }],
    holds: ({ provider }) => provider.calls.length === 2,
  },
  {
    name: '7: a zombie settles while the next owner is about to',
    requests: one,
    faults: [
      { at: 'step called', fate: stop(leaseMs * 1.9) },
      { at: 'step called', time: 2, fate: stop(leaseMs * 0.9) },
    ],
    holds: ({ provider }) => provider.calls.length === 2,
  },
  {
    name: '8: a commit is lost, and the answer to that of the recovery',
    requests: one,
    faults: [
      { at: 'kafka commit', fate: requestLost },
      { at: 'kafka commit', time: 2, fate: answerLost },
    ],
    holds: calledOnceEach,
  },
  {
    name: '9: a commit is in doubt behind the open transaction of another worker',
    requests: apart,
    faults: [
      { at: 'step sent', fate: stop(3_500) },
      { at: 'kafka commit', fate: answerLost },
    ],
    holds: calledOnceEach,
  },
  {
    name: '10: the beginning of the scan moves between commit and mark',
    requests: one,
    faults: [
      { at: 'db markPublished', fate: requestLost },
      { at: 'db markPublished', time: 2, fate: requestLost },
      { at: 'db markPublished', time: 3, fate: crash },
    ],
    holds: calledOnceEach,
  },
  {
    name: '11: the owner commits while others recover it',
    requests: one,
    faults: [{ at: 'kafka commit', fate: stopAfter(longStop) }],
    holds: calledOnceEach,
  },
  {
    name: '11: the owner goes on while its recovery is held up between scan and publishing',
    requests: one,
    faults: [
      { at: 'step begun', fate: stop(leaseMs * 1.9) },
      { at: 'step scanned', fate: stop(leaseMs * 1.5) },
    ],
    holds: calledOnceEach,
  },
  {
    name: '12: the answer to a claim is lost and the partition moves on',
    requests: two,
    faults: [
      { at: 'db insertClaims', fate: answerLost },
      { at: 'kafka offsets', time: 3, fate: requestLost },
    ],
    holds: calledOnceEach,
  },
  {
    name: '12: claims come late, after their key was claimed anew',
    requests: two,
    faults: [
      { at: 'db insertClaims', fate: answerLost },
      { at: 'db takeOverClaims', fate: late(900) },
      { at: 'db releaseForgotten', fate: late(900) },
    ],
    holds: calledOnceEach,
  },
  {
    name: '12: a record of other content is claimed under the same id while the claim is in doubt',
    requests: [{ id: 'r1', againAtMs: 0, otherContent: true }],
    faults: [{ at: 'db insertClaims', fate: answerLost }],
    holds: calledOnceEach,
  },
  {
    name: '13: the owner of a record that others have read dies before it settles',
    requests: [{ id: 'r1', againAtMs: 10 }],
    faults: [{ at: 'step called', fate: crash }],
  },
  {
    name: '14: the lease row of the dead is deleted while rows name it',
    requests: two,
    faults: [{ at: 'step called', time: 2, fate: crash }],
    forgetsDead: true,
  },
  {
    name: '15: killed between commit and mark',
    requests: one,
    faults: [{ at: 'step committed', fate: crash }],
    holds: calledOnceEach,
  },
  {
    name: '15: a mark whose answer is lost is repeated while the next try is on its way',
    requests: [{ id: 'r1', failureCount: 1 }],
    faults: [
      { at: 'db markPublished', fate: answerLost },
      { at: 'step sent', time: 2, fate: stop(2_500) },
    ],
    holds: ({ provider }) => provider.calls.length === 2,
  },
  ...(['fenced', 'read', 'scanned', 'republished'] as const).map((step) => ({
    name: `16: two recover, one dies when it has come to "${step}"`,
    requests: two,
    faults: [
      { at: 'step settled', fate: crash },
      { at: `step ${step}`, fate: crash },
    ],
    workerCount: 3,
  })),
  {
    name: '16: the commit of a recovery is in doubt',
    requests: one,
    faults: [
      { at: 'kafka commit', fate: requestLost },
      { at: 'kafka commit', time: 2, fate: late(30) },
    ],
    workerCount: 3,
    holds: calledOnceEach,
  },
]
