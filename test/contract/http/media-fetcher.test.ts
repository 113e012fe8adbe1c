import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { HttpMediaFetcher, type MediaFetcherOptions } from '../../../src/providers/http/media-fetcher.ts'
import { mediaRef } from '../../unit/providers/inputs.ts'
import { type ScriptedServer, startScriptedServer } from '../scripted-server.ts'

let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer(({ path }) => {
    switch (path) {
      case '/ok':
        return { headers: { 'content-type': 'image/png; x=y' }, body: 'PNG' }
      case '/large':
        return { body: 'x'.repeat(2000) }
      case '/redirect':
        return { status: 302, headers: { location: '/ok' } }
      case '/broken':
        return { status: 503 }
      default:
        return { status: 404 }
    }
  })
})
afterAll(() => server.close())

let fetcher: HttpMediaFetcher | undefined
afterEach(() => fetcher?.close())

function load(url: string, options: MediaFetcherOptions = {}, fields = {}) {
  fetcher = new HttpMediaFetcher({ maxBytes: 1000, ...options })
  return fetcher.load(mediaRef({ url, mediaType: '', ...fields }), new AbortController().signal)
}
const allowed = { allowedHosts: ['127.0.0.1', 'localhost'] }

describe('HttpMediaFetcher', () => {
  it('fetches from an allowed host', async () => {
    const sha256 = createHash('sha256').update('PNG').digest('hex')
    const media = await load(`${server.url}/ok`, allowed, { sha256 })
    expect(media).toEqual({ bytes: Buffer.from('PNG'), mediaType: 'image/png' })
  })

  it.each([
    ['/large', 'PAYLOAD_TOO_LARGE', false],
    ['/redirect', 'MEDIA_UNAVAILABLE', false],
    ['/broken', 'MEDIA_UNAVAILABLE', true],
    ['/missing', 'MEDIA_UNAVAILABLE', false],
  ])('%s is %s', async (path, code, retryable) => {
    await expect(load(server.url + path, allowed)).rejects.toMatchObject({ code, retryable, outcome: 'FAILED' })
  })

  it('refuses another checksum', async () => {
    const attempt = load(`${server.url}/ok`, allowed, { sha256: '0'.repeat(64) })
    await expect(attempt).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE', retryable: false })
  })

  it.each([
    'http://127.0.0.1:PORT/ok',
    'http://localhost:PORT/ok',
    'http://[::1]:PORT/ok',
    'http://2130706433:PORT/ok',
    'http://0x7f.1:PORT/ok',
    'http://[::ffff:127.0.0.1]:PORT/ok',
    'http://0.0.0.0:PORT/ok',
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/',
    'ftp://example.org/a',
    'file:///etc/passwd',
    'http://user:pass@example.org/a',
    'not an address',
  ])('refuses %s without connecting', async (url) => {
    const before = server.connectionCount()
    const attempt = load(url.replace('PORT', new URL(server.url).port))
    await expect(attempt).rejects.toMatchObject({ code: 'INVALID_REQUEST', outcome: 'FAILED' })
    expect(server.connectionCount()).toBe(before)
  })

  it('reports an unreachable host', async () => {
    await expect(load('http://127.0.0.1:1/', allowed)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      retryable: true,
    })
  })

  it('passes the abort of its caller on', async () => {
    fetcher = new HttpMediaFetcher(allowed)
    const attempt = fetcher.load(mediaRef({ url: `${server.url}/ok` }), AbortSignal.abort())
    await expect(attempt).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
