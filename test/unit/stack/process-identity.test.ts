import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { identify, isAlive, parseProcStat, processStartTime } from '../../../src/stack/process-identity.ts'

describe('the identity of a process', () => {
  it('holds while it lives and no longer', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    await once(child, 'spawn')
    const identity = identify(child.pid ?? 0)
    if (identity === undefined) throw new Error('a living process has no identity')
    expect(isAlive(identity)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(identity)).toBe(false)
  })

  it('does not fit another process that got its number', () => {
    const own = identify(process.pid)
    if (own === undefined) throw new Error('this process has no identity')
    expect(isAlive(own)).toBe(true)
    expect(isAlive({ ...own, startedAt: `${own.startedAt}0` })).toBe(false)
  })

  it('is unknown for a number that nobody has', () => {
    expect(processStartTime(2 ** 30)).toBeUndefined()
  })

  it('is read past a command name with brackets and blanks', () => {
    const fields = ['S', ...Array.from({ length: 18 }, (_value, index) => String(index)), '4711', '0']
    expect(parseProcStat(`42 (a) b (c) ${fields.join(' ')}`)).toEqual({ state: 'S', startTicks: '4711' })
    expect(parseProcStat('42 (short) S 1')).toBeUndefined()
  })
})
