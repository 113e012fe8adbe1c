import type { ErrorContext } from '../http/map-http-error.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/** What an answer is read with. */
export interface AnswerContext extends ErrorContext {
  dialect: OpenAiDialect
}
