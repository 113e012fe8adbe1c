/**
 * How the targets stand, in the memory of one process. A target is a model at a provider under one key:
 *
 *   well ──► troubled ──► open ──► half-open ──► well
 *    │  a failure   │ too many  ▲ cool-down │ the probe succeeds
 *    │              └─ so many successes    └─ it fails: open again
 *    └─ beside it: set aside for a while, because its key was refused
 *
 * Only targets that are not well are remembered, so a process with good providers remembers nothing. While a breaker is
 * half-open one call at a time may pass. The state is not shared between processes: each finds out by a handful of calls, and
 * nothing that is away can make all of them wrong together.
 */
import type { Log } from '../model-service/ports/log.ts'
import type { CallTarget, CallVerdict, TargetHealth, TargetStanding } from '../model-service/ports/target-health.ts'
import type { Timers } from '../model-service/ports/timers.ts'
import { defaultReliabilitySettings, type ReliabilitySettings } from './reliability-settings.ts'

/** What the health is kept with. */
export interface MemoryTargetHealthOptions {
  timers: Timers
  log: Log
  settings?: Partial<Pick<ReliabilitySettings, 'breakerFailuresCount' | 'breakerCooldownMs'>>
  /** Hears that a breaker opened or closed; nobody by default. */
  onChange?: (target: CallTarget, state: 'opened' | 'closed') => void
}

interface Entry {
  target: CallTarget
  /** The last results, the newest in the lowest bit; 1 is a failure. */
  history: number
  lastAt: number
  /** Null while the breaker is closed. */
  openUntil: number | null
  /** The probe that is under way, and until when it keeps others away. */
  probe: { until: number } | null
  /** Until when the refused key is set aside; null when it was not refused. */
  keyAsideUntil: number | null
}

/** So many results are looked back on; half of them failed opens the breaker, too. */
const historyCount = 20
const historyMask = 2 ** historyCount - 1
/** What is older says nothing any more, in ms. */
const historyMs = 60_000
/** A probe that hangs keeps others away for so long, in ms. */
const probeMs = 10_000
/** How long a refused key is set aside, in ms. */
const keyAsideMs = 60_000
/** Model names come from requests, so their number has no other bound. */
const maxEntries = 4_096

/** See the top of the file. */
export class MemoryTargetHealth implements TargetHealth {
  readonly #options: MemoryTargetHealthOptions
  readonly #failuresMask: number
  readonly #cooldownMs: number
  readonly #entries = new Map<string, Entry>()
  readonly #turns = new Map<string, number>()

  constructor(options: MemoryTargetHealthOptions) {
    this.#options = options
    const { breakerFailuresCount, breakerCooldownMs } = { ...defaultReliabilitySettings, ...options.settings }
    this.#failuresMask = 2 ** Math.min(breakerFailuresCount, historyCount) - 1
    this.#cooldownMs = breakerCooldownMs
  }

  /** Targets whose breaker is open or half-open. */
  open(): CallTarget[] {
    return [...this.#entries.values()].filter(({ openUntil }) => openUntil !== null).map(({ target }) => target)
  }

  standing(target: CallTarget): TargetStanding {
    const entry = this.#entries.get(keyOf(target))
    if (entry === undefined) return { kind: 'ready', waitMs: 0 }
    const now = this.#options.timers.now()
    const { keyAsideUntil, openUntil, probe } = entry
    if (openUntil !== null && openUntil > now) return { kind: 'open', waitMs: openUntil - now }
    if (openUntil !== null && probe !== null && probe.until > now) return { kind: 'open', waitMs: probe.until - now }
    if (keyAsideUntil !== null && keyAsideUntil > now) return { kind: 'key-refused', waitMs: keyAsideUntil - now }
    return { kind: 'ready', waitMs: 0 }
  }

  begin(target: CallTarget): (verdict: CallVerdict) => void {
    const now = this.#options.timers.now()
    const entry = this.#entries.get(keyOf(target))
    const isOpen = entry !== undefined && entry.openUntil !== null
    const probe = isOpen ? { until: now + probeMs } : null
    if (isOpen) entry.probe = probe
    let isOver = false
    return (verdict) => {
      if (isOver) return
      isOver = true
      this.#end(target, verdict, probe)
    }
  }

  turn(provider: string): number {
    const turn = this.#turns.get(provider) ?? 0
    this.#turns.set(provider, (turn + 1) % Number.MAX_SAFE_INTEGER)
    return turn
  }

  #end(target: CallTarget, verdict: CallVerdict, probe: Entry['probe']): void {
    const known = this.#entries.get(keyOf(target))
    const isProbe = probe !== null && known?.probe === probe
    switch (verdict.kind) {
      case 'answered':
        if (known !== undefined) this.#note(known, 0, isProbe)
        return
      case 'failed':
        this.#note(known ?? this.#add(target), 1, isProbe)
        return
      case 'key-refused': {
        const entry = known ?? this.#add(target)
        entry.keyAsideUntil = this.#options.timers.now() + keyAsideMs
        this.#note(entry, 0, isProbe)
        return
      }
      case 'unknown':
        if (isProbe) known.probe = null
        return
      default:
        verdict satisfies never
    }
  }

  #note(entry: Entry, bit: 0 | 1, isProbe: boolean): void {
    const now = this.#options.timers.now()
    if (entry.openUntil !== null) {
      // What began before the breaker opened tells of then, not of now.
      if (!isProbe) return
      entry.probe = null
      if (bit === 1) entry.openUntil = now + this.#cooldownMs
      else this.#close(entry)
      return
    }
    const before = now - entry.lastAt > historyMs ? 0 : entry.history
    entry.history = ((before << 1) | bit) & historyMask
    entry.lastAt = now
    if (bit === 1 && this.#isTooMuch(entry.history)) this.#open(entry, now)
    else if (entry.history === 0) this.#forgetIfWell(entry, now)
  }

  #isTooMuch(history: number): boolean {
    if (this.#failuresMask === 0) return false
    return (history & this.#failuresMask) === this.#failuresMask || onesOf(history) * 2 >= historyCount
  }

  #open(entry: Entry, now: number): void {
    entry.openUntil = now + this.#cooldownMs
    const { provider, key, model } = entry.target
    this.#tell(entry.target, 'opened', (log) =>
      log.warn(
        { provider, providerModel: model, key, cooldownMs: this.#cooldownMs },
        'A target fails; it is passed over until a probe succeeds',
      ),
    )
  }

  #close(entry: Entry): void {
    entry.openUntil = null
    entry.history = 0
    const { provider, key, model } = entry.target
    this.#tell(entry.target, 'closed', (log) =>
      log.info({ provider, providerModel: model, key }, 'A target answers again'),
    )
    this.#forgetIfWell(entry, this.#options.timers.now())
  }

  #tell(target: CallTarget, state: 'opened' | 'closed', write: (log: Log) => void): void {
    try {
      this.#options.onChange?.(target, state)
      write(this.#options.log)
    } catch {
      // The request in hand matters more than its log line.
    }
  }

  #add(target: CallTarget): Entry {
    if (this.#entries.size >= maxEntries) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    const entry: Entry = { target, history: 0, lastAt: 0, openUntil: null, probe: null, keyAsideUntil: null }
    this.#entries.set(keyOf(target), entry)
    return entry
  }

  #forgetIfWell({ target, keyAsideUntil }: Entry, now: number): void {
    if (keyAsideUntil === null || keyAsideUntil <= now) this.#entries.delete(keyOf(target))
  }
}

function keyOf({ provider, key, model }: CallTarget): string {
  return `${provider}\0${key ?? ''}\0${model}`
}

function onesOf(bits: number): number {
  let count = 0
  for (let left = bits; left !== 0; left &= left - 1) count += 1
  return count
}
