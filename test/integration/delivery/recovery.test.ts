/** Recovery on a real broker and a real database: whatever the dead have left, every outcome is in Kafka once. */
import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { noObserver } from '../../../src/delivery/delivery-observer.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import { encodeOutgoingRecords } from '../../../src/delivery/outgoing-records-codec.ts'
import { PostgresLedger } from '../../../src/delivery/postgres-ledger.ts'
import { PostgresLease } from '../../../src/delivery/postgres-ledger-lease.ts'
import { PostgresRecoveryLedger } from '../../../src/delivery/postgres-recovery-ledger.ts'
import { type RecoveryReport, recover } from '../../../src/delivery/recovery.ts'
import { noSteps, type StepName } from '../../../src/delivery/steps.ts'
import { createKafkaCompletionsLog } from '../../../src/events/kafka-completions-log.ts'
import { TransactionalPublisher } from '../../../src/events/transactional-publisher.ts'
import { claimRequest, settleRequest } from '../../support/ledger-contract.ts'
import { withDatabase } from '../../support/postgres.ts'
import { silentLog } from '../../unit/delivery/silent-log.ts'
import { kafkaFixture } from '../events/kafka-fixture.ts'

const database = withDatabase()
const { kafka, prefix, createTopic, readCommitted } = kafkaFixture()
const completions = createKafkaCompletionsLog({
  kafka,
  topicPrefix: prefix,
  stallTimeoutMs: 30_000,
})
let pool: Pool
let topic: string
let reply: string
let steps: StepName[]
let alarms: string[]

beforeAll(async () => {
  pool = new Pool({ connectionString: database.url, max: 6 })
  topic = await createTopic('model.completions', 2)
  reply = await createTopic('reply')
  for (const tier of ['10s', '1m', '10m']) await createTopic(`model.requests.retry.${tier}`)
})
afterAll(() => pool.end())
beforeEach(() => {
  steps = []
  alarms = []
})

/** An incarnation that has claimed and settled, and whose producer may do what a test wants. */
async function incarnation(requestIds: readonly string[], extra: (id: string) => OutgoingRecord[] = () => []) {
  const owner = `${prefix}${randomUUID()}`
  const lease = new PostgresLease({ pool, id: owner, host: 'test', pid: 1, leaseMs: 60_000, schemaVersion: '1' })
  await lease.open(await completions.ends())
  const ledger = new PostgresLedger({ pool, owner })
  const outcomes = requestIds.map((id) => [completion(id), ...extra(id)])
  await ledger.claim(requestIds.map((id) => claimRequest(id)))
  const settled = await ledger.settle(
    requestIds.map((id, index) =>
      settleRequest(id, 1, {
        outcome: encodeOutgoingRecords(outcomes[index] ?? []),
        bodies: { request: null, completion: null },
      }),
    ),
  )
  expect(settled).toEqual(requestIds.map(() => 'settled'))
  return { owner, lease, records: outcomes.flat() }
}

function completion(id: string): OutgoingRecord {
  return { topic, key: Buffer.from(id), headers: { ce_id: `ce-${id}` }, value: Buffer.from(id) }
}

function publisherOf(owner: string, onStep: (name: StepName) => void | Promise<void> = () => {}) {
  return new TransactionalPublisher({ kafka, transactionalId: owner, steps: { reached: onStep } })
}

function recoverOwner(
  owner: string,
  onStep: (name: StepName) => void | Promise<void> = () => {},
): Promise<RecoveryReport> {
  return recover(owner, {
    fence: async (id) => {
      const publisher = new TransactionalPublisher({ kafka, transactionalId: id, steps: noSteps })
      await publisher.open()
      return publisher
    },
    ledger: new PostgresRecoveryLedger(pool),
    completions,
    isReply: (record) => !record.topic.startsWith(`${prefix}model.`),
    observer: { ...noObserver, alarm: (what) => void alarms.push(what) },
    steps: {
      async reached(name) {
        steps.push(name)
        await onStep(name)
      },
    },
    log: silentLog,
    signal: AbortSignal.timeout(60_000),
    now: () => performance.now(),
  })
}

async function published(ids: readonly string[], of = topic): Promise<string[]> {
  return (await readCommitted(of))
    .map(({ key }) => key ?? '')
    .filter((key) => ids.includes(key))
    .sort()
}

async function states(ids: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ state: string }>(
    'SELECT state FROM request_ledger WHERE request_id = ANY($1) ORDER BY request_id',
    [ids],
  )
  return rows.map(({ state }) => state)
}

const newIds = (count: number) => Array.from({ length: count }, () => randomUUID()).sort()

test('what was settled and never sent is published once, in the owner’s name', async () => {
  const ids = newIds(5)
  const { owner, lease } = await incarnation(ids)
  await lease.markDead()
  expect(await new PostgresRecoveryLedger(pool).abandoned()).toContain(owner)
  expect(await recoverOwner(owner)).toEqual({ foundCount: 5, republishedCount: 5, leftCount: 0 })
  expect(steps.slice(0, 4)).toEqual(['fenced', 'read', 'scanned', 'republished'])
  expect(await published(ids)).toEqual(ids)
  expect(await states(ids)).toEqual(ids.map(() => 'PUBLISHED'))
  expect(await recoverOwner(owner)).toEqual({ foundCount: 0, republishedCount: 0, leftCount: 0 })
})

test('what was committed and not marked is found, and only marked', async () => {
  const ids = newIds(3)
  const { owner, records } = await incarnation(ids)
  const publisher = publisherOf(owner)
  await publisher.open()
  await publisher.publish(records.slice(0, 2))
  await publisher.close()
  expect(await recoverOwner(owner)).toEqual({ foundCount: 3, republishedCount: 1, leftCount: 0 })
  expect(await published(ids)).toEqual(ids)
  expect(await states(ids)).toEqual(ids.map(() => 'PUBLISHED'))
})

test('an owner whose transaction is open is fenced: it commits nothing, also if it lives', async () => {
  const ids = newIds(2)
  const { owner, records } = await incarnation(ids)
  const publisher = publisherOf(owner, async (name) => {
    if (name === 'sent') await recoverOwner(owner)
  })
  await publisher.open()
  await expect(publisher.publish(records)).rejects.toMatchObject({ reason: 'fenced' })
  await publisher.close()
  expect(await published(ids)).toEqual(ids)
  expect(await states(ids)).toEqual(ids.map(() => 'PUBLISHED'))
})

test('two recoveries at once publish once', async () => {
  const ids = newIds(20)
  const { owner } = await incarnation(ids)
  const results = await Promise.allSettled([recoverOwner(owner), recoverOwner(owner), recoverOwner(owner)])
  expect(results.some(({ status }) => status === 'fulfilled')).toBe(true)
  await recoverOwner(owner)
  expect(await published(ids)).toEqual(ids)
  expect(await states(ids)).toEqual(ids.map(() => 'PUBLISHED'))
})

test('a recovery that is overtaken between its scan and its publishing gives up', async () => {
  const ids = newIds(2)
  const { owner } = await incarnation(ids)
  let isFirst = true
  const overtaken = recoverOwner(owner, async (name) => {
    if (name !== 'scanned' || !isFirst) return
    isFirst = false
    await recoverOwner(owner)
  })
  await expect(overtaken).rejects.toMatchObject({ reason: 'fenced' })
  expect(await published(ids)).toEqual(ids)
})

test('a commit behind the open transaction of another worker is seen, not doubled', async () => {
  const ids = newIds(1)
  const { owner, records } = await incarnation(ids)
  const [record] = records
  if (record === undefined) throw new Error('there is one')
  const hold = Promise.withResolvers<void>()
  const isOpen = Promise.withResolvers<void>()
  const other = publisherOf(`${prefix}${randomUUID()}`, async (name) => {
    if (name !== 'sent') return
    isOpen.resolve()
    await hold.promise
  })
  await other.open()
  const otherDone = other.publish([{ ...completion(randomUUID()), partition: 1 }])
  await isOpen.promise
  const publisher = publisherOf(owner)
  await publisher.open()
  await publisher.publish([{ ...record, partition: 1 }])
  await publisher.close()
  const recovering = recoverOwner(owner, (name) => {
    // The scan can end only when the other transaction has. A pause, because nothing tells that it has come there and waits.
    if (name === 'read') setTimeout(hold.resolve, 300)
  })
  expect(await recovering).toEqual({ foundCount: 1, republishedCount: 0, leftCount: 0 })
  await otherDone
  await other.close()
  expect(await published(ids)).toEqual(ids)
})

test('a reply that cannot be written is left out, and holds nothing else up', async () => {
  const ids = newIds(5)
  const bad = ids[2] ?? ''
  const { owner } = await incarnation(ids, (id) => [
    { ...completion(id), topic: id === bad ? `${prefix}no-such-reply` : reply },
  ])
  expect(await recoverOwner(owner)).toEqual({ foundCount: 5, republishedCount: 5, leftCount: 0 })
  expect(alarms).toContain('reply-dropped')
  expect(await published(ids)).toEqual(ids)
  expect(await published(ids, reply)).toEqual(ids.filter((id) => id !== bad))
}, 60_000)

test('a log that was shortened below the scan stops the recovery, with an alarm and nothing published', async () => {
  const ids = newIds(1)
  const { owner, records } = await incarnation(ids)
  const publisher = publisherOf(`${prefix}${randomUUID()}`)
  await publisher.open()
  await publisher.publish(
    [...records, ...records].map((record) => ({ ...record, partition: 0, key: Buffer.from('x') })),
  )
  await publisher.close()
  const admin = kafka.admin()
  await admin.connect()
  // Else the library does not know who leads it.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] })
  await admin.disconnect()
  await expect(recoverOwner(owner)).rejects.toMatchObject({ name: 'LogTruncated' })
  expect(alarms).toEqual(['log-truncated'])
  expect(await states(ids)).toEqual(['SETTLED'])
})
