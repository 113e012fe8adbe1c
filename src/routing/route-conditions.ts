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

/** Whether all conditions hold for a request. A field that the request does not have meets only NOT_EQUALS and NOT_IN. */
export function conditionsHold(conditions: readonly RouteCondition[], request: ModelRequest): boolean {
  return conditions.every((condition) => holds(condition, fieldValue(condition.field, request)))
}

function holds({ operator, values }: RouteCondition, value: string | null): boolean {
  const [first] = values
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
      return value !== null && first !== undefined && Number(value) < Number(first)
    case 'GREATER_THAN':
      return value !== null && first !== undefined && Number(value) > Number(first)
    case 'UNSPECIFIED':
      return false
    default:
      return operator satisfies never
  }
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
