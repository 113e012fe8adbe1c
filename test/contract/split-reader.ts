import { afterAll, beforeAll, expect } from 'vitest'
import type { ChatOutput } from '../../src/contract/types.ts'
import type { ModelProvider, ProviderAnswer } from '../../src/providers/provider.ts'
import { chatInput, message, text } from '../unit/providers/inputs.ts'
import { callContext } from './openai/local-provider.ts'
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts'

/** Reads streams through an adapter, in the pieces that a test cuts them into. */
export interface SplitReader {
  read(...pieces: Buffer[]): Promise<ProviderAnswer<ChatOutput>>
  /** Expects the same answer as of the whole, wherever the stream is split in two. */
  expectSameAtAnySplit(recorded: Buffer): Promise<void>
  /** Calls `check` with each offset, many at a time, and waits. */
  atEachOffset(from: number, end: number, check: (offset: number) => Promise<void>): Promise<void>
  connectionCount(): number
}

/** How many streams are read at a time. */
const batchCount = 50

/** A reader for the tests of a file; the server and the adapter are there from `beforeAll` on. */
export function splitReader(
  open: (url: string) => { provider: ModelProvider; close(): Promise<void> },
  contentType = 'text/event-stream',
): SplitReader {
  const bodies: (readonly Buffer[])[] = []
  const parts: { server?: ScriptedServer; local?: ReturnType<typeof open> } = {}

  beforeAll(async () => {
    // What is asked tells which body is meant, so that many can be read at a time.
    parts.server = await startScriptedServer(({ body }) => ({
      headers: { 'content-type': contentType },
      body: bodies[Number(/body (\d+)\./.exec(body.toString())?.[1])] ?? [],
    }))
    parts.local = open(parts.server.url)
  })
  afterAll(async () => {
    await parts.local?.close()
    await parts.server?.close()
  })

  const reader: SplitReader = {
    async read(...pieces) {
      const question = `body ${bodies.push(pieces) - 1}.`
      const input = chatInput({ messages: [message('USER', text(question))] })
      const context = callContext({ onDelta: () => undefined })
      if (parts.local === undefined) throw new Error('The reader is not there before the tests')
      return await parts.local.provider.chat({ model: 'm', input }, context)
    },
    async expectSameAtAnySplit(recorded) {
      const { providerRequestId: _wholeId, ...whole } = await reader.read(recorded)
      await reader.atEachOffset(1, recorded.length, async (offset) => {
        const answer = await reader.read(recorded.subarray(0, offset), recorded.subarray(offset))
        const { providerRequestId: _id, ...same } = answer
        expect(same, `split at ${offset}`).toEqual(whole)
      })
    },
    async atEachOffset(from, end, check) {
      for (let first = from; first < end; first += batchCount) {
        const count = Math.min(batchCount, end - first)
        await Promise.all(Array.from({ length: count }, (_, place) => check(first + place)))
      }
    },
    connectionCount: () => parts.server?.connectionCount() ?? 0,
  }
  return reader
}
