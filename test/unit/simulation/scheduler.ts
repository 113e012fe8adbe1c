/**
 * Virtual time and the one place where interleavings are decided. Code under test awaits only what the simulated world
 * answers; every such answer, every timer and every step of a server is a task here. Of the tasks whose time has come the
 * seeded generator picks one; then all promises that can settle do, and the next is picked. When none is due, time jumps.
 *
 * Tasks that belong to a process wait while it is paused and vanish when it crashes; those of nobody (servers, the
 * network) go on.
 */
import { Random } from './random.ts'

/** Whose tasks can be held up or lost. */
export interface Actor {
  readonly name: string
  readonly state: 'running' | 'paused' | 'gone'
}

interface Task {
  due: number
  actor: Actor | null
  run: () => void
}

/** Unix time in ms at which every schedule begins. */
export const epochMs = 1_700_000_000_000

/** See the head of the file. */
export class Scheduler {
  readonly random: Random
  readonly #tracing: boolean
  readonly #tasks: Task[] = []
  readonly #trace: string[] = []
  #now = 0
  stepCount = 0

  /** `tracing` keeps what is noted: a schedule that failed is run again with it. */
  constructor(seed: number, tracing = false) {
    this.random = new Random(seed)
    this.#tracing = tracing
  }

  /** Virtual ms since the beginning. */
  get now(): number {
    return this.#now
  }

  /** What happened, for whoever has to understand a failing seed. */
  get trace(): readonly string[] {
    return this.#trace
  }

  note(...parts: readonly (string | number)[]): void {
    if (this.#tracing) this.#trace.push(`${String(Math.round(this.#now)).padStart(7)} ${parts.join(' ')}`)
  }

  /** Does something later, unless the returned function is called before. */
  after(delayMs: number, actor: Actor | null, run: () => void): () => void {
    const task: Task = { due: this.#now + Math.max(0, delayMs), actor, run }
    this.#tasks.push(task)
    return () => {
      const index = this.#tasks.indexOf(task)
      if (index >= 0) this.#tasks.splice(index, 1)
    }
  }

  /** Runs until the condition holds (true) or the time has come (false). */
  async runUntil(done: () => boolean, deadline: number): Promise<boolean> {
    for (;;) {
      await nextTurn()
      if (done()) return true
      const task = this.#take(deadline)
      if (task === undefined) {
        this.#now = Math.max(this.#now, deadline)
        return false
      }
      this.stepCount++
      task.run()
    }
  }

  /** One of the tasks that are due, after moving time on to the first where none is. */
  #take(deadline: number): Task | undefined {
    const tasks = this.#tasks
    let earliest = Number.POSITIVE_INFINITY
    let readyCount = 0
    for (let index = tasks.length - 1; index >= 0; index--) {
      const { actor, due } = tasks[index] as Task
      const state = actor === null ? 'running' : actor.state
      if (state === 'gone') tasks.splice(index, 1)
      if (state !== 'running') continue
      const at = due < this.#now ? this.#now : due
      if (at < earliest) {
        earliest = at
        readyCount = 0
      }
      if (at === earliest) readyCount++
    }
    if (earliest > deadline) return undefined
    this.#now = Math.max(this.#now, earliest)
    let skip = readyCount === 1 ? 0 : this.random.below(readyCount)
    for (let index = 0; index < tasks.length; index++) {
      const task = tasks[index] as Task
      if (task.due > this.#now || task.actor?.state === 'paused' || skip-- > 0) continue
      tasks.splice(index, 1)
      return task
    }
    return undefined
  }
}

let turn: Promise<void> | undefined

/**
 * Resolves when every promise that can settle without an answer from the simulated world has. Schedules that run side by
 * side share the turn: they share nothing else, so none changes another.
 */
function nextTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined
      resolve()
    })
  })
  return turn
}
