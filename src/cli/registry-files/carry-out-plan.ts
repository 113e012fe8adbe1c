import { randomUUID } from 'node:crypto'
import type { CommandResult, ModelCommandDraft } from '../../contract/types.ts'
import type { ApplyPlan, ApplyStep } from './plan-apply.ts'

/** Sends commands to those who carry them out; results in the order of the commands. */
export interface CommandSender {
  sendAll(commands: readonly ModelCommandDraft[], onResult: (result: CommandResult) => void): Promise<CommandResult[]>
}

/** How a plan is carried out. */
export interface CarryOutOptions {
  sender: CommandSender
  /** Who gives the commands. */
  actor: string | null
  /** Hears what came of each step, as it comes. */
  onResult(step: ApplyStep, result: CommandResult): void
  /** What the ids of the commands begin with; by default unique to this run. */
  runId?: string
  /** Unix time in ms; Date.now by default. */
  now?: () => number
}

/**
 * Carries out a plan wave by wave, and ends after a wave in which a command was refused. Gives how many were refused, and how
 * many were never sent.
 *
 * Each run has command ids of its own: an id made of the content would be answered with the refusal of a former run for ever,
 * and with the success of a time before somebody took the change back. What makes it safe to run again is that a plan is
 * made from the present state, and that each command expects the version that the plan saw.
 */
export async function carryOutPlan(
  { waves }: ApplyPlan,
  options: CarryOutOptions,
): Promise<{ refusedCount: number; unsentCount: number }> {
  const { sender, actor, onResult, runId = `apply-${randomUUID()}`, now = Date.now } = options
  let sentCount = 0
  for (const [index, wave] of waves.entries()) {
    const stepById = new Map<string, ApplyStep>()
    const commands = wave.map((step) => {
      sentCount += 1
      const commandId = `${runId}-${sentCount}`
      stepById.set(commandId, step)
      return { commandId, actor, issuedAt: now(), command: step.command }
    })
    const results = await sender.sendAll(commands, (result) => {
      const step = stepById.get(result.commandId)
      if (step !== undefined) onResult(step, result)
    })
    const refusedCount = results.filter(({ status }) => status === 'REJECTED').length
    if (refusedCount > 0) return { refusedCount, unsentCount: waves.slice(index + 1).flat().length }
  }
  return { refusedCount: 0, unsentCount: 0 }
}
