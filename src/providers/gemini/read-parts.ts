import type { ToolCall } from '../../contract/types.ts'
import { asList, asObject, asText } from '../http/json-shape.ts'
import { toProviderState } from './provider-state.ts'

/** What the parts of a turn hold, in order. */
export type ReadPart =
  | { kind: 'TEXT' | 'REASONING'; text: string }
  /** A missing id is an empty one here. */
  | { kind: 'CALL'; call: ToolCall }
  | { kind: 'MEDIA'; mediaType: string; base64: string }

/**
 * Reads the parts of a candidate's content. What is a thought is told apart by `thought`; interim pictures of thinking
 * image models are left out, as are the code that Google ran itself and its results.
 */
export function readParts(content: unknown): ReadPart[] {
  return asList(asObject(content)?.['parts']).flatMap((entry): ReadPart[] => {
    const part = asObject(entry)
    if (part === undefined) return []
    const isThought = part['thought'] === true
    const text = asText(part['text'])
    if (text !== undefined) return text === '' ? [] : [{ kind: isThought ? 'REASONING' : 'TEXT', text }]
    const called = asObject(part['functionCall'])
    const name = asText(called?.['name'])
    if (called !== undefined && name) {
      const providerState = toProviderState(asText(part['thoughtSignature']))
      const json = JSON.stringify(asObject(called['args']) ?? {})
      return [{ kind: 'CALL', call: { id: asText(called['id']) ?? '', name, arguments: json, providerState } }]
    }
    const inline = asObject(part['inlineData'])
    const base64 = asText(inline?.['data'])
    if (base64 && !isThought) return [{ kind: 'MEDIA', mediaType: asText(inline?.['mimeType']) ?? '', base64 }]
    return []
  })
}
