import { describe, expect, it } from 'vitest'
import { formatErrorReport, formatStack, reportError } from '../../../src/cli/report-error.ts'
import { UsageError } from '../../../src/cli/usage-error.ts'
import { type ErrorCode, errorCatalogue } from '../../../src/errors/catalogue.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { StackError } from '../../../src/stack/stack-error.ts'

describe('reportError', () => {
  it.each<[unknown, string, number]>([
    [new UsageError('wrong'), 'USAGE', 2],
    [new ModelServiceError('CONFIGURATION_INVALID', 'x'), 'CONFIGURATION_INVALID', 2],
    [new ModelServiceError('INVALID_REQUEST', 'x'), 'INVALID_REQUEST', 2],
    [new ModelServiceError('BROKER_UNAVAILABLE', 'x'), 'BROKER_UNAVAILABLE', 3],
    [new ModelServiceError('DATABASE_UNAVAILABLE', 'x'), 'DATABASE_UNAVAILABLE', 3],
    [new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'x'), 'SCHEMA_REGISTRY_UNAVAILABLE', 3],
    [new ModelServiceError('REQUEST_TIMEOUT', 'x'), 'REQUEST_TIMEOUT', 3],
    [new ModelServiceError('TOPIC_MISSING', 'x'), 'TOPIC_MISSING', 1],
    [new ModelServiceError('DATABASE_VERSION', 'x'), 'DATABASE_VERSION', 1],
    [new StackError('STACK_BUSY', 'x', 'y'), 'STACK_BUSY', 1],
    [new StackError('STACK_DOCKER_MISSING', 'x', 'y'), 'STACK_DOCKER_MISSING', 3],
    [new StackError('STACK_OPTIONS_INVALID', 'x', 'y'), 'STACK_OPTIONS_INVALID', 2],
    [new Error('foreign'), 'INTERNAL_ERROR', 1],
    ['no error at all', 'INTERNAL_ERROR', 1],
  ])('%s → %s, exit code %i', (error, code, exitCode) => {
    expect(reportError(error)).toMatchObject({ code, exitCode })
  })

  it.each(Object.keys(errorCatalogue) as ErrorCode[])('%s comes with its action, on one line', (code) => {
    const line = formatErrorReport(reportError(new ModelServiceError(code, 'What was wrong.')))
    expect(line).toBe(`${code}: What was wrong. ${errorCatalogue[code].action}`)
  })

  it('parts message and action, however the message ends', () => {
    const line = formatErrorReport(reportError(new ModelServiceError('TOPIC_MISSING', 'There is none')))
    expect(line).toBe(`TOPIC_MISSING: There is none. ${errorCatalogue.TOPIC_MISSING.action}`)
  })

  it('gives the hint of a stack error once', () => {
    const line = formatErrorReport(reportError(new StackError('STACK_BUSY', 'Taken.', 'End it.')))
    expect(line).toBe('STACK_BUSY: Taken. End it.')
  })

  it('shows no password, neither in the message nor in the stack', () => {
    const error = new Error('cannot reach postgres://me:hunter2@host/db', { cause: new Error('redis://a:hunter2@b') })
    expect(formatErrorReport(reportError(error))).not.toContain('hunter2')
    const stack = formatStack(error)
    expect(stack).toContain('caused by')
    expect(stack).not.toContain('hunter2')
  })
})
