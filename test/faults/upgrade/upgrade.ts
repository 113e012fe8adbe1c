/**
 * A rolling upgrade under load, and back: the release before the newest migration and the present one share the group, the
 * database and the topics for a while. Nothing is lost, doubled or called twice. The database is migrated first, as
 * docs/versioning.md says.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../../src/stack/free-port.ts'
import { until } from '../../support/until.ts'
import type { FaultRun, Scenario } from '../fault-run.ts'
import { type PreviousRelease, previousCommit, unpackRelease } from './previous-release.ts'

/** The scenario; left out where the history does not reach back. */
export const upgrade: Scenario = {
  name: 'upgrade',
  shows: 'workers of the release before the newest migration are replaced one by one under load, and come back once',
  quietTimeoutMs: 120_000,
  async missing() {
    const found = await previousCommit()
    return 'missing' in found ? found.missing : null
  },
  async run(run) {
    const found = await previousCommit()
    if ('missing' in found) throw new Error(found.missing)
    const release = await unpackRelease(found.commit)
    run.defer(() => release.remove())
    // Topics and schemas as its own deploy would have made them; those of the present release are there already.
    for (const command of [
      ['topics', 'apply'],
      ['schemas', 'register'],
    ]) {
      await runOld(release, command, run.env)
    }
    const old = [await startOld(release, run, 1), await startOld(release, run, 2)]
    const load = run.load.run({ count: 2_400, perSecond: 40, models: ['quick', 'middling', 'slow', 'long'] })
    await delay(5_000)
    const serving = []
    for (const worker of old) {
      serving.push(await run.startWorker())
      await delay(3_000)
      await worker.drain()
    }
    await delay(5_000)
    const back = await startOld(release, run, 3)
    for (const worker of serving) {
      const code = await run.drain(worker)
      if (code !== 0) run.problem(`${worker.name} drained with ${code}`)
      await delay(3_000)
    }
    await run.startWorker()
    await delay(3_000)
    await back.drain()
    await load
  },
}

/** Settings of the bed that the release before does not take. */
const oldLimits = { LEASE_MS: '10000' }

async function runOld(release: PreviousRelease, args: string[], env: FaultRun['env']): Promise<void> {
  const child = spawn(process.execPath, ['src/cli/main.ts', ...args], {
    cwd: release.folder,
    env: { ...env, ...oldLimits, PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${args.join(' ')} of ${release.commit} ended with ${code}`)
}

async function startOld(release: PreviousRelease, run: FaultRun, number: number): Promise<{ drain(): Promise<void> }> {
  const port = await freePort()
  const name = `previous-${number}`
  const output = openSync(join(run.logs, `${name}.log`), 'a')
  const child = spawn(process.execPath, ['src/cli/main.ts', 'worker'], {
    cwd: release.folder,
    env: {
      ...run.env,
      ...oldLimits,
      KAFKA_CLIENT_ID: name,
      HEALTH_PORT: String(port),
      PATH: process.env['PATH'],
    },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  let code: number | null = null
  const ended = once(child, 'exit').then(([exitCode]) => {
    code = typeof exitCode === 'number' ? exitCode : 1
  })
  run.defer(async () => {
    if (code === null) child.kill('SIGKILL')
    await ended
  })
  await until(async () => {
    if (code !== null) throw new Error(`${name} ended with ${code} before it served`)
    return await fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  }, `${name} to serve`)
  return {
    async drain() {
      child.kill('SIGTERM')
      await ended
      if (code !== 0) run.problem(`${name} drained with ${code}`)
    },
  }
}
