/**
 * What a worker does to itself at the points of the delivery protocol, written `point:count:action` and separated by
 * commas. `count` says which arrival at the point counts, from 1, or is `*` for each. Actions: `exit` (SIGKILL), `stop`
 * (SIGSTOP) and `delay=<ms>`. Example: `settled:3:exit,fenced:*:delay=500`.
 */
export interface PlannedFault {
  point: string
  count: number | '*'
  action: { kind: 'exit' } | { kind: 'stop' } | { kind: 'delay'; delayMs: number }
}

/** @throws when the text is not a plan */
export function parseFaultPlan(text: string): PlannedFault[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [point = '', count = '', action = ''] = part.split(':')
      const delay = /^delay=(\d+)$/.exec(action)
      const isCount = count === '*' || /^[1-9]\d*$/.test(count)
      if (point === '' || !isCount || !(action === 'exit' || action === 'stop' || delay !== null)) {
        throw new Error(`"${part}" is no fault: expected point:count:exit, :stop or :delay=<ms>`)
      }
      return {
        point,
        count: count === '*' ? count : Number(count),
        action: delay === null ? { kind: action as 'exit' | 'stop' } : { kind: 'delay', delayMs: Number(delay[1]) },
      }
    })
}

/** Counts arrivals and carries the plan out. */
export class FaultySteps {
  readonly #plan: readonly PlannedFault[]
  readonly #act: (fault: PlannedFault) => void | Promise<void>
  readonly #arrivals = new Map<string, number>()

  constructor(plan: readonly PlannedFault[], act: (fault: PlannedFault) => void | Promise<void>) {
    this.#plan = plan
    this.#act = act
  }

  async reached(point: string): Promise<void> {
    const arrivals = (this.#arrivals.get(point) ?? 0) + 1
    this.#arrivals.set(point, arrivals)
    for (const fault of this.#plan) {
      if (fault.point === point && (fault.count === '*' || fault.count === arrivals)) await this.#act(fault)
    }
  }
}
