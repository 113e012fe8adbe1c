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

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kill-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const module = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))
/** More requests than one transaction of the work file holds, so that some are written before the kill. */
const requestCount = 2_500

it('goes on after kill -9 with what was written, and reads nothing twice', async () => {
  const path = join(folder, 'work.sqlite')
  const script = `
    import { openWorkFile } from ${module('../../../src/replay/work-file.ts')}
    import { auditOf } from ${module('../../support/audit-of.ts')}
    import { makeWorld } from ${module('../../support/replay-world.ts')}
    const file = openWorkFile({ path: ${JSON.stringify(path)}, question: 'test' })
    await auditOf(makeWorld(${requestCount}), { file, breakAt: 6_000, onBreak: () => process.kill(process.pid, 'SIGKILL') })`
  const killed = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(killed.signal, killed.stderr).toBe('SIGKILL')

  let readCount = 0
  const counting = () => {
    readCount += 1
    return 0
  }
  const file = openWorkFile({ path, question: 'test' })
  expect(file.isResumed).toBe(true)
  const report = await auditOf(makeWorld(requestCount), { file, random: counting })
  expect(report).toEqual(await auditOf(makeWorld(requestCount)))
  expect(report.clean).toBe(true)
  // 6,000 were read before, and all but those of the last transaction are in the file.
  const all =
    report.counts.requestRecords + report.counts.terminalRecords + report.counts.events + report.counts.deadLetters
  expect(readCount).toBeGreaterThanOrEqual(all - 6_000)
  expect(readCount).toBeLessThanOrEqual(all - 4_000)
}, 60_000)
