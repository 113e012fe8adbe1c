import { createHash } from 'node:crypto'
import type { OpenAiDialect } from './openai-dialect.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/**
 * The id of a tool call as the server takes it. Mistral's models refuse all but nine letters and digits, so that a
 * conversation begun elsewhere could not go on there; call and result are renamed alike.
 */
export function toToolCallId(id: string, { toolCallIds }: OpenAiDialect): string {
  if (toolCallIds === 'any' || /^[A-Za-z0-9]{9}$/.test(id)) return id
  const hash = createHash('sha256').update(id).digest()
  return Array.from(hash.subarray(0, 9), (byte) => alphabet[byte % alphabet.length]).join('')
}
