/** One call that the double received. */
export interface DoubleCall {
  /** The request's `idempotency-key` header. */
  idempotencyKey: string | null
  path: string
  model: string | null
  /** What stands between `[id:` and `]` in the request's body: lets a test tie calls to its requests. */
  mark: string | null
  /** Unix time in ms at which the request had arrived whole. */
  startedAt: number
  /** Unix time in ms at which the answer was sent, or the caller went away; null while the call runs. */
  finishedAt: number | null
  /** HTTP status of the answer; null when none was sent. */
  status: number | null
}

/** Calls that are remembered; beyond it the oldest are forgotten, and counted as such. */
const rememberedCount = 200_000

/** Remembers every call, so that a test can count the calls per idempotency key: the oracle for calls paid twice. */
export class CallLedger {
  #calls: DoubleCall[] = []
  /** Calls forgotten because there were too many. */
  forgottenCount = 0

  /** Notes that a call began; the caller fills in how it ended. */
  begin(call: Pick<DoubleCall, 'idempotencyKey' | 'path' | 'model' | 'mark'>): DoubleCall {
    const entry: DoubleCall = { ...call, startedAt: Date.now(), finishedAt: null, status: null }
    this.#calls.push(entry)
    if (this.#calls.length > rememberedCount) {
      const forgotten = this.#calls.length - Math.floor(rememberedCount / 2)
      this.#calls.splice(0, forgotten)
      this.forgottenCount += forgotten
    }
    return entry
  }

  /** How many calls named this model. */
  countOf(model: string): number {
    return this.#calls.filter((call) => call.model === model).length
  }

  list(): readonly DoubleCall[] {
    return this.#calls
  }

  clear(): void {
    this.#calls = []
    this.forgottenCount = 0
  }
}
