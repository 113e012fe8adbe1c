import { type ErrorCode, errorCatalogue } from '../errors/catalogue.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { redactText } from '../observability/redact.ts'
import { StackError, type StackErrorCode } from '../stack/stack-error.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { UsageError } from './usage-error.ts'

/** An error in the words of the command line. */
export interface ErrorReport {
  code: string
  message: string
  /** What to do; empty when the message says it. */
  action: string
  exitCode: ExitCode
}

const unavailable = new Set<ErrorCode>([
  'DATABASE_UNAVAILABLE',
  'BROKER_UNAVAILABLE',
  'SCHEMA_REGISTRY_UNAVAILABLE',
  'REQUEST_TIMEOUT',
])
/** What is thrown as an INVALID_REQUEST was never sent; what workers refuse comes back as a result. */
const usage = new Set<ErrorCode>(['CONFIGURATION_INVALID', 'INVALID_REQUEST', 'WORK_FILE_UNUSABLE'])
const stackExitCodes: Partial<Record<StackErrorCode, ExitCode>> = {
  STACK_OPTIONS_INVALID: exitCodes.usage,
  STACK_JAVA_MISSING: exitCodes.unavailable,
  STACK_MAVEN_MISSING: exitCodes.unavailable,
  STACK_POSTGRES_MISSING: exitCodes.unavailable,
  STACK_PYTHON_MISSING: exitCodes.unavailable,
  STACK_DOCKER_MISSING: exitCodes.unavailable,
  STACK_OFFLINE_CACHE_MISS: exitCodes.unavailable,
  STACK_DOWNLOAD_FAILED: exitCodes.unavailable,
}

/** Says what an error means to the user, and what the process ends with. Secrets of known shape are taken out. */
export function reportError(error: unknown): ErrorReport {
  const report = describe(error)
  return { ...report, message: redactText(report.message) }
}

/** The report as lines for people: one line, unless the message lists several things. */
export function formatErrorReport({ code, message, action }: ErrorReport): string {
  if (action === '') return `${code}: ${message}`
  const isSentence = /[.!?]$/.test(message)
  const joint = message.includes('\n') ? '\n' : isSentence ? ' ' : '. '
  return `${code}: ${message}${joint}${action}`
}

/** The stack of an error and of its causes, for `--verbose`. */
export function formatStack(error: unknown): string {
  const lines: string[] = []
  for (let current = error, depth = 0; current instanceof Error && depth < 10; current = current.cause, depth += 1) {
    lines.push(`${depth === 0 ? '' : 'caused by '}${current.stack ?? current.message}`)
  }
  return redactText(lines.join('\n'))
}

function describe(error: unknown): ErrorReport {
  if (error instanceof UsageError) {
    return { code: 'USAGE', message: error.message, action: '', exitCode: exitCodes.usage }
  }
  if (error instanceof StackError) {
    const [message = ''] = error.message.split('\n', 1)
    return { code: error.code, message, action: error.hint, exitCode: stackExitCodes[error.code] ?? exitCodes.failed }
  }
  if (error instanceof ModelServiceError) {
    const { code, message } = error
    const { action } = errorCatalogue[code]
    return { code, message, action, exitCode: exitCodeOf(code) }
  }
  const foreign = error instanceof Error ? error.message : String(error)
  const { action } = errorCatalogue.INTERNAL_ERROR
  return { code: 'INTERNAL_ERROR', message: foreign, action, exitCode: exitCodes.failed }
}

function exitCodeOf(code: ErrorCode): ExitCode {
  if (usage.has(code)) return exitCodes.usage
  return unavailable.has(code) ? exitCodes.unavailable : exitCodes.failed
}
