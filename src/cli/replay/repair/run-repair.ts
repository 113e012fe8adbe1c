import { ModelServiceError } from '../../../errors/model-service-error.ts'
import { withCliDatabase } from '../../cli-database.ts'
import { cliSettings } from '../../cli-settings.ts'
import { confirm } from '../../confirm.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { type KafkaSession, withKafkaSession } from '../../kafka-session.ts'
import { startProgressBar } from '../../progress-bar.ts'
import { printJson, type Terminal } from '../../terminal.ts'
import { UsageError } from '../../usage-error.ts'
import { rangeOf, requestTopicsOf } from '../replay-mode.ts'
import { resolveRange } from '../replay-range.ts'
import { type PlanRepairOptions, planRepair, type RepairPlan } from './plan-repair.ts'
import { printRepair, printRepairPlan, type RepairResult, repairToJson } from './print-repair.ts'
import type { RepairOptions } from './repair-mode.ts'
import { awaitTerminals, sendAgain } from './send-again.ts'

/**
 * Carries out `--mode repair`.
 * @throws UsageError, CANCELLED, PAYLOAD_TOO_LARGE, TOPIC_MISSING
 * @throws BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function runRepair(options: RepairOptions, terminal: Terminal): Promise<ExitCode> {
  const { kafka, delivery } = cliSettings(terminal, ['kafka', 'delivery'])
  if (delivery.mode !== 'ledger') {
    throw new UsageError(
      '--mode repair needs DELIVERY_MODE=ledger: without a ledger nothing keeps a call from being paid twice.',
    )
  }
  const ledgerRetentionMs = delivery.ledgerRetentionDays * 86_400_000
  const result = await withKafkaSession(terminal, (session) =>
    withCliDatabase(terminal, async ({ pool }) => {
      const parts = { session, pool, groupId: kafka.groupId, ledgerRetentionMs }
      const plan = await makePlan(parts, options, terminal)
      if (options.json !== true) printRepairPlan(terminal, plan)
      return await carryOut(session, plan, options, terminal)
    }),
  )
  if (options.json === true) printJson(terminal, repairToJson(result))
  else printRepair(terminal, result, options)
  return exitCodeOf(result)
}

async function makePlan(
  parts: Pick<PlanRepairOptions, 'session' | 'pool' | 'groupId' | 'ledgerRetentionMs'>,
  options: RepairOptions,
  terminal: Terminal,
): Promise<RepairPlan> {
  const { session } = parts
  const topics = requestTopicsOf(session, options).map(({ name }) => name)
  const range = await resolveRange(session.kafka, topics, rangeOf(options))
  const bar = startProgressBar(terminal, { unit: 'records read', totalCount: null, json: options.json })
  let readCount = 0
  try {
    return await planRepair({
      ...parts,
      range,
      maxRequestsCount: options.maxRequestsCount,
      signal: terminal.signal,
      now: Date.now(),
      onRecord: () => bar.update(++readCount),
    })
  } finally {
    bar.stop()
  }
}

async function carryOut(
  session: KafkaSession,
  plan: RepairPlan,
  options: RepairOptions,
  terminal: Terminal,
): Promise<RepairResult> {
  const { lost } = plan.missing
  const nothing = { plan, sent: [], unanswered: [] }
  if (lost.length === 0 || options.dryRun === true) return nothing
  const question = `Send ${lost.length} requests to the workers again?`
  if (!(await confirm(terminal, question, { yes: options.yes === true }))) return nothing
  const { signal } = terminal
  const bar = startProgressBar(terminal, { unit: 'requests repaired', totalCount: lost.length, json: options.json })
  try {
    const sent = await sendAgain(session.kafka, lost, { signal, onSent: () => {} })
    const unanswered = await awaitTerminals(session, {
      places: sent,
      from: plan.completionsRead,
      timeoutMs: options.timeout,
      signal,
      onTerminal: (doneCount) => bar.update(doneCount),
    })
    if (signal.aborted) {
      const open = lost.length - sent.length + unanswered.length
      throw new ModelServiceError(
        'CANCELLED',
        `Stopped with ${sent.length} of ${lost.length} requests sent and ${open} without a terminal record. The same command goes on.`,
      )
    }
    return { plan, sent, unanswered }
  } finally {
    bar.stop()
  }
}

function exitCodeOf({ plan, sent, unanswered }: RepairResult): ExitCode {
  if (unanswered.length > 0) return exitCodes.unavailable
  const { lost, finished, forgotten } = plan.missing
  return lost.length === sent.length && finished.length === 0 && forgotten.length === 0
    ? exitCodes.ok
    : exitCodes.failed
}
