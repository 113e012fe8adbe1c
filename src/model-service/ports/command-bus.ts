import type { CommandResult, ModelCommand, ModelCommandDraft } from '../../contract/types.ts'

/** Name of a command's record, for example RegisterModel. */
export type CommandName = ModelCommand['command']['type']

/** The body of the command of that name. */
export type CommandBody<TName extends CommandName> = Extract<ModelCommand['command'], { type: TName }>

/** Who gave a command and under which id. */
export interface CommandEnvelope {
  commandId: string
  actor: string | null
  /** Hash of the command's content: the same id with another digest is refused. */
  digest: string
  /** Headers of the record that it came in, for its answer (`reply-topic`, `correlation-id`); none where it came in none. */
  headers?: Readonly<Record<string, string>>
}

/** Carries out one kind of command. Rejects only with retryable errors; refusals are results. */
export type CommandHandler<TName extends CommandName> = (
  body: CommandBody<TName>,
  envelope: CommandEnvelope,
) => Promise<CommandResult>

/** Brings commands to their handlers: in this process, or through Kafka. */
export interface CommandBus {
  handle<TName extends CommandName>(name: TName, handler: CommandHandler<TName>): void
  /** `headers` are those of the record that the command came in, if it came in one. */
  send(command: ModelCommandDraft, headers?: CommandEnvelope['headers']): Promise<CommandResult>
}
