import type { CommandResult, ModelCommandDraft } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CommandBus } from '../model-service/ports/command-bus.ts'
import type { KafkaSession } from './kafka-session.ts'
import { withModelClient } from './with-model-client.ts'

/** Commands of one call that are sent and not answered, at most. */
const maxUnderWay = 100

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
   * Writes several commands and waits for the results of all, in the order of the commands; only so many are under way at once
   * that each has its result in time. Those about one thing are carried out in their order. `onResult` hears each result as it comes, also when others never do.
   * @throws as {@link KafkaCommandBus.send}
   */
  sendAll(
    commands: readonly ModelCommandDraft[],
    onResult: (result: CommandResult) => void = () => {},
  ): Promise<CommandResult[]> {
    const waiting = { timeoutMs: this.#timeoutMs, signal: this.#signal }
    const results: CommandResult[] = []
    const left = commands.entries()
    return withModelClient(this.#session, async (client) => {
      let isGivenUp = false
      const sendNext = async (): Promise<void> => {
        for (const [index, { commandId, actor = null, command }] of left) {
          if (isGivenUp) return
          const result = await client.command(command, { commandId, actor, ...waiting })
          results[index] = result
          onResult(result)
        }
      }
      await Promise.all(
        Array.from({ length: maxUnderWay }, () =>
          sendNext().catch((error: unknown) => {
            isGivenUp = true
            throw error
          }),
        ),
      )
      return results
    })
  }
}
