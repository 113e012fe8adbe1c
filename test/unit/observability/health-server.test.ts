import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { HealthServer, type HealthServerOptions } from '../../../src/observability/health-server.ts'

const servers: HealthServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

function healthServer(options: Partial<HealthServerOptions> = {}): HealthServer {
  const server = new HealthServer({ host: '127.0.0.1', port: 0, ...options })
  servers.push(server)
  return server
}

async function get(
  server: HealthServer,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: unknown }> {
  const { port } = await server.start()
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

describe('HealthServer', () => {
  it('is alive and ready when nothing says otherwise', async () => {
    const server = healthServer()
    expect(await get(server, '/livez')).toEqual({ status: 200, body: { status: 'ok', checks: {} } })
    expect(await get(server, '/readyz?verbose')).toMatchObject({ status: 200 })
  })

  it('reports each check, and is not ready when one fails; liveness is its own', async () => {
    const server = healthServer()
    server.register('kafka', () => ({ partitions: 3 }))
    server.register('database', () => Promise.reject(new ModelServiceError('DATABASE_UNAVAILABLE', 'away')))
    expect(await get(server, '/readyz')).toMatchObject({
      status: 503,
      body: {
        status: 'failed',
        checks: {
          kafka: { status: 'ok', detail: { partitions: 3 } },
          database: { status: 'failed', error: 'DATABASE_UNAVAILABLE: away' },
        },
      },
    })
    expect((await get(server, '/livez')).status).toBe(200)
    server.register(
      'watchdog',
      () => {
        throw new Error('stalled')
      },
      { live: true },
    )
    expect(await get(server, '/livez')).toMatchObject({
      status: 503,
      body: { checks: { watchdog: { error: 'stalled' } } },
    })
  })

  it('gives up on a check that hangs, and aborts it', async () => {
    const server = healthServer({ checkTimeoutMs: 20 })
    let aborted = false
    server.register('registry', (signal) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      return new Promise(() => {})
    })
    expect(await get(server, '/readyz')).toMatchObject({
      status: 503,
      body: { checks: { registry: { error: 'no answer within 20 ms' } } },
    })
    expect(aborted).toBe(true)
  })

  it('never runs a check twice at a time, however many probes come', async () => {
    const server = healthServer()
    const answer = Promise.withResolvers<void>()
    let running = 0
    let most = 0
    server.register('database', async () => {
      running += 1
      most = Math.max(most, running)
      await answer.promise
      running -= 1
    })
    const probes = [get(server, '/readyz'), get(server, '/readyz'), get(server, '/readyz')]
    await expect.poll(() => running).toBe(1)
    answer.resolve()
    expect((await Promise.all(probes)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(most).toBe(1)
  })

  it('does not show what a foreign error may carry', async () => {
    const server = healthServer()
    server.register('database', () => Promise.reject(new Error('cannot reach postgres://u:hunter2@h/d now')))
    const { body } = await get(server, '/readyz')
    expect(JSON.stringify(body)).not.toContain('hunter2')
  })

  it.each([
    ['another path', '/metrics', 'GET', 404],
    ['another method', '/livez', 'POST', 405],
  ])('refuses %s', async (_, path, method, status) => {
    expect((await get(healthServer(), path, { method })).status).toBe(status)
  })

  it('says clearly that the port is in use, by code, setting and way out', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve)
    })
    try {
      const { port } = other.address() as AddressInfo
      const server = healthServer({ port })
      await expect(server.start()).rejects.toMatchObject({
        code: 'CONFIGURATION_INVALID',
        message: expect.stringMatching(
          new RegExp(`HEALTH_PORT ${port} on 127.0.0.1 is in use.*set another HEALTH_PORT`),
        ),
      })
    } finally {
      other.close()
    }
  })

  it('starts and stops any number of times', async () => {
    const server = healthServer()
    const [first, second] = await Promise.all([server.start(), server.start()])
    expect(first).toBe(second)
    await server.stop()
    await server.stop()
    expect((await get(server, '/livez')).status).toBe(200)
  })
})

describe('/metrics', () => {
  const page = (render: () => Promise<string>) => ({ contentType: 'text/plain; version=0.0.4', render })

  it('is the text of the metrics, in their own media type', async () => {
    const server = healthServer({ metrics: page(async () => 'a_total 1\n') })
    const { port } = await server.start()
    const response = await fetch(`http://127.0.0.1:${port}/metrics`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(await response.text()).toBe('a_total 1\n')
  })

  it('does not exist without metrics', async () => {
    expect((await get(healthServer(), '/metrics')).status).toBe(404)
  })

  it('says so when they cannot be gathered', async () => {
    const server = healthServer({ metrics: page(() => Promise.reject(new Error('oops'))) })
    expect((await get(server, '/metrics')).status).toBe(500)
  })
})
