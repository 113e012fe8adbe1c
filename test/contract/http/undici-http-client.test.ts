import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { UndiciHttpClient } from '../../../src/providers/http/undici-http-client.ts'
import { until } from '../../support/until.ts'
import { startScriptedServer, startSocketServer } from '../scripted-server.ts'

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const release of releases.splice(0).reverse()) await release()
})

function request(url: string, fields = {}) {
  const signal = new AbortController().signal
  return { provider: 'acme', url: new URL(url), headers: { 'x-a': 'b' }, signal, timeoutMs: 5000, ...fields }
}
function client(options = {}) {
  const made = new UndiciHttpClient(options)
  releases.push(() => made.close())
  return made
}

describe('UndiciHttpClient', () => {
  it('uses a connection again', async () => {
    const server = await startScriptedServer(() => ({ body: '{}' }))
    releases.push(server.close)
    const http = client()
    for (let i = 0; i < 5; i += 1) await http.postJson(request(`${server.url}/v1/x?q=1`), { a: i })
    // A call that follows within the same turn may find the first connection not yet free.
    expect(server.connectionCount()).toBeLessThanOrEqual(2)
    expect(server.requests[4]).toMatchObject({ method: 'POST', path: '/v1/x?q=1', headers: { 'x-a': 'b' } })
    expect(server.requests[4]?.body.toString()).toBe('{"a":4}')
  })

  it('uses the connection of a finished event stream again', async () => {
    const headers = { 'content-type': 'text/event-stream' }
    const server = await startScriptedServer(() => ({ headers, body: 'data: 1\n\ndata: end\n\n: the rest\n\n' }))
    releases.push(server.close)
    const http = client()
    for (let i = 0; i < 3; i += 1) {
      const seen: string[] = []
      await http.postJsonForEvents(request(server.url), {}, (data) => seen.push(data) > 0 && data === 'end')
      expect(seen).toEqual(['1', 'end'])
      // The rest is read in the background, and then the connection rests for a moment.
      const end = performance.now()
      await until(() => performance.now() - end > 50, 'the connection to be free again')
    }
    expect(server.connectionCount()).toBe(1)
  })

  it('gives an error body instead of events', async () => {
    const server = await startScriptedServer(() => ({ status: 400, body: '{"error":1}' }))
    releases.push(server.close)
    const answer = await client().postJsonForEvents(request(server.url), {}, () => false)
    expect(answer).toMatchObject({ status: 400 })
    expect(answer.body.toString()).toBe('{"error":1}')
  })

  it('hands over JSON lines as they come, and asks for them', async () => {
    const headers = { 'content-type': 'application/x-ndjson; charset=utf-8' }
    const body = [Buffer.from('{"a":1}\n{"b"'), Buffer.from(':2}\r\n\n{"end":true}\n{"more":1}\n')]
    const server = await startScriptedServer(() => ({ headers, body }))
    releases.push(server.close)
    const seen: string[] = []
    const onLine = (line: string) => seen.push(line) > 0 && line.includes('end')
    const answer = await client().postJsonForLines(request(server.url), {}, onLine)
    expect(seen).toEqual(['{"a":1}', '{"b":2}', '{"end":true}'])
    expect(answer).toMatchObject({ status: 200, body: Buffer.alloc(0) })
    expect(server.requests[0]?.headers.accept).toBe('application/x-ndjson')
  })

  it('gives a JSON body instead of lines', async () => {
    const server = await startScriptedServer(() => ({ body: '{"done":true}' }))
    releases.push(server.close)
    const answer = await client().postJsonForLines(request(server.url), {}, () => expect.fail('no line was sent'))
    expect(answer.body.toString()).toBe('{"done":true}')
  })

  it.each([301, 302, 303, 307, 308])(
    'never follows a redirect of %i, so that no key goes elsewhere',
    async (status) => {
      const elsewhere = await startScriptedServer(() => ({ body: '{}' }))
      releases.push(elsewhere.close)
      const server = await startScriptedServer(() => ({ status, headers: { location: elsewhere.url } }))
      releases.push(server.close)
      const headers = { authorization: 'Bearer k', 'x-goog-api-key': 'k' }
      const http = client()
      expect(await http.get(request(server.url, { headers }))).toMatchObject({ status })
      expect(await http.postJson(request(server.url, { headers }), {})).toMatchObject({ status })
      expect(await http.postJsonForEvents(request(server.url, { headers }), {}, () => false)).toMatchObject({ status })
      expect(elsewhere.requests).toEqual([])
    },
  )

  it('is not held up by announcements that no answer follows', async () => {
    const server = await startSocketServer((socket) => {
      const hint = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'
      const timer = setInterval(() => socket.write(hint), 10)
      socket.once('close', () => clearInterval(timer))
    })
    releases.push(server.close)
    const attempt = client({ firstByteTimeoutMs: 150 }).get(request(server.url))
    await expect(attempt).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN' })
  })

  it('bounds the time to connect, and nothing was sent then', async () => {
    const server = await startSocketServer(() => undefined)
    releases.push(server.close)
    // Speaks plain TCP to a client that waits for TLS: the connection never comes about.
    const attempt = client({ connectTimeoutMs: 100 }).get(request(server.url.replace('http:', 'https:')))
    await expect(attempt).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'FAILED' })
  })

  it('can be cancelled while it waits for a connection', async () => {
    const server = await startSocketServer(() => undefined)
    releases.push(server.close)
    const controller = new AbortController()
    const http = new UndiciHttpClient({ connectTimeoutMs: 300 })
    releases.push(() => http.close())
    const attempt = http.get(request(server.url.replace('http:', 'https:'), { signal: controller.signal }))
    controller.abort()
    await expect(attempt).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('sends files with name and type', async () => {
    const server = await startScriptedServer(() => ({ body: '{}' }))
    releases.push(server.close)
    const file = { bytes: Buffer.from('abc'), mediaType: 'audio/wav', filename: 'a.wav' }
    await client().postForm(request(server.url), [
      ['model', 'm'],
      ['file', file],
    ])
    const [seen] = server.requests
    expect(seen?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
    expect(Number(seen?.headers['content-length'])).toBe(seen?.body.length)
    expect(seen?.body.toString()).toContain('name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nabc')
  })

  it('goes through the proxy of the environment, but never for this machine', async () => {
    const server = await startScriptedServer(() => ({ body: '{}' }))
    releases.push(server.close)
    const asked: string[] = []
    const proxy = createServer((incoming, response) => {
      asked.push(incoming.url ?? '')
      response.end('{"proxied":true}')
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    releases.push(() => new Promise((resolve) => void proxy.close(() => resolve())))
    vi.stubEnv('http_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    vi.stubEnv('no_proxy', 'internal.example.org')
    const http = client()
    expect((await http.get(request(server.url))).body.toString()).toBe('{}')
    expect((await http.get(request('http://llm.example.org/v1/models'))).body.toString()).toBe('{"proxied":true}')
    expect(asked).toEqual(['http://llm.example.org/v1/models'])
  })

  it('tunnels https through the proxy', async () => {
    const asked: string[] = []
    const target = await startSocketServer((socket) => socket.destroy())
    releases.push(target.close)
    const proxy = createServer()
    proxy.on('connect', (incoming, socket) => {
      asked.push(incoming.url ?? '')
      const tunnel = connect(target.port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
      tunnel.on('error', () => undefined)
      socket.on('error', () => undefined)
      tunnel.pipe(socket).pipe(tunnel)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    releases.push(
      () =>
        new Promise((resolve) => {
          proxy.close(() => resolve())
          proxy.closeAllConnections()
        }),
    )
    vi.stubEnv('https_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    vi.stubEnv('no_proxy', '')
    const attempt = client().get(request('https://llm.example.org/v1/models'))
    await expect(attempt).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'FAILED' })
    expect(asked).toEqual(['llm.example.org:443'])
  })
})
