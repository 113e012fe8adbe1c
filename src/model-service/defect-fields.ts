import type { LogFields } from './model-service-base.ts'

/**
 * What may be logged of an error that nobody expected: its name and where it came from. Not its message: a parser's quotes
 * the text that it could not parse, which may be a prompt or an answer.
 */
export function defectFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { errorName: typeof error }
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return { errorName: error.name, stack: frames.join('\n') }
}
