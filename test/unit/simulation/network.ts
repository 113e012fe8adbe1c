/** What lies between processes and servers: latency, loss, and the moments in which a process may be stopped or killed. */
import type { StepName } from '../../../src/delivery/steps.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimProcess } from './sim-process.ts'

/**
 * What becomes of a request: it is carried out and answered; it never arrives; it is carried out and the answer is lost; it
 * is carried out `lateMs` after its sender has given up. Or the process dies or stands still, before sending or with the
 * answer on its way.
 */
export type Fate =
  | { kind: 'ok' }
  | { kind: 'request-lost' }
  | { kind: 'answer-lost' }
  | { kind: 'late'; lateMs: number }
  | { kind: 'crash'; when: 'before' | 'after' }
  | { kind: 'pause'; when: 'before' | 'after'; durationMs: number }

/** Decides what goes wrong, and when. */
export interface Faults {
  /** `point` names the request, for example `db settleClaims` or `kafka commit`. */
  fateOf(process: SimProcess, point: string): Fate
  /** What happens to a process at a step of the protocol. */
  atStep(process: SimProcess, step: StepName): Fate
}

/** Nothing goes wrong. */
export const ok: Fate = { kind: 'ok' }

/** A request on its way. */
export interface Request<T> {
  process: SimProcess
  point: string
  /** Carried out by the server, in one moment; a promise where the answer has to wait. */
  serve(): T | Promise<T>
  /** After so long without an answer the sender gives up, in ms. */
  giveUpMs: number
  /** The error that the sender then sees. */
  lost(): Error
}

const latenciesMs = [0, 1, 1, 2, 3, 5, 20]

/** See the head of the file. */
export class Network {
  readonly scheduler: Scheduler
  faults: Faults
  #lateCount = 0

  constructor(scheduler: Scheduler, faults: Faults) {
    this.scheduler = scheduler
    this.faults = faults
  }

  /** Requests whose senders have given up, and that will be carried out nevertheless. */
  get lateCount(): number {
    return this.#lateCount
  }

  /** Sends a request; settles as its fate says, or never, where the process is gone. */
  call<T>(request: Request<T>): Promise<T> {
    const { process, point, giveUpMs } = request
    const { scheduler } = this
    const fate = this.faults.fateOf(process, point)
    if (fate.kind !== 'ok') scheduler.note(process.name, point, '—', fate.kind, 'when' in fate ? fate.when : '')
    if (fate.kind === 'crash' && fate.when === 'before') process.crash()
    if (fate.kind === 'pause' && fate.when === 'before') process.pause(fate.durationMs)
    return new Promise<T>((resolve, reject) => {
      const giveUp = () => reject(request.lost())
      const answer = (settle: () => void) => {
        if (fate.kind === 'answer-lost' || fate.kind === 'late') return
        if (fate.kind === 'crash') process.crash()
        if (fate.kind === 'pause' && fate.when === 'after') process.pause(fate.durationMs)
        scheduler.after(this.#latencyMs(), process, settle)
      }
      const arrive = () => {
        if (fate.kind === 'late') this.#lateCount--
        try {
          const result = request.serve()
          if (result instanceof Promise) {
            result.then(
              (value) => answer(() => resolve(value)),
              (error: unknown) => answer(() => reject(error)),
            )
          } else answer(() => resolve(result))
        } catch (error) {
          answer(() => reject(error))
        }
      }
      // The process itself sends it: stopped before that, it sends when it goes on.
      scheduler.after(0, process, () => {
        if (fate.kind === 'late') this.#lateCount++
        if (fate.kind !== 'request-lost') {
          scheduler.after(fate.kind === 'late' ? giveUpMs + fate.lateMs : this.#latencyMs(), null, arrive)
        }
        if (fate.kind === 'request-lost' || fate.kind === 'answer-lost' || fate.kind === 'late') {
          scheduler.after(giveUpMs, process, giveUp)
        }
      })
    })
  }

  /** What `steps.reached` of a process is. */
  stepsOf(process: SimProcess): { reached(name: StepName): void | Promise<void> } {
    return {
      reached: (name) => {
        const fate = this.faults.atStep(process, name)
        if (fate.kind === 'ok') return
        this.scheduler.note(process.name, 'at step', name, '—', fate.kind)
        if (fate.kind === 'crash') process.crash()
        if (fate.kind === 'pause') process.pause(fate.durationMs)
        return new Promise((resolve) => this.scheduler.after(0, process, resolve))
      },
    }
  }

  #latencyMs(): number {
    return this.scheduler.random.pick(latenciesMs)
  }
}
