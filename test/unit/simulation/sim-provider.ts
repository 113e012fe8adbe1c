import type { Network } from './network.ts'
import type { SimProcess } from './sim-process.ts'

/** A call as the provider has booked it: it is paid from the moment at which it arrives. */
export interface ProviderCall {
  readonly requestId: string
  readonly attempt: number
  readonly token: number
  readonly process: SimProcess
  readonly at: number
  readonly answer: ProviderAnswer
}

/** What comes back. */
export type ProviderAnswer = 'ok' | 'overloaded'

/** Keeps the ledger of calls, the first oracle: what was really paid. */
export class SimProvider {
  readonly calls: ProviderCall[] = []
  readonly #network: Network
  /** How many calls of a request fail before one succeeds. */
  readonly #failures: ReadonlyMap<string, number>
  /** Told of each call that arrives. */
  onCall: (call: ProviderCall) => void = () => {}

  constructor(network: Network, failures: ReadonlyMap<string, number>) {
    this.#network = network
    this.#failures = failures
  }

  call(call: Omit<ProviderCall, 'at' | 'answer'>): Promise<ProviderAnswer> {
    const { scheduler } = this.#network
    return this.#network.call<ProviderAnswer>({
      process: call.process,
      point: 'provider call',
      giveUpMs: 60_000,
      lost: () => new Error('The provider does not answer'),
      serve: () => {
        const callCount = this.calls.filter(({ requestId }) => requestId === call.requestId).length
        const answer = callCount < (this.#failures.get(call.requestId) ?? 0) ? 'overloaded' : 'ok'
        const arrived: ProviderCall = { ...call, at: scheduler.now, answer }
        scheduler.note('provider is called by', call.process.name, 'for', call.requestId, 'attempt', call.attempt)
        this.calls.push(arrived)
        this.onCall(arrived)
        const durationMs = scheduler.random.pick([1, 10, 50, 500, 4_000])
        return new Promise((resolve) => {
          scheduler.after(durationMs, null, () => resolve(answer))
        })
      },
    })
  }
}
