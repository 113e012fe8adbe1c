/** Starting, waiting for what is away, refusing what is wrong, ending in order. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { withService } from '../../support/service.ts'
import { createTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

const service = withService()

describe('a worker that is asked to stop', () => {
  it('lets the running call finish, publishes it, commits and exits 0', async () => {
    const worker = await service.startWorker()
    await service.registerOnDouble({ slow: { capabilities: ['CHAT'], providerModel: 'double-delay-1500' } })
    const request = service.chat('slow')
    await service.send(request)
    await until(() => service.double.ledger.countOf('double-delay-1500') === 1, 'the call to begin')
    expect(await worker.stop()).toBe(0)
    const output = readFileSync(worker.log, 'utf8')
    expect(output).toContain('The worker has stopped')
    expect(output).not.toContain('Say something.')
    const [completion] = await service.completions([request.requestId])
    expect(completion?.status).toBe('COMPLETED')
    await service.offsetsAtEnd('requests')
    expect(service.double.ledger.countOf('double-delay-1500')).toBe(1)
    const { rows } = await service.sql.query('SELECT bool_and(dead) AS dead FROM workers')
    expect(rows).toEqual([{ dead: true }])
  })

  it('leaves what it had not begun to the next worker', async () => {
    const worker = await service.startWorker({ env: { MAX_CONCURRENT_REQUESTS_COUNT: '1' } })
    const requests = Array.from({ length: 4 }, () => service.chat('slow'))
    for (const request of requests) await service.send(request)
    await until(() => service.double.ledger.countOf('double-delay-1500') === 2, 'the first call to begin')
    expect(await worker.stop()).toBe(0)
    await service.startWorker()
    const ended = await service.completions(requests.map(({ requestId }) => requestId))
    expect(ended.map(({ status }) => status)).toEqual(Array(4).fill('COMPLETED'))
    expect(service.double.ledger.countOf('double-delay-1500')).toBe(1 + requests.length)
  })
})

describe('a worker that starts', () => {
  it('while database, broker and schema registry are away waits for one after the other, is alive but not ready, and then serves', async () => {
    const env: Record<string, string> = {}
    const behindProxy = async (variable: string, target: string) => {
      const proxy = await createTcpProxy(target)
      env[variable] = (service.env[variable] ?? '').replace(target, proxy.address)
      return proxy
    }
    const away: [what: string, proxy: TcpProxy][] = [
      ['database', await behindProxy('DATABASE_URL', new URL(service.env['DATABASE_URL'] ?? '').host)],
      ['broker', await behindProxy('KAFKA_BROKERS', service.env['KAFKA_BROKERS'] ?? '')],
      [
        'schema registry',
        await behindProxy('SCHEMA_REGISTRY_URL', new URL(service.env['SCHEMA_REGISTRY_URL'] ?? '').host),
      ],
    ]
    const worker = await service.startWorker({ env, ready: false })
    for (const [what, proxy] of away) {
      const line = `The ${what} is away; waiting for it`
      await until(() => readFileSync(worker.log, 'utf8').includes(line), line)
      expect((await fetch(`${worker.healthUrl}/livez`)).status).toBe(200)
      expect((await fetch(`${worker.healthUrl}/readyz`)).status).toBe(503)
      await proxy.join()
    }
    await worker.ready()
    expect(await worker.stop()).toBe(0)
    for (const [, proxy] of away) await proxy.cut()
  })

  const refusals: [what: string, env: () => Record<string, string>, code: string, hint: string][] = [
    ['invalid settings', () => ({ WINDOW_COUNT: 'many', LEASE_MS: '1' }), 'CONFIGURATION_INVALID', 'LEASE_MS'],
    ['topics that do not exist', () => ({ TOPIC_PREFIX: 'nowhere.' }), 'TOPIC_MISSING', 'topics apply'],
    ['a database without tables', () => ({ DATABASE_URL: emptyDatabase() }), 'DATABASE_VERSION', 'migrate'],
  ]
  const emptyDatabase = () => Object.assign(new URL(service.env['DATABASE_URL'] ?? ''), { pathname: '/postgres' }).href

  it('with what it cannot serve with says so, once and clearly, and exits', async () => {
    await Promise.all(
      refusals.map(async ([what, env, code, hint]) => {
        const worker = await service.startWorker({ env: env(), ready: false })
        expect(await worker.ended, what).toBeGreaterThan(0)
        const output = readFileSync(worker.log, 'utf8')
        expect(output, what).toContain(code)
        expect(output, what).toContain(hint)
      }),
    )
  })

  it('on a port that is taken says so and exits', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const worker = await service.startWorker({ env: { HEALTH_PORT: String(port) }, ready: false })
    expect(await worker.ended).toBe(2)
    expect(readFileSync(worker.log, 'utf8')).toMatch(/CONFIGURATION_INVALID.*HEALTH_PORT/s)
    other.close()
  })
})
