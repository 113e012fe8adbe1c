/** What providers say of their limits reaches whoever asks, as the answer begins and whatever its status. */
import { afterEach, expect, test } from 'vitest'
import type { RateLimitState } from '../../../src/limits/read-rate-limits.ts'
import { chatInput } from '../../unit/providers/inputs.ts'
import { type ScriptedAnswer, startScriptedServer } from '../scripted-server.ts'
import { callContext, localProvider } from './local-provider.ts'

const headers = {
  'content-type': 'application/json',
  'x-ratelimit-limit-requests': '60',
  'x-ratelimit-remaining-requests': '0',
  'x-ratelimit-reset-requests': '1m0s',
}
const body = JSON.stringify({ choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] })
const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function heard(answer: ScriptedAnswer, isStreamed = false): Promise<RateLimitState[]> {
  const server = await startScriptedServer(() => answer)
  const { provider, close } = localProvider(server.url)
  closing.push(close, server.close)
  const states: RateLimitState[] = []
  const context = callContext({
    onRateLimits: (state) => states.push(state),
    ...(isStreamed ? { onDelta: () => {} } : {}),
  })
  await provider.chat({ model: 'm', input: chatInput() }, context).catch(() => {})
  return states
}

const told = [{ requests: { limit: 60, remaining: 0, resetMs: 60_000 }, tokens: null }]
const events = `data: ${JSON.stringify({ choices: [{ delta: { content: 'Hi' }, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`

test.each<[string, ScriptedAnswer, boolean]>([
  ['in one piece', { headers, body }, false],
  ['of a stream', { headers: { ...headers, 'content-type': 'text/event-stream' }, body: events }, true],
  ['that refuses the call', { status: 429, headers, body: '{}' }, false],
])('an answer %s', async (_name, answer, isStreamed) => {
  expect(await heard(answer, isStreamed)).toEqual(told)
})

test('an answer without such headers says nothing', async () => {
  expect(await heard({ body })).toEqual([])
})
