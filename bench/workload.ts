import type { ModelRequestDraft } from '../src/contract/types.ts'

/** Id under which the model is registered, and its name at the provider. */
export const benchModel = 'bench-model'

/** About 500 characters, as a short prompt has. */
const prompt = 'Summarise what a worker owes to those who wait for its answers, in three plain sentences. '.repeat(5)
/** About 600 characters, as a short answer has. */
const answerText = 'It answers each of them once, keeps what was paid for, and says so when it cannot. '.repeat(7)

/** The one kind of request that the benchmark sends. */
export function benchRequest(requestId: string): ModelRequestDraft {
  return {
    requestId,
    model: benchModel,
    input: {
      type: 'ChatInput',
      messages: [
        { role: 'SYSTEM', content: [{ text: 'You are brief.' }] },
        { role: 'USER', content: [{ text: prompt }] },
      ],
    },
  }
}

/** The same request as a body for `/chat/completions`. */
export const benchBody = {
  model: benchModel,
  messages: [
    { role: 'system', content: 'You are brief.' },
    { role: 'user', content: prompt },
  ],
}

/** What the mock provider answers; the text begins with how long it took, in ms, so that this can be taken off. */
export function benchAnswer(tookMs: number): string {
  return `{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"${benchModel}","choices":[{"index":0,"message":{"role":"assistant","content":"${tookMs.toFixed(3)} ms. ${answerText}","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":110,"completion_tokens":130,"total_tokens":240}}`
}

/** The time that an answer says the provider took, in ms. */
export function providerMsOf(text: string): number {
  return Number.parseFloat(text)
}
