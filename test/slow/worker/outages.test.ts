/** Database, registry and broker go away under load and come back: what was going on goes on by itself, once. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { openRecordEncoder } from '../../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import { unframe } from '../../../src/codec/wire-format.ts'
import type { ModelRequest } from '../../../src/contract/types.ts'
import { framed } from '../../support/framed.ts'
import { registerTwinSchema } from '../../support/register-twin-schema.ts'
import { scrape } from '../../support/scrape.ts'
import { withService } from '../../support/service.ts'
import { createTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

const service = withService()
const windowCount = 16
/** From the return of what was away until the last request has its terminal record. */
const recoveryMs = 15_000
const outageMs = 4_000
let proxies: Record<'database' | 'registry' | 'broker', TcpProxy>
let healthUrl = ''

beforeAll(async () => {
  const { DATABASE_URL: databaseUrl = '', SCHEMA_REGISTRY_URL: registryUrl = '', KAFKA_BROKERS = '' } = service.env
  proxies = {
    database: await createTcpProxy(new URL(databaseUrl).host),
    registry: await createTcpProxy(new URL(registryUrl).host),
    broker: await createTcpProxy(KAFKA_BROKERS, { kafka: true }),
  }
  for (const proxy of Object.values(proxies)) await proxy.join()
  const worker = await service.startWorker({
    env: {
      DATABASE_URL: databaseUrl.replace(new URL(databaseUrl).host, proxies.database.address),
      SCHEMA_REGISTRY_URL: registryUrl.replace(new URL(registryUrl).host, proxies.registry.address),
      KAFKA_BROKERS: proxies.broker.address,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      WINDOW_COUNT: String(windowCount),
      KEY_WINDOW_COUNT: String(windowCount),
      MAX_CONCURRENT_REQUESTS_COUNT: '12',
    },
  })
  healthUrl = worker.healthUrl
  await service.registerOnDouble({ steady: { capabilities: ['CHAT'], providerModel: 'double-delay-50' } })
})

afterAll(async () => {
  for (const worker of service.workers) expect(await worker.stop()).toBe(0)
  for (const proxy of Object.values(proxies)) await proxy.cut()
})

/** A request whose calls the double can tell apart. */
function marked(): ModelRequest {
  const request = service.chat('steady')
  const content = [{ text: `[id:${request.requestId}]` }]
  return completeDraft('ModelRequest', {
    ...request,
    input: { type: 'ChatInput', messages: [{ role: 'USER', content }] },
  })
}

/** Sends all the time while something is away; gives what was sent. */
async function loadWhile(away: TcpProxy, look: () => Promise<void>): Promise<string[]> {
  const sent: string[] = []
  let isOver = false
  const load = (async () => {
    while (!isOver) {
      const request = marked()
      await service.send(request)
      sent.push(request.requestId)
    }
  })()
  try {
    await until(() => sent.length >= 5, 'some requests before')
    await away.cut()
    const cutAt = performance.now()
    await look()
    await delay(Math.max(0, outageMs - (performance.now() - cutAt)))
    expect((await fetch(`${healthUrl}/livez`)).status).toBe(200)
  } finally {
    await away.join()
    isOver = true
    await load
  }
  return sent
}

async function allEndOnce(sent: readonly string[]): Promise<void> {
  const completions = await service.completions(sent, recoveryMs)
  expect(new Set(completions.map(({ status }) => status))).toEqual(new Set(['COMPLETED']))
  await service.offsetsAtEnd('requests')
  const records = (await service.readRecords('completions')).map(({ record }) => record.requestId)
  const calls = service.double.ledger.list().map(({ mark }) => mark)
  for (const requestId of sent) {
    expect(records.filter((id) => id === requestId)).toHaveLength(1)
    expect(calls.filter((mark) => mark === requestId)).toHaveLength(1)
  }
  expect(await service.readAll('requestsDeadLetters')).toEqual([])
  await until(async () => (await scrape(healthUrl)).get(metric.paused) === 0, 'intake to go on')
}

const metric = {
  paused: 'model_service_intake_paused{consumer="requests"}',
  inHand: 'model_service_intake_records{consumer="requests",state="in_hand"}',
  databaseAway: 'model_service_dependency_away{dependency="database"}',
  registryAway: 'model_service_dependency_away{dependency="schema_registry"}',
}

async function untilPausedBy(away: string): Promise<void> {
  await until(
    async () => {
      const values = await scrape(healthUrl)
      return values.get(metric.paused) === 1 && values.get(away) === 1
    },
    `intake to pause: ${away}`,
    { timeoutMs: 8_000 },
  )
}

describe('while the database is away', () => {
  it('intake pauses with a bounded window, and all goes on afterwards, each request called once', async () => {
    const sent = await loadWhile(proxies.database, async () => {
      await untilPausedBy(metric.databaseAway)
      expect((await fetch(`${healthUrl}/readyz`)).status).toBe(503)
      expect((await scrape(healthUrl)).get(metric.inHand)).toBeLessThan(2 * windowCount)
    })
    await allEndOnce(sent)
  })
})

describe('while the broker is away', () => {
  it('nothing is called again and nothing ends twice', async () => {
    await allEndOnce(await loadWhile(proxies.broker, async () => {}))
  })
})

describe('while the schema registry is away', () => {
  it('known schemas are served, an unknown one waits', async () => {
    const unknown = marked()
    const value = await encodedAsNobodyDid(unknown)
    await proxies.registry.cut()
    await service.sendBytes('requests', { key: unknown.requestId, value })
    await untilPausedBy(metric.registryAway)
    // Long enough for another batch of records to come: nothing is to happen to this one.
    await delay(1_000)
    expect(await service.readAll('requestsDeadLetters')).toEqual([])
    await proxies.registry.join()
    await allEndOnce([unknown.requestId])
  })

  /** The same bytes under a schema that no worker has seen: it differs by its documentation only. */
  async function encodedAsNobodyDid(request: ModelRequest): Promise<Buffer> {
    const url = service.env['SCHEMA_REGISTRY_URL'] ?? ''
    const registry = openSchemaRegistry({ url })
    const topicPrefix = service.env['TOPIC_PREFIX'] ?? ''
    const encode = await openRecordEncoder('ModelRequest', 'requests', { registry, topicPrefix })
    await registry.close()
    const subject = `${service.topic('requests')}-value`
    const id = await registerTwinSchema(url, { record: 'ModelRequest', subject, doc: 'As another producer has it.' })
    return framed(id, unframe(encode(request)).payload)
  }
})
