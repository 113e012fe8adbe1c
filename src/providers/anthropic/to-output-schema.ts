import { asList, asObject, asText, type JsonObject } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'

/** Keywords that Anthropic's structured outputs refuse. Source: the transformation in Anthropic's SDK 0.120. */
const refusedKeywords: ReadonlySet<string> = new Set([
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'not',
])
const takenFormats: ReadonlySet<string> = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
])
const deepest = 100

/**
 * A JSON Schema as structured outputs take it: objects are closed, and what cannot be enforced is told in the
 * description instead, so that the model still knows it; whoever needs it held must check the answer.
 * @throws INVALID_REQUEST for a schema that is nested too deeply
 */
export function toOutputSchema(schema: JsonObject, provider: string, depth = 0): JsonObject {
  if (depth > deepest) throw invalidRequest(provider, `A schema may be nested ${deepest} levels deep at most.`)
  const inner = (value: unknown): unknown => {
    const object = asObject(value)
    return object === undefined ? value : toOutputSchema(object, provider, depth + 1)
  }
  const each = (value: unknown): unknown =>
    Object.fromEntries(Object.entries(asObject(value) ?? {}).map(([name, one]) => [name, inner(one)]))
  const result: JsonObject = {}
  const told: string[] = []
  for (const [keyword, value] of Object.entries(schema)) {
    if (refusedKeywords.has(keyword) || (keyword === 'format' && !takenFormats.has(asText(value) ?? ''))) {
      told.push(`${keyword}: ${JSON.stringify(value)}`)
    } else if (['properties', '$defs', 'definitions'].includes(keyword)) result[keyword] = each(value)
    else if (['anyOf', 'allOf'].includes(keyword)) result[keyword] = asList(value).map(inner)
    else if (keyword === 'oneOf') result['anyOf'] = asList(value).map(inner)
    else if (keyword === 'items') result[keyword] = inner(value)
    else result[keyword] = value
  }
  if (result['type'] === 'object' || result['properties'] !== undefined) result['additionalProperties'] = false
  if (told.length > 0) {
    result['description'] = [asText(result['description']), `{${told.join(', ')}}`].filter(Boolean).join('\n\n')
  }
  return result
}
