/** Names that resolve to private addresses; the resolver is replaced, the connection is real. */
import type { LookupAddress } from 'node:dns'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { HttpMediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { mediaRef } from '../../unit/providers/inputs.ts'
import { type ScriptedServer, startScriptedServer } from '../scripted-server.ts'

const resolver = vi.hoisted(() => ({
  answers: [] as LookupAddress[],
  later: null as LookupAddress[] | null,
  asked: [] as string[],
}))
vi.mock('node:dns', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:dns')>()),
  lookup: (hostname: string, _options: object, callback: (error: null, addresses: LookupAddress[]) => void) => {
    resolver.asked.push(hostname)
    const answers = resolver.answers
    process.nextTick(() => {
      callback(null, answers)
      resolver.answers = resolver.later ?? resolver.answers
    })
  },
}))

let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer(() => ({ body: 'secret' }))
})
afterAll(() => server.close())
beforeEach(() => {
  resolver.asked = []
  resolver.later = null
})

async function load(answers: LookupAddress[], timeoutMs = 30_000) {
  resolver.answers = answers
  const fetcher = new HttpMediaFetcher({ timeoutMs })
  const url = `http://media.example.org:${new URL(server.url).port}/a`
  try {
    return await fetcher.load(mediaRef({ url }), new AbortController().signal)
  } finally {
    await fetcher.close()
  }
}
const local: LookupAddress = { address: '127.0.0.1', family: 4 }

describe('a public name', () => {
  it.each<[string, LookupAddress[]]>([
    ['this machine', [local]],
    ['this machine over IPv6', [{ address: '::1', family: 6 }]],
    ['a cloud metadata service', [{ address: '169.254.169.254', family: 4 }]],
    ['a mapped private address', [{ address: '::ffff:10.0.0.1', family: 6 }]],
    ['a public and a private address', [{ address: '93.184.216.34', family: 4 }, local]],
  ])('that resolves to %s is refused, and nothing is connected', async (_name, answers) => {
    await expect(load(answers)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('MEDIA_ALLOWED_HOSTS'),
    })
    expect(resolver.asked).toEqual(['media.example.org'])
    expect(server.connectionCount()).toBe(0)
  })

  it('is dialled at the address that was judged, though it would resolve to this machine a moment later', async () => {
    // A public address where nobody answers to this port; whether it refuses or is silent depends on the network.
    const attempt = load([{ address: '93.184.216.34', family: 4 }], 300)
    resolver.later = [local]
    await expect(attempt).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    expect(resolver.asked).toEqual(['media.example.org'])
    expect(server.connectionCount()).toBe(0)
  })

  it('that resolves to nothing is unavailable', async () => {
    await expect(load([])).rejects.toMatchObject({ code: expect.stringMatching(/INVALID_REQUEST|MEDIA_UNAVAILABLE/) })
  })
})
