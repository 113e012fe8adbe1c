import type { CommandResult, ModelCommandDraft } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CommandBus } from '../model-service/ports/command-bus.ts'
import type { KafkaSession } from './kafka-session.ts'
import { withModelClient } from './with-model-client.ts'

/** Sends commands to the workers through Kafka and waits for their results. It handles none itself. */
export class KafkaCommandBus implements CommandBus {
  readonly #session: Pick<KafkaSession, 'kafka' | 'registry' | 'topicPrefix'>
  readonly #timeoutMs: number
  readonly #signal: AbortSignal

  /** `timeoutMs` limits the waiting for one result; the signal ends it. */
  constructor(
    session: Pick<KafkaSession, 'kafka' | 'registry' | 'topicPrefix'>,
    options: { timeoutMs: number; signal: AbortSignal },
  ) {
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
  sendAll(
    commands: readonly ModelCommandDraft[],
    onResult: (result: CommandResult) => void = () => {},
  ): Promise<CommandResult[]> {
    const waiting = { timeoutMs: this.#timeoutMs, signal: this.#signal }
    return withModelClient(this.#session, (client) =>
      Promise.all(
        commands.map(async ({ commandId, actor = null, command }) => {
          const result = await client.command(command, { commandId, actor, ...waiting })
          onResult(result)
          return result
        }),
      ),
    )
  }
}
