import type { ChatInput, ModelRequest } from '../../contract/types.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import type { TypedAnswer } from '../call-provider.ts'
import { type OutputProblem, outputSchemaOf } from './output-schema.ts'

/** An answer that does not have the shape that was asked for. */
export interface UnfitAnswer {
  input: Extract<ModelRequest['input'], { type: 'ChatInput' }>
  text: string
  problems: OutputProblem[]
  /** Whether it was cut at the output limit: then asking again would be cut as well. */
  isTruncated: boolean
}

const schemaPath = 'input.responseFormat.schema'

/** Refuses a request whose schema cannot be used. @throws INVALID_REQUEST */
export function requireOutputSchema({ responseFormat }: ChatInput): void {
  if (responseFormat?.kind === 'JSON_SCHEMA' && responseFormat.schema !== null) {
    outputSchemaOf(responseFormat.schema, schemaPath)
  }
}

/**
 * Holds the answer of a chat to the schema that it asked for; null when it fits, or when there is nothing to hold to it: no schema,
 * a refusal, or tool calls, after which the conversation goes on.
 */
export function judgeAnswer(input: ModelRequest['input'], typed: TypedAnswer): UnfitAnswer | null {
  if (input.type !== 'ChatInput' || typed.type !== 'CHAT') return null
  const { responseFormat } = input
  if (responseFormat?.kind !== 'JSON_SCHEMA' || responseFormat.schema === null) return null
  const { output, finishReason } = typed.answer
  const isRefused = output.refusal !== null || finishReason === 'CONTENT_FILTER'
  if (isRefused || output.toolCalls.length > 0) return null
  const problems = problemsOf(output.text, responseFormat.schema)
  return problems.length === 0 ? null : { input, text: output.text, problems, isTruncated: finishReason === 'LENGTH' }
}

/** A schema that was dropped since planning, and takes too long to compile now, must not throw the paid answer away. */
function problemsOf(text: string, schema: string): OutputProblem[] {
  try {
    return outputSchemaOf(schema, schemaPath).problemsOf(text)
  } catch {
    return [{ rule: '#', expected: 'cannot be judged: the schema takes too long to compile', place: '', surplus: null }]
  }
}

const namedInError = 5

/** The error of an unfit answer: rules of the schema, nothing of the answer. `repair` says what became of the repair. */
export function outputInvalid(
  unfit: UnfitAnswer,
  provider: string,
  repair: 'failed' | 'none' = 'none',
): ModelServiceError {
  const { problems, isTruncated } = unfit
  const rules = problems.slice(0, namedInError).map(({ rule, expected }) => `${cut(rule)} ${cut(expected)}`)
  const rest = problems.length > namedInError ? `; and ${problems.length - namedInError} more` : ''
  const advice = isTruncated
    ? 'It was cut at its output limit: raise sampling.maxOutputTokens.'
    : `${repair === 'failed' ? 'An attempt to mend it failed. ' : ''}Use a model that keeps to schemas, or a simpler schema.`
  return new ModelServiceError(
    'OUTPUT_INVALID',
    `The answer of provider ${provider} does not fit the schema that was asked for: ${rules.join('; ')}${rest}. ${advice}`,
    { provider },
  )
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
