import type { ErrorContext } from '../http/map-http-error.ts'

/** What an answer is read with. */
export interface AnswerContext extends ErrorContext {
  /** Name of the tool whose arguments are the answer; null when the answer is text. */
  jsonTool: string | null
}
