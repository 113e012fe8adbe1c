import { completeDraft } from '../codec/contract-type.ts'
import { commandDigest } from '../codec/payload-hash.ts'
import { isId } from '../contract/limits.ts'
import type { CommandResult, ModelCommandDraft } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { subjectOf, unappliedResult } from './carry-out-command.ts'
import type { CommandBody, CommandBus, CommandEnvelope, CommandHandler, CommandName } from './ports/command-bus.ts'

type Handlers = { [TName in CommandName]?: CommandHandler<TName> }

/** Brings commands to handlers in the same process. */
export class InProcessCommandBus implements CommandBus {
  readonly #handlers: Handlers = {}
  readonly #now: () => number

  /** `now` tells Unix time in ms; Date.now by default. */
  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.#now = now
  }

  /** @throws INTERNAL_ERROR when the command has a handler already */
  handle<TName extends CommandName>(name: TName, handler: CommandHandler<TName>): void {
    if (this.#handlers[name] !== undefined) {
      throw new ModelServiceError(
        'INTERNAL_ERROR',
        `${name} has a handler already. Start one service for each command bus.`,
      )
    }
    const handlers: { [TEach in TName]?: CommandHandler<TEach> } = this.#handlers
    handlers[name] = handler
  }

  /**
   * Resolves with what came of the command, a refusal included.
   * @throws INVALID_REQUEST when it is no command, or its id no id: nothing can be answered under it
   * @throws DATABASE_UNAVAILABLE, as other retryable errors of the handler
   */
  async send(draft: ModelCommandDraft, headers?: CommandEnvelope['headers']): Promise<CommandResult> {
    const command = completeDraft('ModelCommand', draft)
    const { commandId, actor } = command
    if (!isId(commandId)) {
      throw new ModelServiceError('INVALID_REQUEST', 'commandId must be 1 to 128 visible ASCII characters.')
    }
    const envelope = { commandId, actor, digest: commandDigest(command), ...(headers === undefined ? {} : { headers }) }
    return this.#dispatch(command.command.type, command.command, envelope)
  }

  async #dispatch<TName extends CommandName>(
    name: TName,
    body: CommandBody<TName>,
    envelope: CommandEnvelope,
  ): Promise<CommandResult> {
    const handler = this.#handlers[name]
    if (handler !== undefined) return handler(body, envelope)
    const error = new ModelServiceError(
      'COMMAND_NOT_SUPPORTED',
      `Nothing carries out ${name} here. Start the service before sending commands to it.`,
    )
    return unappliedResult('REJECTED', { envelope, name, now: this.#now() }, subjectOf(body), { error })
  }
}
