import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { commandResultLine } from '../format-record.ts'
import { printJson, printLine, type Terminal } from '../terminal.ts'
import type { CommandBody } from './entity-commands.ts'

/** Options of everything that sends a command to the workers. */
export interface CommandOptions extends CommonOptions {
  commandId?: string
  /** How long to wait for the result, in ms. */
  timeout: number
}

/** Examples of a command: [what it does, command]. */
export type Examples = Parameters<typeof withCommonOptions>[1]

/** Adds the common options and {@link CommandOptions}. */
export function withCommandOptions(command: Command, examples: Examples): Command {
  return withCommonOptions(command, examples)
    .option('--command-id <id>', 'id of the command; the same id is carried out once (default: a new UUID)')
    .addOption(timeoutOption())
}

/** `--timeout <ms>` of {@link CommandOptions}. */
export function timeoutOption() {
  return integerOption('--timeout <ms>', 'how long to wait for the result', 1, 3_600_000).default(30_000)
}

/**
 * Sends one command to the workers, waits for its result and prints it.
 * @throws REQUEST_TIMEOUT, CANCELLED, INVALID_REQUEST, SCHEMA_MISSING, TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function sendCommand(body: CommandBody, options: CommandOptions, terminal: Terminal): Promise<ExitCode> {
  const { KafkaCommandBus } = await import('../kafka-command-bus.ts')
  const { withKafkaSession } = await import('../kafka-session.ts')
  const result = await withKafkaSession(terminal, (session) =>
    new KafkaCommandBus(session, { timeoutMs: options.timeout, signal: terminal.signal }).send({
      commandId: options.commandId ?? randomUUID(),
      actor: actorOf(terminal),
      issuedAt: Date.now(),
      command: body,
    }),
  )
  if (options.json === true) printJson(terminal, result)
  else printLine(terminal, commandResultLine(result))
  return result.status === 'REJECTED' ? exitCodes.failed : exitCodes.ok
}

/** Who gives a command: the user of the shell. */
export function actorOf(terminal: Terminal): string | null {
  return terminal.env['USER'] ?? null
}
