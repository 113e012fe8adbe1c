/** A process that is killed leaves a work file that another one goes on with, to the same report. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openWorkFile } from '../../../src/replay/work-file.ts'
import { auditOf } from '../../support/audit-of.ts'
import { makeWorld } from '../../support/replay-world.ts'
import { repriceOf } from '../../support/reprice-of.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kill-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const module = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))
/** More requests than one transaction of the work file holds, so that some are written before the kill. */
const requestCount = 2_500

/** Runs in a process that kills itself before the record of that number. */
function killedAt(breakAt: number, call: 'auditOf' | 'repriceOf', path: string): void {
  const script = `
    import { openWorkFile } from ${module('../../../src/replay/work-file.ts')}
    import { ${call} } from ${module(call === 'auditOf' ? '../../support/audit-of.ts' : '../../support/reprice-of.ts')}
    import { makeWorld } from ${module('../../support/replay-world.ts')}
    const file = openWorkFile({ path: ${JSON.stringify(path)}, question: 'test' })
    await ${call}(makeWorld(${requestCount}), { file, breakAt: ${breakAt}, onBreak: () => process.kill(process.pid, 'SIGKILL') })`
  const killed = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(killed.signal, killed.stderr).toBe('SIGKILL')
}

/** Takes partitions in their order, and counts the records that are read. */
function counting(): { random: () => number; readCount: number } {
  const counter = {
    readCount: 0,
    random: () => {
      counter.readCount += 1
      return 0
    },
  }
  return counter
}

it('an audit goes on after kill -9 with what was written, and reads nothing twice', async () => {
  const path = join(folder, 'audit.sqlite')
  killedAt(6_000, 'auditOf', path)
  const counter = counting()
  const file = openWorkFile({ path, question: 'test' })
  expect(file.isResumed).toBe(true)
  const report = await auditOf(makeWorld(requestCount), { file, random: counter.random })
  expect(report).toEqual(await auditOf(makeWorld(requestCount)))
  expect(report.clean).toBe(true)
  // 6,000 were read before, and all but those of the last transaction are in the file.
  const all =
    report.counts.requestRecords + report.counts.terminalRecords + report.counts.events + report.counts.deadLetters
  expect(counter.readCount).toBeGreaterThanOrEqual(all - 6_000)
  expect(counter.readCount).toBeLessThanOrEqual(all - 4_000)
}, 60_000)

it('new prices go on after kill -9 likewise, to the same sums', async () => {
  const path = join(folder, 'reprice.sqlite')
  killedAt(2_300, 'repriceOf', path)
  const counter = counting()
  const report = await repriceOf(makeWorld(requestCount), {
    file: openWorkFile({ path, question: 'test' }),
    random: counter.random,
  })
  expect(report).toEqual(await repriceOf(makeWorld(requestCount)))
  expect(report.requestCount).toBe(requestCount)
  // One transaction of 2,000 was written.
  expect(counter.readCount).toBe(500)
}, 60_000)
