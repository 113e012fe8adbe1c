import type { CommandResult, ModelCommandDraft } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CommandBus } from '../model-service/ports.ts'
import { awaitRecord } from './await-record.ts'
import type { KafkaSession } from './kafka-session.ts'

/** Sends commands to the workers through Kafka and waits for their results. It handles none itself. */
export class KafkaCommandBus implements CommandBus {
  readonly #session: KafkaSession
  readonly #timeoutMs: number
  readonly #signal: AbortSignal

  /** `timeoutMs` limits the waiting for one result; the signal ends it. */
  constructor(session: KafkaSession, options: { timeoutMs: number; signal: AbortSignal }) {
    this.#session = session
    this.#timeoutMs = options.timeoutMs
    this.#signal = options.signal
  }

  /** @throws COMMAND_NOT_SUPPORTED: handlers live in workers */
  handle(name: string): never {
    throw new ModelServiceError('COMMAND_NOT_SUPPORTED', `${name} is handled by workers, not by this client.`)
  }

  /**
   * Writes the command to its topic and waits for its result. Sending the same command again is harmless.
   * @throws REQUEST_TIMEOUT, CANCELLED, INVALID_REQUEST, SCHEMA_MISSING, TOPIC_MISSING, BROKER_UNAVAILABLE
   */
  async send(command: ModelCommandDraft): Promise<CommandResult> {
    const [result] = await this.sendAll([command])
    return result as CommandResult
  }

  /**
   * Writes several commands at once and waits for the results of all, in the order of the commands. Those about one thing are
   * carried out in their order, others at the same time. `onResult` hears each result as it comes, also when others never do.
   * @throws as {@link KafkaCommandBus.send}
   */
  async sendAll(
    commands: readonly ModelCommandDraft[],
    onResult: (result: CommandResult) => void = () => {},
  ): Promise<CommandResult[]> {
    const session = this.#session
    const ids = new Set(commands.map(({ commandId }) => commandId))
    const results = new Map<string, CommandResult>()
    if (ids.size === 0) return []
    return await awaitRecord({
      kafka: session.kafka,
      topic: session.topic('commandResults'),
      timeoutMs: this.#timeoutMs,
      signal: this.#signal,
      what: `result of the command ${[...ids].slice(0, 3).join(', ')}${ids.size > 3 ? ', …' : ''}`,
      ask: () =>
        session.produceAll(
          'commands',
          commands.map((command) => ({ key: commandKey(command), record: command })),
        ),
      match: async (record) => {
        if (record.key !== null && !ids.has(record.key.toString())) return undefined
        const result = await session.decode('CommandResult', record.value)
        if (!ids.has(result.commandId) || results.has(result.commandId)) return undefined
        results.set(result.commandId, result)
        onResult(result)
        return results.size < ids.size ? undefined : commands.flatMap(({ commandId }) => results.get(commandId) ?? [])
      },
    })
  }
}

/** Key of a command's record: the id of what it changes, so that commands about one thing stay in order. */
export function commandKey({ command, commandId }: ModelCommandDraft): string {
  switch (command.type) {
    case 'RegisterModel':
    case 'UpdateModel':
      return command.model.id ?? commandId
    case 'RegisterProvider':
    case 'UpdateProvider':
      return command.provider.id ?? commandId
    case 'RegisterRoute':
    case 'UpdateRoute':
      return command.route.id ?? commandId
    case 'DeleteModel':
    case 'SetModelStatus':
    case 'DeleteProvider':
    case 'DeleteRoute':
      return command.id
    case 'RecordFeedback':
    case 'CancelRequest':
      return command.requestId
    case 'SetLimits':
      return command.provider
    default:
      return command satisfies never
  }
}
