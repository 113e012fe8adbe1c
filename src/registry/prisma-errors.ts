import { ModelServiceError } from '../errors/model-service-error.ts'
import { Prisma } from './generated/client.ts'

/**
 * Prisma's codes for values that the database refuses: too long, wrong, null, out of range, and errors of its own that it
 * passes on (P2010).
 * Source: Prisma Client error reference, "Query Engine" codes.
 */
const DATA_CODES = new Set(['P2000', 'P2005', 'P2006', 'P2007', 'P2011', 'P2019', 'P2020', 'P2023'])
const SCHEMA_CODES = new Set(['P2021', 'P2022'])

/** Whether the same transaction may succeed at the next try: it met another one. */
export function isWriteConflict(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2034'
}

/** The error of ours for one of Prisma's. */
export function toRegistryError(cause: unknown): ModelServiceError {
  if (cause instanceof ModelServiceError) return cause
  if (isRefusedData(cause)) {
    return new ModelServiceError(
      'INVALID_REQUEST',
      'The registry cannot store one of the values: texts must not hold U+0000 or half a character, numbers must fit their column',
      { cause },
    )
  }
  if (cause instanceof Prisma.PrismaClientKnownRequestError && SCHEMA_CODES.has(cause.code)) {
    return new ModelServiceError(
      'DATABASE_VERSION',
      'The schema of the database is not the one of this version. Run "model-service migrate"',
      { cause },
    )
  }
  return new ModelServiceError(
    'DATABASE_UNAVAILABLE',
    'The database gave the registry no answer that can be used. A change may have been made all the same; a command is safe to repeat under the same id.',
    { cause },
  )
}

function isRefusedData(error: unknown): boolean {
  if (error instanceof Prisma.PrismaClientValidationError) return true
  if (error instanceof Prisma.PrismaClientKnownRequestError && DATA_CODES.has(error.code)) return true
  // What Prisma has no code for carries the SQLSTATE of the adapter's error.
  return /^22/.test(sqlState(error) ?? '')
}

function sqlState(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > 5) return undefined
  if ('originalCode' in error && typeof error.originalCode === 'string') return error.originalCode
  for (const key of ['cause', 'meta', 'driverAdapterError'] as const) {
    const found = key in error ? sqlState((error as Record<string, unknown>)[key], depth + 1) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
