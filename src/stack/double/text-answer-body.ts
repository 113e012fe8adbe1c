import type { TextAnswer } from './chat-answer.ts'

/** The body of `/v1/chat/completions`. */
export function chatBody(answer: TextAnswer): object {
  const message = {
    role: 'assistant',
    content: answer.toolCalls.length > 0 || answer.refusal !== null ? null : answer.text,
    refusal: answer.refusal,
    ...(answer.toolCalls.length > 0 && { tool_calls: answer.toolCalls }),
  }
  return {
    ...envelope(answer, 'chat.completion'),
    choices: [{ index: 0, message, logprobs: null, finish_reason: answer.finishReason }],
    usage: answer.usage,
  }
}

/** The body of `/v1/completions`. */
export function completionBody(answer: TextAnswer): object {
  return {
    ...envelope(answer, 'text_completion'),
    choices: [{ index: 0, text: answer.text, logprobs: null, finish_reason: answer.finishReason }],
    usage: answer.usage,
  }
}

/** The chunks of a streamed chat, in order, without the closing `[DONE]`. */
export function chatChunks(answer: TextAnswer, includeUsage: boolean): object[] {
  const head = { ...envelope(answer, 'chat.completion.chunk'), ...(includeUsage && { usage: null }) }
  const chunk = (delta: object, finishReason: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  })
  const chunks: object[] = [chunk({ role: 'assistant', content: '', refusal: null })]
  for (const piece of piecesOf(answer.text)) chunks.push(chunk({ content: piece }))
  if (answer.refusal !== null) for (const piece of piecesOf(answer.refusal)) chunks.push(chunk({ refusal: piece }))
  for (const [index, call] of answer.toolCalls.entries()) {
    chunks.push(chunk({ tool_calls: [{ index, ...call, function: { name: call.function.name, arguments: '' } }] }))
    for (const piece of piecesOf(call.function.arguments)) {
      chunks.push(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }))
    }
  }
  chunks.push(chunk({}, answer.finishReason))
  if (includeUsage) chunks.push({ ...head, choices: [], usage: answer.usage })
  return chunks
}

function envelope({ id, created, model }: TextAnswer, object: string): object {
  return { id, object, created, model, system_fingerprint: 'fp_double' }
}

function piecesOf(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? []
}
