import { Agent } from 'undici'

/** One chat call over undici, with nothing around it. */
export type ChatCall = (
  body: object,
) => Promise<{ text: string; usage: { prompt_tokens: number; completion_tokens: number } }>

/** Makes the call that both bare loops use: one pool, JSON out, JSON in. */
export function createChatCall(providerUrl: string): ChatCall {
  const url = new URL(`${providerUrl}/chat/completions`)
  const agent = new Agent({ pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  const headers = { 'content-type': 'application/json' }
  return async (request) => {
    const { statusCode, body } = await agent.request({
      origin: url.origin,
      path: url.pathname,
      method: 'POST',
      headers,
      body: JSON.stringify(request),
    })
    const answer = (await body.json()) as {
      choices: { message: { content: string } }[]
      usage: { prompt_tokens: number; completion_tokens: number }
    }
    const text = answer.choices[0]?.message.content
    if (statusCode !== 200 || text === undefined) throw new Error(`the provider answered ${statusCode}`)
    return { text, usage: answer.usage }
  }
}
