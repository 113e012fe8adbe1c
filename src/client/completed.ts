import type { CompletionOutputs } from '../contract/no-output.ts'
import type { ModelCompletion } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { outputOmitted } from '../events/completion-records.ts'
import { CompletionFailed } from './refused-answers.ts'

/** A terminal record that is COMPLETED, and has this output. */
export type Completed<TOutput extends keyof CompletionOutputs> = Omit<ModelCompletion, 'status' | TOutput> & {
  status: 'COMPLETED'
} & { [TName in TOutput]: NonNullable<ModelCompletion[TName]> }
/** The answer to a chat. */
export type CompletedChat = Completed<'chat'>

/**
 * The completion, known to be COMPLETED and to have its output.
 * @throws CompletionFailed when it ended otherwise
 * @throws PAYLOAD_TOO_LARGE when its output is kept nowhere that the client can read
 */
export function requireCompleted<TOutput extends keyof CompletionOutputs>(
  completion: ModelCompletion,
  output: TOutput,
): Completed<TOutput> {
  if (completion.status !== 'COMPLETED') throw new CompletionFailed(completion)
  if (completion[output] === null) {
    throw new ModelServiceError(
      'PAYLOAD_TOO_LARGE',
      `The answer to ${completion.requestId} came without its output, and the completion topic does not hold it any more under that key.`,
    )
  }
  // Status and output were just looked at, which the type of a record does not remember.
  return completion as Completed<TOutput>
}

/** Whether the output was left out of a reply because of its size, or because only its topic keeps it. */
export function isOutputOmitted({ warnings }: Pick<ModelCompletion, 'warnings'>): boolean {
  return warnings.some(({ code }) => code === outputOmitted)
}
