/** `replay` as an auditor runs it: over what real workers left in real topics and a real database, and over what somebody changed there. */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRecordEncoder, type RecordEncoder } from '../../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import type { TopicRole } from '../../../src/contract/topics.ts'
import type { ModelCompletion, ModelRequest } from '../../../src/contract/types.ts'
import type { ReceivedRecord } from '../../../src/delivery/received-record.ts'
import type { AuditReport } from '../../../src/replay/audit-report.ts'
import type { RepriceReport } from '../../../src/replay/reprice-report.ts'
import { createTopics } from '../../support/create-topics.ts'
import { runCommand } from '../../support/run-command.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService({ env: { RETRY_DELAYS_MS: '200', TARGET_RETRIES_COUNT: '0', BREAKER_FAILURES_COUNT: '0' } })
let folder = ''

const replay = (...args: string[]) => runCommand(['replay', ...args], service.env, { cwd: folder })

async function audit(...args: string[]): Promise<AuditReport> {
  const { out, err } = await replay('--mode', 'audit', '--json', ...args)
  if (!out.startsWith('{')) throw new Error(err)
  return JSON.parse(out) as AuditReport
}

const counts = ({ findings }: AuditReport) => Object.fromEntries(findings.map(({ kind, count }) => [kind, count]))

const answered: ModelRequest[] = []
let retried: ModelRequest | undefined
let endOfFirstHalf = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'))
  const worker = await service.startWorker()
  const price = { inputPerMillionTokens: '0.123456', outputPerMillionTokens: '7.000001', currency: 'USD' }
  await service.registerOnDouble({ priced: { providerModel: 'double-chat', capabilities: ['CHAT'], price } })
  for (let index = 0; index < 4; index += 1) answered.push(service.chat('priced', { requestId: `answered-${index}` }))
  retried = service.chat(`double-fail-1-${randomUUID()}`, { requestId: 'retried', provider: 'double' })
  const failing = service.chat('double-status-400', { requestId: 'failing', provider: 'double' })
  const rejected = service.chat('priced', { requestId: 'rejected', input: { type: 'ChatInput', messages: [] } })
  for (const request of [...answered, failing, rejected]) await service.send(request)
  await service.completions([...answered, failing, rejected].map(({ requestId }) => requestId))
  endOfFirstHalf = new Date().toISOString()
  await service.send(retried)
  const [first] = answered
  if (first === undefined) throw new Error('there is a first request')
  // The same again, the same id for something else, and something that is no request.
  await service.send(first)
  await service.send(service.chat('priced', { requestId: 'answered-1', taskType: 'another' }))
  await service.sendBytes('requests', { key: 'poison', value: Buffer.from('no Avro at all') })
  await service.completions(['retried'])
  await service.offsetsAtEnd('requests')
  await until(async () => (await service.readAll('requestsDeadLetters')).length >= 3, 'three dead letters')
  await worker.stop()
  // Bodies that were erased, or kept as hashes only.
  await service.sql.query(
    `UPDATE request_log SET request_hash = sha256(request_body), completion_hash = sha256(completion_body),
       request_body = NULL, completion_body = NULL WHERE request_id = 'answered-2'`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('replay --mode audit', () => {
  let clean: AuditReport

  it('accounts for everything that a worker did: answers, a retry, a failure, a rejection, a repeat, a stolen id, poison', async () => {
    clean = await audit()
    expect(counts(clean)).toEqual({})
    expect(clean).toMatchObject({
      clean: true,
      counts: {
        requests: 7,
        requestRecords: 10,
        unreadableRequestRecords: 1,
        terminalRecords: 7,
        attempts: 7,
        events: 14,
        deadLetters: 3,
        inHand: 0,
        logRows: 7,
        ledgerRows: 7,
      },
      notChecked: [],
    })
    expect(clean.byStatus).toEqual(
      expect.arrayContaining([
        { status: 'COMPLETED', count: 5 },
        { status: 'FAILED', count: 1 },
        { status: 'REJECTED', count: 1 },
      ]),
    )
  })

  it('prints it for people, with exit code 0, and the same digest without the database', async () => {
    const { exitCode, out, err } = await replay('--mode', 'audit', '--no-database')
    expect(err).toBe('')
    expect(out).toContain('accounted for: nothing was found wrong')
    expect(out).toContain(`digest ${clean.digest}`)
    expect(out).toContain('the database was left out (--no-database)')
    expect(exitCode).toBe(0)
  })

  it('takes a range: what came before a time, and what came after it', async () => {
    const before = await audit('--to', endOfFirstHalf)
    expect(counts(before)).toEqual({})
    expect(before.counts).toMatchObject({ requests: 6, requestRecords: 6, terminalRecords: 6 })
    const after = await audit('--from', endOfFirstHalf)
    expect(counts(after)).toEqual({})
    expect(after.counts).toMatchObject({ requestRecords: 4, unreadableRequestRecords: 1 })
    expect((await replay('--mode', 'audit', '--topic', 'nothing.of.mine')).exitCode).toBe(2)
  })

  it('writes a page, and keeps a work file that another question cannot have', async () => {
    const first = await replay('--mode', 'audit', '--work-file', 'work.sqlite', '--html', 'audit.html')
    expect(first).toMatchObject({ exitCode: 0, err: expect.stringContaining('wrote audit.html') })
    expect(readFileSync(join(folder, 'audit.html'), 'utf8')).toContain(clean.digest)
    expect(existsSync(join(folder, 'work.sqlite'))).toBe(true)
    const again = await replay('--mode', 'audit', '--work-file', 'work.sqlite')
    expect(again).toMatchObject({ exitCode: 0, err: expect.stringContaining('going on with what work.sqlite has') })
    const other = await replay('--mode', 'audit', '--work-file', 'work.sqlite', '--no-database')
    expect(other).toMatchObject({ exitCode: 2, err: expect.stringContaining('WORK_FILE_UNUSABLE') })
  })
})

describe('replay --mode reprice', () => {
  it('finds every cost to be what its card gives', async () => {
    const { exitCode, out } = await replay('--mode', 'reprice', '--json')
    const report = JSON.parse(out) as RepriceReport
    expect(report).toMatchObject({ clean: true, requestCount: 7, differenceCount: 0, notReproducible: [] })
    expect(report.byModel).toEqual([
      expect.objectContaining({ model: 'priced', attemptCount: 4, currency: 'USD', difference: '0' }),
    ])
    expect(exitCode).toBe(0)
  })

  it('goes on with its work file, at the prices and up to the records of its beginning', async () => {
    const args = ['--mode', 'reprice', '--as-of', 'now', '--json', '--work-file', 'reprice.sqlite']
    const first = await replay(...args)
    expect(first).toMatchObject({ exitCode: 0, err: '' })
    const again = await replay(...args)
    expect(again).toMatchObject({ exitCode: 0, err: expect.stringContaining('going on with what reprice.sqlite has') })
    expect(again.out).toBe(first.out)
  })

  it('prices the same calls at another day', async () => {
    const price = { inputPerMillionTokens: '0.246912', outputPerMillionTokens: '14.000002', currency: 'USD' }
    await service.sql.query(
      `INSERT INTO registry_revisions (kind, entity_id, action, state, created_at)
       SELECT kind, entity_id, 'UPDATED', state || jsonb_build_object('price', $1::jsonb), now() + interval '1 hour'
       FROM registry_revisions WHERE kind = 'MODEL' AND entity_id = 'priced' ORDER BY version DESC LIMIT 1`,
      [JSON.stringify(price)],
    )
    const later = new Date(Date.now() + 7_200_000).toISOString()
    const { exitCode, out } = await replay('--mode', 'reprice', '--as-of', later)
    expect(out).toContain('4 attempts cost something else')
    expect(out).toMatch(/total +4 +(\S+) +\S+ +\1 +USD/)
    expect(exitCode).toBe(0)
  })
})

describe('after somebody has been at the topics', () => {
  /** Puts other records in the place of those of a topic: it is deleted and made again, as a forger would. */
  async function rewrite(role: TopicRole, change: (records: ReceivedRecord[]) => ReceivedRecord[]): Promise<void> {
    const records = change(await service.readAll(role))
    const topic = service.topic(role)
    const admin = service.session.kafka.admin()
    await admin.connect()
    const partitions = (await admin.fetchTopicOffsets(topic)).length
    await admin.deleteTopics({ topics: [topic] })
    await createTopics(admin, [{ topic, numPartitions: partitions, replicationFactor: 1 }])
    await admin.disconnect()
    const producer = service.session.kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    for (const { partition, key, value, headers, timestamp } of records.sort(
      (left, right) => left.offset - right.offset,
    )) {
      await producer.send({ topic, messages: [{ partition, key, value, headers, timestamp: String(timestamp) }] })
    }
    await producer.disconnect()
  }

  let encode: { completion: RecordEncoder<'ModelCompletion'>; request: RecordEncoder<'ModelRequest'> }
  beforeAll(async () => {
    const registry = openSchemaRegistry({ url: service.env['SCHEMA_REGISTRY_URL'] ?? '' })
    const options = { registry, topicPrefix: service.env['TOPIC_PREFIX'] ?? '' }
    encode = {
      completion: await openRecordEncoder('ModelCompletion', 'completions', options),
      request: await openRecordEncoder('ModelRequest', 'requests', options),
    }
    await registry.close()
  })

  it('finds the gap, the duplicate, the changed cost, the changed answer, the missing attempt and the altered request', async () => {
    const completions = new Map<ReceivedRecord, ModelCompletion>()
    for (const { record, ...received } of await service.readRecords('completions')) completions.set(received, record)
    const of = (id: string) => [...completions].find(([, { requestId }]) => requestId === id)
    const changed = new Map<string, Partial<ModelCompletion>>([
      ['answered-1', { cost: { ...of('answered-1')?.[1].cost, amount: '0.5' } as ModelCompletion['cost'] }],
      ['answered-2', { chat: { ...of('answered-2')?.[1].chat, text: 'Another answer.' } as ModelCompletion['chat'] }],
    ])
    await rewrite('completions', () =>
      [...completions].flatMap(([record, completion]) => {
        if (completion.requestId === 'answered-0') return []
        const change = changed.get(completion.requestId)
        const written =
          change === undefined ? record : { ...record, value: encode.completion({ ...completion, ...change }) }
        return completion.requestId === 'retried' ? [written, written] : [written]
      }),
    )
    const events = await service.readRecords('performance')
    const lost = events.find(({ record }) => record.requestId === 'failing' && record.kind === 'ATTEMPT')
    await rewrite('performance', (records) =>
      records.filter(({ partition, offset }) => partition !== lost?.partition || offset !== lost.offset),
    )
    const third = answered[3]
    if (third === undefined) throw new Error('there is a request')
    const forged = encode.request({ ...third, taskType: 'forged' })
    await rewrite('requests', (records) => {
      const last = records.filter(({ key }) => String(key) === third.requestId).at(-1)
      return records.map((record) => (record === last ? { ...record, value: forged } : record))
    })

    const report = await audit()
    expect(counts(report)).toEqual({
      missing: 1,
      'log-unpublished': 1,
      doubled: 1,
      'cost-sum': 1,
      'event-cost': 1,
      'log-cost': 1,
      'answer-altered': 2,
      'event-missing': 1,
      'request-altered': 1,
    })
    const owners = Object.fromEntries(
      report.findings.map(({ kind, examples }) => [kind, examples.map(({ requestId }) => requestId).sort()]),
    )
    expect(owners).toMatchObject({
      missing: ['answered-0'],
      doubled: ['retried'],
      'cost-sum': ['answered-1'],
      'answer-altered': ['answered-1', 'answered-2'],
      'event-missing': ['failing'],
      'request-altered': ['answered-3'],
    })
    const text = await replay('--mode', 'audit')
    expect(text.exitCode).toBe(1)
    expect(text.out).toContain('missing (1): requests without a terminal record\n  default/answered-0  at ')
    expect(text.out).toContain('not accounted for: 10 findings of 9 kinds')
  })

  it('still finds what attempts cost to be what their cards give: it was a total that was changed', async () => {
    const { exitCode, out } = await replay('--mode', 'reprice')
    expect(out).toContain('every cost that could be computed again is what was recorded')
    expect(exitCode).toBe(0)
  })
})
