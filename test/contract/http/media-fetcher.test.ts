import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { HttpMediaFetcher, type MediaFetcherOptions } from '../../../src/providers/http/media-fetcher.ts'
import { mediaRef } from '../../unit/providers/inputs.ts'
import { type ScriptedServer, startScriptedServer, startSocketServer } from '../scripted-server.ts'

let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer(({ path }) => {
    switch (path) {
      case '/ok':
        return { headers: { 'content-type': 'image/png; x=y' }, body: 'PNG' }
      case '/strange':
        return { headers: { 'content-type': 'text/html"><script>' }, body: 'x' }
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

  it.each([
    ['/ok', '', 'image/png'],
    ['/ok', 'application/octet-stream', 'image/png'],
    ['/ok', 'image/webp', 'image/webp'],
    ['/strange', '', 'application/octet-stream'],
  ])('of %s asked for as %j tells the type %s', async (path, mediaType, expected) => {
    expect((await load(server.url + path, allowed, { mediaType })).mediaType).toBe(expected)
  })

  it('stops reading what does not end, and hangs up', async () => {
    const piece = `400\r\n${'x'.repeat(0x400)}\r\n`
    let closed: Promise<unknown> = Promise.resolve()
    const endless = await startSocketServer((socket) => {
      closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      const more = () => {
        while (!socket.destroyed && socket.write(piece));
      }
      socket.on('drain', more)
      more()
    })
    await expect(load(endless.url, { ...allowed, maxBytes: 100_000 })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      outcome: 'FAILED',
    })
    await closed
    await endless.close()
  })

  it('follows no redirect, to whatever host it leads', async () => {
    const inner = await startScriptedServer(() => ({ body: 'secret' }))
    const headers = { location: inner.url }
    const outer = await startScriptedServer(() => ({ status: 307, headers }))
    await expect(load(outer.url, allowed)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    expect(inner.requests).toEqual([])
    await outer.close()
    await inner.close()
  })

  it('refuses another checksum', async () => {
    const attempt = load(`${server.url}/ok`, allowed, { sha256: '0'.repeat(64) })
    await expect(attempt).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE', retryable: false })
  })

  it.each([
    'http://127.0.0.1:PORT/ok',
    'http://127.0.0.1.:PORT/ok',
    'http://0177.0.0.1:PORT/ok',
    'http://127.1:PORT/ok',
    'http://①②⑦.0.0.1:PORT/ok',
    'http://localhost.:PORT/ok',
    'http://a.localhost:PORT/ok',
    'http://[::]:PORT/ok',
    'http://[::ffff:0:7f00:1]:PORT/ok',
    'http://[64:ff9b::7f00:1]:PORT/ok',
    'http://[fd00:ec2::254]/latest/meta-data',
    'http://168.63.129.16/machine',
    'http://100.100.100.200/latest/meta-data',
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
    'data:text/plain,x',
    'gopher://127.0.0.1:PORT/x',
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
