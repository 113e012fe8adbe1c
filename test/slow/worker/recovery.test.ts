/** Real workers that die, or lose their producer, at the points of the protocol: another one publishes what they had stored. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TransactionalPublisher } from '../../../src/events/transactional-publisher.ts'
import { type FaultWorker, startFaultWorker } from '../../faults/fault-worker.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const logs = mkdtempSync(join(tmpdir(), 'model-service-recovery-'))
const workers: FaultWorker[] = []

/** So that the dead are soon known to be. */
const quickly = { LEASE_MS: '2000', RECOVERY_INTERVAL_MS: '300', KAFKA_SESSION_TIMEOUT_MS: '6000' }

beforeAll(async () => {
  const setup = await service.startWorker()
  await service.registerOnDouble({
    quick: { capabilities: ['CHAT'] },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-2000' },
    down: { capabilities: ['CHAT'], providerModel: 'double-status-503' },
  })
  await setup.stop()
})
afterAll(async () => {
  for (const worker of workers) if (!worker.hasEnded) worker.signal('SIGKILL')
  await Promise.all(workers.map(({ ended }) => ended))
  rmSync(logs, { recursive: true, force: true })
})

async function start(faults = '', env: Record<string, string> = {}): Promise<FaultWorker> {
  const name = `worker-${workers.length + 1}`
  const worker = startFaultWorker({
    name,
    env: { ...service.env, ...quickly, HEALTH_PORT: '0', FAULTS: faults, ...env },
    log: join(logs, `${name}.log`),
    onStopsItself() {},
  })
  workers.push(worker)
  await worker.serves()
  return worker
}

async function stop(worker: FaultWorker): Promise<void> {
  worker.signal('SIGTERM')
  expect(await worker.ended).toBe(0)
}

/** All terminal records of a request. */
async function terminalRecords(requestId: string) {
  return (await service.readRecords('completions')).filter(({ record }) => record.requestId === requestId)
}

const stateOf = async (requestId: string) =>
  (await service.sql.query('SELECT state FROM request_ledger WHERE request_id = $1', [requestId])).rows[0]?.state

// The other points are the fault suite's.
describe.each(['settled', 'committed'])('a worker that dies when its outcome is %s', (point) => {
  it('has called once, and another publishes the result once', async () => {
    const dying = await start(`${point}:1:exit`)
    const before = service.double.ledger.countOf('quick')
    const request = service.chat('quick')
    await service.send(request)
    expect(await dying.ended).toBe(137)
    const other = await start()
    const [completion] = await service.completions([request.requestId])
    expect(completion).toMatchObject({ status: 'COMPLETED', token: 1 })
    await until(async () => (await stateOf(request.requestId)) === 'PUBLISHED', 'the row to be marked')
    await service.offsetsAtEnd('requests')
    expect(await terminalRecords(request.requestId)).toHaveLength(1)
    expect(service.double.ledger.countOf('quick')).toBe(before + 1)
    await stop(other)
  })
})

describe('a worker whose producer is fenced', () => {
  it('goes on under a new incarnation; running calls finish under the old, and nothing is called or published twice', async () => {
    const worker = await start('sent:1:delay=1500')
    const before = service.double.ledger.countOf('double-delay-2000')
    const [quick, slow] = [service.chat('quick'), service.chat('slow')]
    await service.send(slow)
    await until(() => service.double.ledger.countOf('double-delay-2000') === before + 1, 'the slow call to begin')
    await service.send(quick)
    // In its open transaction somebody takes its id.
    await until(async () => (await stateOf(quick.requestId)) === 'SETTLED', 'the quick outcome to be settled')
    const { rows } = await service.sql.query('SELECT id FROM workers WHERE NOT dead')
    expect(rows).toHaveLength(1)
    const thief = new TransactionalPublisher({ kafka: service.session.kafka, transactionalId: rows[0].id })
    await thief.open()
    await thief.close()
    const ended = await service.completions([quick.requestId, slow.requestId])
    expect(ended.map(({ status, token }) => [status, token])).toEqual([
      ['COMPLETED', 1],
      ['COMPLETED', 1],
    ])
    await service.offsetsAtEnd('requests')
    expect(worker.hasEnded).toBe(false)
    expect(await terminalRecords(quick.requestId)).toHaveLength(1)
    expect(await terminalRecords(slow.requestId)).toHaveLength(1)
    expect(service.double.ledger.countOf('double-delay-2000')).toBe(before + 1)
    await until(async () => {
      const ids = await service.sql.query('SELECT id, dead FROM workers WHERE id = $1', [rows[0].id])
      return ids.rows[0]?.dead === true
    }, 'the retired incarnation to be dead')
    await stop(worker)
  })
})

describe('a request that fails for a while', () => {
  it('is tried again from the retry topic, with its attempts told once, and only then ends', async () => {
    const worker = await start('', { RETRY_DELAYS_MS: '200,200', TARGET_RETRIES_COUNT: '0' })
    const request = service.chat('down')
    await service.send(request)
    const [completion] = await service.completions([request.requestId])
    expect(completion?.status).toBe('FAILED')
    expect(completion?.attempts.map(({ number, token }) => [number, token])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    const events = (await service.readRecords('performance')).filter(
      ({ record }) => record.requestId === request.requestId,
    )
    expect(events.map(({ record }) => [record.kind, record.attempt])).toEqual([
      ['ATTEMPT', 1],
      ['ATTEMPT', 2],
      ['ATTEMPT', 3],
      ['REQUEST', 3],
    ])
    expect(await service.readAll('retry10s')).toHaveLength(1)
    expect(await terminalRecords(request.requestId)).toHaveLength(1)
    await stop(worker)
  })
})
