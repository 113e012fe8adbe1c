import { beforeEach, describe, expect, test } from 'vitest'
import type { CallTarget, CallVerdict } from '../../../src/model-service/ports/target-health.ts'
import { MemoryTargetHealth } from '../../../src/reliability/memory-target-health.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'
import { fakeLog } from '../model-service/fakes.ts'

const target: CallTarget = { provider: 'p', key: 'k1', model: 'm' }
const failed: CallVerdict = { kind: 'failed' }
const answered: CallVerdict = { kind: 'answered' }

let timers: ManualTimers
let health: MemoryTargetHealth
let changes: string[]
let lines: ReturnType<typeof fakeLog>['lines']

beforeEach(() => {
  timers = new ManualTimers()
  changes = []
  const kept = fakeLog()
  lines = kept.lines
  health = new MemoryTargetHealth({
    timers,
    log: kept.log,
    onChange: ({ model }, state) => changes.push(`${model} ${state}`),
  })
})

function calls(count: number, verdict: CallVerdict, of = target) {
  for (let call = 0; call < count; call++) health.begin(of)(verdict)
}

describe('a breaker', () => {
  test('opens by failures in a row, for the cool-down, and says so once', () => {
    calls(4, failed)
    expect(health.standing(target)).toEqual({ kind: 'ready', waitMs: 0 })
    calls(1, failed)
    expect(health.standing(target)).toEqual({ kind: 'open', waitMs: 5_000 })
    calls(3, failed)
    expect(changes).toEqual(['m opened'])
    expect(lines).toMatchObject([{ level: 'warn', fields: { provider: 'p', providerModel: 'm', key: 'k1' } }])
    expect(health.open()).toEqual([target])
  })

  test('counts anew after a success, but opens when half of the last twenty failed', () => {
    for (let round = 0; round < 9; round++) {
      calls(1, failed)
      calls(1, answered)
    }
    expect(health.standing(target).kind).toBe('ready')
    calls(1, failed)
    expect(health.standing(target).kind).toBe('open')
  })

  test('does not look back longer than a minute', async () => {
    calls(4, failed)
    await timers.advance(60_001)
    calls(4, failed)
    expect(health.standing(target).kind).toBe('ready')
  })

  test('stands for one model under one key, never for others at the same provider', () => {
    calls(5, failed)
    for (const other of [{ model: 'other' }, { key: 'k2' }, { key: null }, { provider: 'other' }]) {
      expect(health.standing({ ...target, ...other }).kind).toBe('ready')
    }
  })

  test('lets one probe pass after the cool-down, and closes when it succeeds', async () => {
    calls(5, failed)
    await timers.advance(4_999)
    expect(health.standing(target)).toEqual({ kind: 'open', waitMs: 1 })
    await timers.advance(1)
    expect(health.standing(target).kind).toBe('ready')
    const end = health.begin(target)
    expect(health.standing(target)).toEqual({ kind: 'open', waitMs: 10_000 })
    end(answered)
    end(failed)
    expect(health.standing(target).kind).toBe('ready')
    expect(changes).toEqual(['m opened', 'm closed'])
    expect(health.open()).toEqual([])
    calls(4, failed)
    expect(health.standing(target).kind).toBe('ready')
  })

  test('opens again when the probe fails, and no late success of before closes it', async () => {
    const before = health.begin(target)
    calls(5, failed)
    before(answered)
    expect(health.standing(target).kind).toBe('open')
    await timers.advance(5_000)
    health.begin(target)(failed)
    expect(health.standing(target)).toEqual({ kind: 'open', waitMs: 5_000 })
    expect(changes).toEqual(['m opened'])
  })

  test('lets the next probe pass when the first hangs or is given up, so that nothing keeps it open', async () => {
    calls(5, failed)
    await timers.advance(5_000)
    const hanging = health.begin(target)
    await timers.advance(10_000)
    expect(health.standing(target).kind).toBe('ready')
    const second = health.begin(target)
    hanging(failed)
    expect(health.standing(target)).toEqual({ kind: 'open', waitMs: 10_000 })
    second({ kind: 'unknown' })
    expect(health.standing(target).kind).toBe('ready')
  })

  test('is back within 30 s of the return of its target, whenever that is', async () => {
    calls(5, failed)
    for (let second = 0; second < 60; second++) {
      await timers.advance(1_000)
      if (health.standing(target).kind === 'ready') health.begin(target)(failed)
    }
    for (let waited = 0; health.standing(target).kind !== 'ready'; waited += 100) {
      expect(waited).toBeLessThan(30_000)
      await timers.advance(100)
    }
    health.begin(target)(answered)
    expect(health.open()).toEqual([])
  })

  test('of a count of 0 never opens', () => {
    health = new MemoryTargetHealth({ timers, log: fakeLog().log, settings: { breakerFailuresCount: 0 } })
    calls(100, failed)
    expect(health.standing(target).kind).toBe('ready')
  })

  test('goes on when a listener or a logger throws', () => {
    const throwing = () => {
      throw new Error('listener')
    }
    health = new MemoryTargetHealth({ timers, log: fakeLog().log, onChange: throwing })
    expect(() => calls(5, failed)).not.toThrow()
    expect(health.standing(target).kind).toBe('open')
  })
})

describe('a target is set aside', () => {
  test('for a minute when its key is refused, and other keys go on', async () => {
    calls(1, { kind: 'key-refused' })
    expect(health.standing(target)).toEqual({ kind: 'key-refused', waitMs: 60_000 })
    expect(health.standing({ ...target, key: 'k2' }).kind).toBe('ready')
    await timers.advance(60_000)
    expect(health.standing(target).kind).toBe('ready')
  })

  test('without opening its breaker: who refuses a key is there', () => {
    calls(30, { kind: 'key-refused' })
    expect(changes).toEqual([])
  })
})

describe('what is remembered', () => {
  test('is bounded, whatever names requests make up', () => {
    for (let index = 0; index < 5_000; index++) calls(5, failed, { ...target, model: `m${index}` })
    expect(health.open()).toHaveLength(4_096)
    expect(health.standing({ ...target, model: 'm0' }).kind).toBe('ready')
    expect(health.standing({ ...target, model: 'm4999' }).kind).toBe('open')
  })

  test('keys take turns by provider', () => {
    expect([health.turn('a'), health.turn('b'), health.turn('a'), health.turn('a')]).toEqual([0, 0, 1, 2])
  })
})
