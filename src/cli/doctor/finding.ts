import { errorCatalogue } from '../../errors/catalogue.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { redactText } from '../../observability/redact.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'

/**
 * How something stands: as it should be; worth a look; wrong; not reachable; or not looked at, because what it needs is
 * wrong or not reachable itself.
 */
export type FindingStatus = 'ok' | 'warn' | 'fail' | 'away' | 'skipped'

/** One thing that was looked at. */
export interface Finding {
  status: FindingStatus
  /** What was found. */
  what: string
  /** What to do; empty where nothing is to be done. */
  action: string
}

/** A finding under the name of its check. */
export interface NamedFinding extends Finding {
  check: string
}

/** A check; several may look at the same dependency, none waits for another. */
export interface Check {
  name: string
  /** @throws when it cannot say anything; the runner makes a finding of it */
  run(): Promise<readonly Finding[]>
}

/** All is well. */
export function fine(what: string): Finding {
  return { status: 'ok', what, action: '' }
}

/** It works, but a person should look at it. */
export function warning(what: string, action: string): Finding {
  return { status: 'warn', what, action }
}

/** It is wrong. */
export function failure(what: string, action: string): Finding {
  return { status: 'fail', what, action }
}

/** It could not be looked at. */
export function skipped(what: string): Finding {
  return { status: 'skipped', what, action: '' }
}

/** Thrown by a check that cannot look, because of something that another finding tells of. */
export class NotLookedAt extends Error {
  override readonly name = 'NotLookedAt'
}

const awayCodes: ReadonlySet<string> = new Set([
  'BROKER_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'SCHEMA_REGISTRY_UNAVAILABLE',
])

/** The finding of a check that failed. Secrets of known shape are taken out. */
export function findingOf(error: unknown): Finding {
  if (error instanceof NotLookedAt) return skipped(error.message)
  if (!(error instanceof ModelServiceError)) {
    const message = error instanceof Error ? error.message : String(error)
    return failure(redactText(message), errorCatalogue.INTERNAL_ERROR.action)
  }
  const status = awayCodes.has(error.code) ? 'away' : 'fail'
  return { status, what: `${error.code}: ${redactText(error.message)}`, action: errorCatalogue[error.code].action }
}

/** What the process ends with: 3 when something is away, else 1 when something is wrong. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  if (findings.some(({ status }) => status === 'away')) return exitCodes.unavailable
  return findings.some(({ status }) => status === 'fail') ? exitCodes.failed : exitCodes.ok
}
