import type { ModelRequest, RequestType, RouteCondition } from '../contract/types.ts'
import { inputTexts } from '../tokens/input-texts.ts'
import { estimatedTokens } from '../tokens/token-bounds.ts'
import { requestTypeOf } from './request-type.ts'

/** Fields that a condition may name, beside `metadata.NAME`. */
export const conditionFields = ['tenant', 'taskType', 'requestType', 'inputTokens'] as const

/** Whether a text may be the field of a condition. */
export function isConditionField(field: string): boolean {
  return /^metadata\..+/.test(field) || conditionFields.some((known) => known === field)
}

/** The number that a text is in decimal notation; null for anything else, an empty text and `0x10` too. */
export function decimalOf(text: string): number | null {
  if (text.length > 40 || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return null
  const number = Number(text)
  return Number.isFinite(number) ? number : null
}

/**
 * The first condition that does not hold for a request; null when all hold. A field that the request does not have meets
 * only NOT_EQUALS and NOT_IN; an order is kept by decimal numbers alone.
 */
export function failingCondition(conditions: readonly RouteCondition[], request: ModelRequest): RouteCondition | null {
  return conditions.find((condition) => !holds(condition, fieldValue(condition.field, request))) ?? null
}

function holds({ operator, values }: RouteCondition, value: string | null): boolean {
  switch (operator) {
    case 'EXISTS':
      return value !== null
    case 'EQUALS':
    case 'IN':
      return value !== null && values.includes(value)
    case 'NOT_EQUALS':
    case 'NOT_IN':
      return value === null || !values.includes(value)
    case 'LESS_THAN':
      return compare(value, values, (number, bound) => number < bound)
    case 'GREATER_THAN':
      return compare(value, values, (number, bound) => number > bound)
    case 'UNSPECIFIED':
      return false
    default:
      // One of a later version: what it means is not known, so it is not met.
      operator satisfies never
      return false
  }
}

function compare(
  value: string | null,
  [first]: readonly string[],
  isMet: (number: number, bound: number) => boolean,
): boolean {
  const number = value === null ? null : decimalOf(value)
  const bound = first === undefined ? null : decimalOf(first)
  return number !== null && bound !== null && isMet(number, bound)
}

function fieldValue(field: string, request: ModelRequest): string | null {
  if (field.startsWith('metadata.')) {
    const name = field.slice('metadata.'.length)
    return Object.hasOwn(request.metadata, name) ? (request.metadata[name] ?? null) : null
  }
  switch (field) {
    case 'tenant':
      return request.tenant
    case 'taskType':
      return request.taskType
    case 'requestType':
      return requestTypeOf(request.input) satisfies RequestType
    case 'inputTokens':
      return String(estimatedTokens(inputTexts(request.input)))
    default:
      return null
  }
}
