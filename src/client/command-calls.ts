import { randomUUID } from 'node:crypto'
import { isId } from '../contract/limits.ts'
import type { CommandResult, ModelCommandDraft } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { ClientConnection } from './client-connection.ts'
import { commandKey } from './command-key.ts'
import { PendingAnswers, takeAnswer } from './pending-answers.ts'
import type { TopicFeed } from './topic-feed.ts'
import { withinLimit } from './within-limit.ts'

/**
 * Writes commands, and awaits their results by correlation id: under one command id there may be two results, that of the
 * command and the refusal of another one.
 */
export class CommandCalls {
  readonly #connection: ClientConnection
  readonly #topic: string
  readonly #pending = new PendingAnswers<CommandResult>()
  readonly #results: TopicFeed

  constructor(connection: ClientConnection) {
    this.#connection = connection
    this.#topic = connection.topic('commands')
    this.#results = connection.feed(connection.topic('commandResults'), (record) => this.#take(record))
  }

  /**
   * What came of the command, a refusal included. Sending the same command again is harmless.
   * @throws REQUEST_TIMEOUT, CANCELLED the command may still be carried out
   * @throws INVALID_REQUEST, SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE, TOPIC_MISSING, BROKER_UNAVAILABLE it was not sent
   */
  async ask(
    command: ModelCommandDraft,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal | undefined },
  ): Promise<CommandResult> {
    const { commandId } = command
    const { timers } = this.#connection
    const correlationId = randomUUID()
    const { answer, end } = this.#pending.wait(correlationId)
    const onTimeout = () =>
      new ModelServiceError(
        'REQUEST_TIMEOUT',
        `No result of the command ${commandId} within ${timeoutMs} ms. It may still be carried out: send it again under the same id for its result. See whether a worker runs.`,
      )
    const onAbort = () =>
      new ModelServiceError(
        'CANCELLED',
        `Stopped waiting for the result of the command ${commandId}; what was sent stays sent.`,
      )
    const sent = async (limit: AbortSignal): Promise<CommandResult> => {
      await this.#results.start()
      limit.throwIfAborted()
      await this.#write(command, { 'correlation-id': correlationId }, limit)
      return await answer
    }
    try {
      return await withinLimit({ timeoutMs, signal, timers, onTimeout, onAbort }, (limit) =>
        Promise.race([answer, sent(limit)]),
      )
    } finally {
      end()
    }
  }

  /**
   * Resolves when the broker has the command.
   * @throws INVALID_REQUEST, SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE, TOPIC_MISSING it was not sent
   * @throws BROKER_UNAVAILABLE it may have been sent
   */
  async write(command: ModelCommandDraft, { timeoutMs }: { timeoutMs: number }): Promise<void> {
    const over = () =>
      new ModelServiceError(
        'BROKER_UNAVAILABLE',
        `Kafka did not confirm the command ${command.commandId} within ${timeoutMs} ms; it may have it.`,
      )
    const { timers } = this.#connection
    await withinLimit({ timeoutMs, signal: undefined, timers, onTimeout: over, onAbort: over }, (limit) =>
      this.#write(command, {}, limit),
    )
  }

  async #write(command: ModelCommandDraft, headers: Record<string, string>, signal: AbortSignal): Promise<void> {
    if (typeof command.commandId !== 'string' || !isId(command.commandId)) {
      throw new ModelServiceError('INVALID_REQUEST', 'commandId must be 1 to 128 visible ASCII characters.')
    }
    const encode = await this.#connection.encoder('ModelCommand', this.#topic)
    const value = encode(command)
    const record = { topic: this.#topic, key: Buffer.from(commandKey(command)), headers, value }
    await this.#connection.writer.write(record, signal)
  }

  /** Ends all waiting. */
  end(error: Error): void {
    this.#pending.rejectAll(error)
  }

  async #take(record: ReceivedRecord): Promise<void> {
    await takeAnswer('CommandResult', record, { connection: this.#connection, pending: this.#pending })
  }
}
