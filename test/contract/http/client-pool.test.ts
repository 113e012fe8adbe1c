import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Dispatcher } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { ClientPool } from '../../../src/providers/http/client-pool.ts'
import { until } from '../../support/until.ts'

let server: Server | undefined
let pool: ClientPool | undefined

afterEach(async () => {
  await pool?.destroy()
  server?.closeAllConnections()
  server?.close()
})

/** A server, and a pool of connections to it. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  now: () => number = () => performance.now(),
) {
  const sockets = new Set<unknown>()
  const listening = createServer({ keepAliveTimeout: 60_000 }, answer)
  listening.on('connection', (socket) => sockets.add(socket))
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  server = listening
  const { port } = listening.address() as AddressInfo
  const made = new ClientPool(`http://127.0.0.1:${port}`, {
    connectTimeoutMs: 2_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    now,
  })
  pool = made
  return { server: listening, sockets, pool: made }
}

/** Makes one call; gives the status. */
function call(target: Dispatcher, path = '/'): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let status = 0
  target.dispatch(
    { path, method: 'GET' },
    {
      onRequestStart() {},
      onResponseStart(_, code) {
        status = code
      },
      onResponseData() {},
      onResponseEnd: () => resolve(status),
      onResponseError: (_, error) => reject(error),
    },
  )
  return promise
}

describe('ClientPool', () => {
  it('uses a connection again', async () => {
    const { pool, sockets } = await serve((_, response) => response.end('ok'))
    for (let calls = 0; calls < 5; calls++) expect(await call(pool)).toBe(200)
    expect(sockets.size).toBe(1)
    expect(pool.connectionCount).toBe(1)
  })

  it.each([
    ['as long as the server says', { 'keep-alive': 'timeout=20' }, 17_900, 1],
    ['no longer than the server says', { 'keep-alive': 'timeout=20' }, 18_100, 2],
    ['four seconds where it does not say', { 'keep-alive': 'max=5' }, 3_900, 1],
    ['no longer than four seconds where it does not say', { 'keep-alive': 'max=5' }, 4_100, 2],
    ['never, where the server closes within two seconds', { 'keep-alive': 'timeout=2' }, 0, 2],
  ])('after a pause of the process uses a connection again %s', async (_how, headers, pausedMs, socketCount) => {
    let now = 1_000
    const { pool, sockets } = await serve(
      (_, response) => response.writeHead(200, headers).end('ok'),
      () => now,
    )
    await call(pool)
    now += pausedMs
    expect(await call(pool)).toBe(200)
    expect(sockets.size).toBe(socketCount)
    expect(pool.connectionCount).toBe(1)
  })

  it('has a connection for every call at a time, and keeps them', async () => {
    const waiting: ServerResponse[] = []
    const { pool, sockets } = await serve((_, response) => waiting.push(response))
    for (let round = 0; round < 2; round++) {
      const calls = Array.from({ length: 20 }, () => call(pool))
      await until(() => waiting.length === 20, 'all calls to arrive')
      for (const response of waiting.splice(0)) response.end()
      expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, () => 200))
    }
    expect(sockets.size).toBe(20)
  })

  it('forgets connections that close while they are free, however many', async () => {
    const waiting: ServerResponse[] = []
    const { pool, server } = await serve((_, response) => waiting.push(response))
    const calls = Array.from({ length: 300 }, () => call(pool))
    await until(() => waiting.length === 300, 'all calls to arrive')
    for (const response of waiting.splice(0)) response.end()
    await Promise.all(calls)
    expect(pool.connectionCount).toBe(300)
    server.closeIdleConnections()
    await until(() => pool.connectionCount === 0, 'all connections to be forgotten')
    const next = call(pool)
    await until(() => waiting.length === 1, 'the next call to arrive')
    waiting[0]?.end()
    expect(await next).toBe(200)
    expect(pool.connectionCount).toBe(1)
  })

  it('goes on with a new connection after one that broke, or that the server wanted closed', async () => {
    const { pool } = await serve((request, response) => {
      if (request.url === '/break') request.socket.destroy()
      else response.setHeader('connection', request.url === '/last' ? 'close' : 'keep-alive').end()
    })
    expect(await call(pool)).toBe(200)
    await expect(call(pool, '/break')).rejects.toThrow()
    expect(pool.connectionCount).toBe(0)
    expect(await call(pool, '/last')).toBe(200)
    expect(await call(pool)).toBe(200)
  })

  it('lets a connection rest after a stream, for a server may close it then without having said so', async () => {
    let now = 1_000
    const { pool, sockets } = await serve(
      (request, response) => {
        response.setHeader('content-type', 'text/event-stream').end('data: x\n\n')
        if (request.url === '/and-close') response.on('finish', () => request.socket.end())
      },
      () => now,
    )
    expect(await call(pool)).toBe(200)
    expect(await call(pool)).toBe(200)
    expect(sockets.size).toBe(2)
    now += 20
    // Both rested long enough, and one of them is the server's to close.
    for (let calls = 0; calls < 5; calls++) expect(await call(pool, '/and-close')).toBe(200)
    expect(sockets.size).toBe(5)
    await until(() => pool.connectionCount === 0, 'the closed ones to be forgotten')
    now += 20
    expect(await call(pool)).toBe(200)
    expect(pool.connectionCount).toBe(1)
  })

  it('closes when what runs has ended', async () => {
    const waiting: ServerResponse[] = []
    const { pool } = await serve((_, response) => waiting.push(response))
    const running = call(pool)
    await until(() => waiting.length === 1, 'the call to arrive')
    let isClosed = false
    const closing = pool.close().then(() => {
      isClosed = true
    })
    expect(isClosed).toBe(false)
    waiting[0]?.end()
    expect(await running).toBe(200)
    await closing
  })
})
