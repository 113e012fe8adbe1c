import { afterEach } from 'vitest'
import type { ChatInput } from '../../src/contract/types.ts'
import type { ChatDelta, ModelProvider } from '../../src/providers/provider.ts'
import { chatInput } from '../unit/providers/inputs.ts'
import { callContext } from './openai/local-provider.ts'
import { type ScriptedAnswer, type SeenRequest, startScriptedServer } from './scripted-server.ts'

/** A provider of the test, and its end. */
interface Local {
  provider: ModelProvider
  close(): Promise<void>
}

/** An adapter against servers of the test, which end with each test. */
export function featureBed(connect: (url: string) => Local, chatAnswer: ScriptedAnswer) {
  const releases: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release()
  })

  /** The adapter, with a server that gives this answer to everything, and the requests that it got. */
  async function open(answer: ScriptedAnswer) {
    const server = await startScriptedServer(() => answer)
    releases.push(server.close)
    const { provider, close } = connect(server.url)
    releases.push(close)
    return { provider, requests: server.requests, json: () => jsonOf(server.requests.at(-1)) }
  }

  return {
    open,
    /** What is sent for a chat. */
    async chatBody(fields: Partial<ChatInput>, model = 'm') {
      const { provider, json } = await open(chatAnswer)
      await provider.chat({ model, input: chatInput(fields) }, callContext())
      return json()
    },
    /** What is made of an answer to a chat. */
    async chat(answer: ScriptedAnswer, fields: Partial<ChatInput> = {}, model = 'm') {
      const { provider } = await open(answer)
      return provider.chat({ model, input: chatInput(fields) }, callContext())
    },
    /** What is made of a stream, with its deltas. */
    async stream(answer: ScriptedAnswer, fields: Partial<ChatInput> = {}, model = 'm') {
      const { provider, json } = await open(answer)
      const deltas: ChatDelta[] = []
      const context = callContext({ onDelta: (delta) => deltas.push(delta) })
      const whole = await provider.chat({ model, input: chatInput(fields) }, context)
      const textOf = (kind: ChatDelta['kind']) =>
        deltas.map((delta) => (delta.kind === kind && 'text' in delta ? delta.text : '')).join('')
      return { answer: whole, deltas, textOf, sent: json() }
    },
    /** A server of media. */
    async mediaUrl(mediaType: string, bytes: string) {
      const server = await startScriptedServer(() => ({ headers: { 'content-type': mediaType }, body: bytes }))
      releases.push(server.close)
      return `${server.url}/media`
    },
  }
}

function jsonOf(request: SeenRequest | undefined) {
  return JSON.parse(request?.body.toString() ?? '')
}
