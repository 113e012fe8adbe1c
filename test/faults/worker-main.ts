/**
 * The worker of the fault suite: the real one, in a process of its own, with a plan of what it does to itself at the
 * points of the delivery protocol (variable `FAULTS`, see fault-plan.ts). It tells its parent when it serves and before
 * it stops itself, and ends when the parent is gone.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { startWorker } from '../../src/app.ts'
import { loadSettings } from '../../src/config/load-settings.ts'
import { createLogger } from '../../src/observability/logger.ts'
import { FaultySteps, type PlannedFault, parseFaultPlan } from './fault-plan.ts'

/** What the parent hears. */
export type WorkerMessage = { kind: 'serves' } | { kind: 'stops-itself'; point: string }

const settings = loadSettings(process.env)
const log = createLogger({ level: settings.observability.logLevel, secrets: [], base: { pid: process.pid } })
const stopping = new AbortController()
process.on('SIGTERM', () => stopping.abort())
const parentIsGone = (): never => process.exit(1)
process.once('disconnect', parentIsGone)

const steps = new FaultySteps(parseFaultPlan(process.env['FAULTS'] ?? ''), act)
try {
  const worker = await startWorker(settings, {
    env: process.env,
    log,
    version: '0.0.0-faults',
    signal: stopping.signal,
    steps,
  })
  await tell({ kind: 'serves' })
  await worker.stopped
} catch (error) {
  // Asked to stop before it served: that is no failure.
  if (!stopping.signal.aborted) {
    log.error({ err: error }, 'The worker failed')
    process.exitCode = 1
  }
}
process.off('disconnect', parentIsGone)
if (process.connected) process.disconnect()
// As the worker command does: kafkajs may leave connections open that would keep the process up.
setTimeout(() => process.exit(), 1_000).unref()

async function act({ point, action }: PlannedFault): Promise<void> {
  switch (action.kind) {
    case 'exit':
      process.kill(process.pid, 'SIGKILL')
      // Nothing after this point may run, whenever the signal arrives.
      await new Promise(() => {})
      break
    case 'stop':
      await tell({ kind: 'stops-itself', point })
      process.kill(process.pid, 'SIGSTOP')
      break
    case 'delay':
      await delay(action.delayMs)
      break
    default:
      action satisfies never
  }
}

function tell(message: WorkerMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(message, undefined, undefined, () => resolve())
  })
}
