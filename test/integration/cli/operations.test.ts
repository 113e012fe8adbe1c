/** Operating the service from the command line, on a real stack with a worker at work: one story after the other. */
import { createHash, randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ReceivedRecord } from '../../../src/delivery/received-record.ts'
import { deadLetterRecord } from '../../../src/events/dead-letter.ts'
import { runCommand } from '../../support/run-command.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const secret = 'the cat is called Rumpelstilzchen'
const service = withService({ env: { REQUEST_LOG_TENANT_BODIES: 'hashed=hash,bare=none' } })
const cli = (...args: string[]) => runCommand(args, service.env)
const callCount = () => service.double.ledger.list().length
const sha256 = (bytes: Buffer | null | undefined) =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')

/** Sends a chat and waits for its completion; gives its id. */
async function chat(model: string, tenant = 'default', stream = false): Promise<string> {
  const request = service.chat(model, {
    tenant,
    stream,
    input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text: secret }] }] },
  })
  await service.send(request)
  await service.completions([request.requestId])
  // The row says PUBLISHED a moment after the completion is there.
  await until(async () => {
    const { rows } = await service.sql.query('SELECT state FROM request_ledger WHERE request_id = $1', [
      request.requestId,
    ])
    return rows[0]?.state === 'PUBLISHED'
  }, `${request.requestId} to be marked`)
  return request.requestId
}

async function logRow(requestId: string): Promise<Record<string, unknown>> {
  const { rows } = await service.sql.query(
    `SELECT encode(request_hash, 'hex') AS request_hash, encode(completion_hash, 'hex') AS completion_hash,
            request_body, completion_body, cost::text AS cost, erased_by, erase_reason, erased_at
     FROM request_log WHERE request_id = $1`,
    [requestId],
  )
  expect(rows).toHaveLength(1)
  return rows[0] as Record<string, unknown>
}

async function recordOf(role: 'requests' | 'completions', requestId: string): Promise<ReceivedRecord> {
  const records = await service.readAll(role)
  const found = records.filter(({ key }) => key?.toString() === requestId)
  expect(found).toHaveLength(1)
  return found[0] as ReceivedRecord
}

beforeAll(async () => {
  await service.startWorker()
  const price = { currency: 'USD', inputPerMillionTokens: '2.5', outputPerMillionTokens: '10' }
  await service.registerOnDouble({
    priced: { capabilities: ['CHAT'], providerModel: 'double-chat', price },
    unpriced: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    broken: { capabilities: ['CHAT'], providerModel: 'double-status-400' },
  })
})

describe('what the request log keeps', () => {
  it('is the whole, its hash, or nothing, as the tenant has it', async () => {
    const [whole, hashed, bare] = [await chat('priced'), await chat('priced', 'hashed'), await chat('priced', 'bare')]
    const completion = await recordOf('completions', whole)
    expect((await logRow(whole))['completion_body']).toEqual(completion.value)
    expect((await logRow(whole))['request_hash']).toBeNull()
    expect(await logRow(hashed)).toMatchObject({
      request_body: null,
      completion_body: null,
      request_hash: sha256((await recordOf('requests', hashed)).value),
      completion_hash: sha256((await recordOf('completions', hashed)).value),
    })
    expect(await logRow(bare)).toMatchObject({
      request_body: null,
      completion_body: null,
      request_hash: null,
      completion_hash: null,
      cost: expect.stringMatching(/^0\.0/),
    })
  })
})

describe('requests get', () => {
  it('tells the whole story, without a word of its content', async () => {
    const id = await chat('priced', 'default', true)
    const { exitCode, out, err } = await cli('requests', 'get', id)
    expect(exitCode, err).toBe(0)
    expect(out).toContain(`default/${id}  COMPLETED`)
    const words = [
      'request record',
      'first claim',
      'attempt 1',
      'chunks',
      'finished',
      'completion record',
      'ledger PUBLISHED',
    ]
    for (const word of words) expect(out).toContain(word)
    expect(out).toContain('live deltas')
    expect(out).toMatch(/SUCCEEDED, double-chat \(double\), \d+ tokens in, \d+ out, 0\.0\d+ USD/)
    const { topic, partition, offset } = await recordOf('requests', id)
    expect(out).toContain(`${topic}/${partition}/${offset}`)
    expect(out + err).not.toContain('Rumpelstilzchen')
  })

  it('gives the same as JSON, and from the database alone', async () => {
    const id = await chat('broken', 'acme')
    const { exitCode, json } = await cli('requests', 'get', id, '--tenant', 'acme', '--json')
    expect(exitCode).toBe(0)
    expect(json()).toMatchObject({
      known: true,
      standing: 'FAILED',
      ledger: { state: 'PUBLISHED', status: 'FAILED', worker: { isAlive: true } },
      log: [
        { status: 'FAILED', errorCode: 'INVALID_REQUEST', requestHash: sha256((await recordOf('requests', id)).value) },
      ],
      attempts: [{ number: 1, outcome: 'FAILED' }],
      searched: { isComplete: true, missingTopics: [] },
    })
    const roles = (json()['records'] as { role: string }[]).map(({ role }) => role)
    expect(roles.toSorted()).toEqual(['completions', 'performance', 'performance', 'requests'])
    const alone = await cli('requests', 'get', id, '--tenant', 'acme', '--json', '--no-topics')
    expect(alone.json()).toMatchObject({ standing: 'FAILED', records: null, searched: null })
  })

  it('says that nobody knows an id, and where it looked', async () => {
    const id = await chat('priced')
    for (const args of [['no-such-id'], [id, '--tenant', 'somebody-else']]) {
      const { exitCode, out, err } = await cli('requests', 'get', ...args)
      expect(exitCode).toBe(1)
      expect(out).toContain('nobody knows')
      expect(out).toContain('searched: the ledger, the request log')
      expect(err).toContain(service.topic('completions'))
    }
  })
})

describe('requests erase', () => {
  it('takes prompt and answer out of the database, keeps what audits need, and says what is left in Kafka', async () => {
    const id = await chat('priced', 'default', true)
    const before = await logRow(id)
    const refused = await cli('requests', 'erase', id)
    expect(refused).toMatchObject({ exitCode: 2, err: expect.stringContaining('expected --yes') })
    expect((await logRow(id))['erased_at']).toBeNull()

    const { exitCode, out, err } = await cli('requests', 'erase', id, '--yes', '--reason', 'asked for')
    expect(exitCode, err).toBe(0)
    const after = await logRow(id)
    expect(after).toMatchObject({
      request_body: null,
      completion_body: null,
      request_hash: sha256(before['request_body'] as Buffer),
      completion_hash: sha256(before['completion_body'] as Buffer),
      cost: before['cost'],
      erased_by: 'tester',
      erase_reason: 'asked for',
    })
    for (const role of ['requests', 'completions'] as const) {
      const { topic, partition, offset } = await recordOf(role, id)
      expect(out).toMatch(
        new RegExp(`${topic}/${partition}/${offset} +\\d+ +${role === 'requests' ? '20\\d\\d-' : 'for ever'}`),
      )
    }
    expect(out).toMatch(new RegExp(`${service.topic('chunks')}/\\d/\\d+ and \\d+ more`))

    const again = await cli('requests', 'erase', id, '--yes', '--reason', 'another', '--no-topics', '--json')
    expect(again.json()).toMatchObject({ requests: [{ requestId: id, result: 'erased-before', bytes: 0 }] })
    expect(await logRow(id)).toEqual(after)
    // The hash still tells what it was.
    const told = await cli('requests', 'get', id, '--json', '--no-topics')
    expect(told.json()).toMatchObject({ log: [{ requestHash: after['request_hash'], erasedBy: 'tester' }] })
  })

  it('takes the words of feedback too, and leaves the score', async () => {
    const id = await chat('priced')
    const feedback = { requestId: id, requestTenant: 'default', score: 0.25, correction: secret, comment: 'better so' }
    expect(await service.command({ type: 'RecordFeedback', ...feedback })).toMatchObject({ status: 'APPLIED' })
    const told = await cli('requests', 'get', id)
    expect(told.out).toContain('score 0.25, a correction, a comment by test')
    expect(told.out).not.toContain('Rumpelstilzchen')

    const { exitCode, out, err } = await cli('requests', 'erase', id, '--yes')
    expect(exitCode, err).toBe(0)
    expect(out).toContain(`${service.topic('commands')}/0/`)
    const { rows } = await service.sql.query(
      'SELECT score, correction, comment FROM model_feedback WHERE request_id = $1',
      [id],
    )
    expect(rows).toEqual([{ score: 0.25, correction: null, comment: null }])
  })

  it('takes many ids, and reads the topics once for all of them', async () => {
    const ids = [await chat('priced'), await chat('priced', 'default', true), await chat('broken')]
    const one = await cli('requests', 'get', ids[0] ?? '', '--json')
    const { exitCode, json, err } = await cli('requests', 'erase', ...ids, 'never-seen', '--yes', '--json')
    expect(exitCode, err).toBe(1)
    const { requests, readCount } = json() as {
      requests: { requestId: string; left: { role: string; place: string }[]; isSearchComplete: boolean }[]
      readCount: number
    }
    expect(requests.map(({ requestId }) => requestId)).toEqual([...ids, 'never-seen'])
    expect(requests.map(({ left }) => left.map(({ role }) => role).toSorted())).toEqual([
      ['completions', 'requests'],
      ['chunks', 'completions', 'requests'],
      ['completions', 'requests'],
      [],
    ])
    const { topic, partition, offset } = await recordOf('completions', ids[2] ?? '')
    expect(requests[2]?.left.map(({ place }) => place)).toContain(`${topic}/${partition}/${offset}`)
    // All are of the last minutes: one reading, of what one of them alone would read and a little more.
    const { readCount: ofOne } = one.json()['searched'] as { readCount: number }
    expect(readCount).toBeLessThan(2 * ofOne)
  })

  it('leaves alone what is not finished, and says when there is nothing', async () => {
    const id = randomUUID()
    await service.sql.query(
      `INSERT INTO request_ledger (tenant, request_id, state, owner, token, payload_hash, payload_hash_version, on_uncertain,
         source_topic, source_partition, source_offset, outcome)
       VALUES ('default', $1, 'SETTLED', 'nobody-yet', 1, '\\x00', 1, 'RETRY', 't', 0, 0, '\\x01')`,
      [id],
    )
    await service.sql.query(
      `INSERT INTO request_log (tenant, request_id, finished_at, started_at, duration_ms, request_type, status, attempt_count,
         request_body)
       VALUES ('default', $1, now(), now(), 0, 'CHAT', 'COMPLETED', 1, '\\x02')`,
      [id],
    )
    const { exitCode, json } = await cli('requests', 'erase', id, 'never-seen', '--yes', '--no-topics', '--json')
    expect(exitCode).toBe(1)
    expect(json()).toMatchObject({
      requests: [{ result: 'unfinished' }, { requestId: 'never-seen', result: 'unknown' }],
    })
    const { rows } = await service.sql.query(
      'SELECT outcome, request_body FROM request_ledger JOIN request_log USING (tenant, request_id) WHERE request_id = $1',
      [id],
    )
    expect(rows).toEqual([{ outcome: Buffer.from([1]), request_body: Buffer.from([2]) }])
    await service.sql.query('DELETE FROM request_ledger WHERE request_id = $1', [id])
    await service.sql.query('DELETE FROM request_log WHERE request_id = $1', [id])
  })
})

describe('dlq', () => {
  const list = async (...args: string[]) => {
    const { exitCode, json, err } = await cli('dlq', 'list', '--json', ...args)
    expect(exitCode, err).toBe(0)
    return json() as {
      letters: {
        topic: string
        partition: number
        offset: number
        code: string
        replayedFrom: string | null
        replayed: object | null
      }[]
      byCode: { code: string; count: number }[]
    }
  }
  const placeOf = ({ topic, partition, offset }: { topic: string; partition: number; offset: number }) =>
    `${topic}/${partition}/${offset}`
  const rejectedId = randomUUID()

  it('lists requests and commands that could not be served, with reasons, and counts them', async () => {
    await service.sendBytes('requests', { key: 'k', value: Buffer.from('no Avro'), headers: { mine: 'kept' } })
    await service.sendBytes('commands', { key: 'k', value: Buffer.from([0, 0, 0, 0, 1, 255]) })
    await service.send(service.chat('priced', { requestId: rejectedId, input: { type: 'ChatInput', messages: [] } }))
    await service.completions([rejectedId])
    await until(async () => (await list()).letters.length === 3, 'three dead letters')
    const { letters, byCode } = await list()
    expect(byCode).toEqual([
      { code: 'DECODE_FAILED', count: 2 },
      { code: 'INVALID_REQUEST', count: 1 },
    ])
    expect(letters.map(({ topic }) => topic).toSorted()).toEqual([
      service.topic('commandsDeadLetters'),
      service.topic('requestsDeadLetters'),
      service.topic('requestsDeadLetters'),
    ])
    expect((await list('--topic', 'commands')).letters).toHaveLength(1)
    expect((await list('--tenant', 'default')).letters).toMatchObject([{ code: 'INVALID_REQUEST' }])
    expect((await list('--to', '1h')).letters).toEqual([])
    const people = await cli('dlq', 'list')
    expect(people.out).toContain(`default/${rejectedId}`)
    expect(people.out).toMatch(/DECODE_FAILED +2/)
  })

  it('shows one: what could not be decoded as bytes, the rest decoded', async () => {
    const { letters } = await list('--topic', 'requests', '--code', 'DECODE_FAILED')
    const raw = await cli('dlq', 'show', placeOf(letters[0] as never))
    expect(raw).toMatchObject({ exitCode: 0 })
    expect(raw.out).toContain('6e 6f 20 41 76 72 6f')
    expect(raw.out).toContain('header mine: kept')
    const decoded = await cli('dlq', 'show', rejectedId)
    expect(decoded.out).toContain('"messages": []')
    expect(await cli('dlq', 'show', `${service.topic('requestsDeadLetters')}/0/999999`)).toMatchObject({ exitCode: 1 })
    expect(await cli('dlq', 'show', `${service.topic('requests')}/0/0`)).toMatchObject({ exitCode: 2 })
  })

  it('sends a mended one again, once, however often and from how many places it is asked for', async () => {
    // As a worker of before would have written it that could not decode this request.
    const request = service.chat('priced')
    await service.send(request)
    await service.completions([request.requestId])
    const unserved = service.chat('priced', { requestId: `replayed-${randomUUID()}` })
    const source = { ...(await recordOf('requests', request.requestId)), key: null, headers: { mine: 'too' } }
    const { registry, encode } = await encoder()
    const letter = deadLetterRecord(
      { ...source, value: encode(unserved) },
      { code: 'SCHEMA_UNKNOWN', message: 'not there yet' },
      service.env['TOPIC_PREFIX'] ?? '',
    )
    await registry.close()
    await service.sendBytes('requestsDeadLetters', { ...letter, key: letter.key.toString() })

    const calls = callCount()
    const dry = await cli('dlq', 'replay', '--code', 'SCHEMA_UNKNOWN', '--dry-run', '--json')
    expect(dry.json()).toMatchObject({ sentCount: 0, letters: [{ skipped: null, sent: false }] })
    const runs = await Promise.all(
      [1, 2].map(() => cli('dlq', 'replay', '--code', 'SCHEMA_UNKNOWN', '--yes', '--json')),
    )
    const next = await cli('dlq', 'replay', '--code', 'SCHEMA_UNKNOWN', '--yes', '--json')
    expect(next.json()).toMatchObject({ sentCount: 0, letters: [{ skipped: 'replayed-before' }] })
    expect(runs.some(({ exitCode }) => exitCode === 0)).toBe(true)

    await service.completions([unserved.requestId])
    const sent = (await service.readAll('requests')).filter(({ headers }) => headers['dlt-replayed-from'] !== undefined)
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({
      key: null,
      partition: source.partition,
      value: encode(unserved),
      headers: { mine: 'too' },
    })
    expect(sent[0]?.headers).not.toHaveProperty('dlt-reason')
    expect(callCount() - calls).toBe(1)
  })

  it('skips what has its end or was replayed, and what fails again says where it comes from', async () => {
    const refused = await cli('dlq', 'replay')
    expect(refused).toMatchObject({ exitCode: 2, err: expect.stringContaining('--all') })
    const calls = callCount()
    const [first] = (await list('--topic', 'requests', '--code', 'DECODE_FAILED')).letters
    const { json } = await cli('dlq', 'replay', '--topic', 'requests', '--yes', '--json')
    const skipped = (json()['letters'] as { code: string; skipped: string | null }[]).map((row) => [
      row.code,
      row.skipped,
    ])
    expect(skipped.toSorted()).toEqual([
      ['DECODE_FAILED', null],
      ['INVALID_REQUEST', 'request-ended'],
      ['SCHEMA_UNKNOWN', 'replayed-before'],
    ])
    await until(
      async () => (await list('--topic', 'requests', '--code', 'DECODE_FAILED')).letters.length === 2,
      'it to fail again',
    )
    const { letters } = await list('--topic', 'requests', '--code', 'DECODE_FAILED')
    expect(letters[0]?.replayed).toMatchObject({ by: 'tester' })
    expect(letters[1]?.replayedFrom).toBe(placeOf(first as never))
    expect(callCount()).toBe(calls)
    const terminal = (await service.readRecords('completions')).filter(({ record }) => record.requestId === rejectedId)
    expect(terminal).toHaveLength(1)
  })

  it('purges before a time or an offset, and nothing else than dead letters', async () => {
    expect(await cli('dlq', 'purge')).toMatchObject({ exitCode: 2 })
    expect(await cli('dlq', 'purge', '--offset', `${service.topic('requests')}/0/1`, '--yes')).toMatchObject({
      exitCode: 2,
    })
    const [first] = (await list('--topic', 'requests')).letters
    const { topic, partition, offset } = first as { topic: string; partition: number; offset: number }
    const one = await cli('dlq', 'purge', '--offset', `${topic}/${partition}/${offset + 1}`, '--yes')
    expect(one.exitCode, one.err).toBe(0)
    expect((await list('--topic', 'requests')).letters.map(placeOf)).not.toContain(placeOf(first as never))
    expect(await cli('dlq', 'purge', '--before', 'now', '--yes')).toMatchObject({ exitCode: 0 })
    expect((await list()).letters).toEqual([])
    expect(await cli('dlq', 'purge', '--before', 'now', '--yes', '--json')).toMatchObject({ exitCode: 0 })
  })

  async function encoder() {
    const { openSchemaRegistry } = await import('../../../src/codec/schema-registry.ts')
    const { openRecordEncoder } = await import('../../../src/codec/record-encoder.ts')
    const registry = openSchemaRegistry({ url: service.env['SCHEMA_REGISTRY_URL'] ?? '' })
    const options = { registry, topicPrefix: service.env['TOPIC_PREFIX'] ?? '' }
    return { registry, encode: await openRecordEncoder('ModelRequest', 'requests', options) }
  }
})

describe('costs', () => {
  it('add up to the last digit, and count apart what is not known', async () => {
    await chat('unpriced', 'acme')
    const { exitCode, json, err } = await cli('costs', '--by', 'model,status', '--json')
    expect(exitCode, err).toBe(0)
    const { total } = json() as {
      total: { requestCount: number; known: { currency: string; amount: string }[]; unknown: object[] }
    }
    const { rows } = await service.sql.query(
      `SELECT count(*)::int AS count, trim_scale(sum(cost))::text AS amount FROM request_log`,
    )
    expect(total).toMatchObject({ requestCount: rows[0].count, known: [{ currency: 'USD', amount: rows[0].amount }] })
    expect(total.unknown).toEqual([
      { reason: 'NO_CALL', requestCount: 1 },
      { reason: 'PRICE_UNKNOWN', requestCount: 1 },
    ])
    const groups = json()['groups'] as { model: string; status: string; known: object[] }[]
    expect(groups.find(({ model }) => model === 'unpriced')).toMatchObject({ status: 'COMPLETED', known: [] })
  })

  it('are chosen by tenant and time, for people and for spreadsheets', async () => {
    const people = await cli('costs', '--by', 'tenant')
    expect(people.out).toMatch(/^acme +2 +0 +USD +1 PRICE_UNKNOWN$/m)
    expect(people.out).toMatch(/^total /m)
    const csv = await cli('costs', '--by', 'day,tenant', '--tenant', 'bare', '--csv')
    expect(csv.out).toMatch(
      /^day,tenant,requests,amount,currency,unknown_reason\r\n\d{4}-\d\d-\d\d,bare,1,0\.0\d+,USD,\r\n$/,
    )
    expect((await cli('costs', '--to', '1h', '--json')).json()).toMatchObject({
      groups: [],
      total: { requestCount: 0 },
    })
  })
})

describe('tail', () => {
  it('shows what the filters take', async () => {
    const id = await chat('broken', 'filtered')
    const old = ['--from-beginning', '--no-follow', '--json']
    const found = await cli('tail', ...old, '--tenant', 'filtered', '--status', 'FAILED', '--code', 'INVALID_REQUEST')
    expect(found.json()).toMatchObject({ requestId: id })
    const other = await cli('tail', ...old, '--tenant', 'filtered', '--status', 'COMPLETED')
    expect(other).toMatchObject({ exitCode: 0, out: '' })
    const events = await cli('tail', 'performance', '--from', '1h', '--no-follow', '--json', '--request-id', id)
    expect(events.out.trim().split('\n')).toHaveLength(2)
  })

  it('shows the chunks of a request as flowing text', async () => {
    const id = await chat('priced', 'default', true)
    const { out } = await cli('tail', 'chunks', '--from-beginning', '--no-follow', '--request-id', id, '--text')
    const [completion] = await service.completions([id])
    expect(out).toBe(`${completion?.chat?.text}\n`)
  })
})

describe('doctor', () => {
  const findings = async (env: Record<string, string> = {}) => {
    const { exitCode, json, err } = await runCommand(['doctor', '--json'], { ...service.env, ...env })
    expect(err).toBe('')
    return {
      exitCode,
      findings: json()['findings'] as { check: string; status: string; what: string; action: string }[],
    }
  }

  it('finds nothing wrong where nothing is, and shows no key', async () => {
    const { exitCode, findings: found } = await findings({ MODEL_KEY_DOUBLE: 'sk-hunter2hunter2hunter2' })
    expect(found.filter(({ status }) => status === 'fail' || status === 'away')).toEqual([])
    expect(exitCode).toBe(0)
    const checks = new Set(found.map(({ check }) => check))
    expect([...checks]).toEqual([
      'node',
      'settings',
      'kafka',
      'topics',
      'replication',
      'reply topics',
      'retention',
      'groups',
      'transactions',
      'database',
      'migrations',
      'clock',
      'workers',
      'backlog',
      'schemas',
      'providers',
    ])
    expect(found.find(({ check }) => check === 'workers')?.what).toContain('1 worker alive')
    expect(JSON.stringify(found)).not.toContain('hunter2')
    const people = await cli('doctor')
    expect(people.out).toMatch(/^ok {4}database/m)
    expect(people.out).toMatch(/0 wrong, 0 away/)
  })

  it('says what is wrong and what to do', async () => {
    await service.command({
      type: 'RegisterProvider',
      provider: {
        id: 'elsewhere',
        kind: 'openai-compatible',
        baseUrl: 'https://models.example/v1',
        keyReferences: ['MODEL_KEY_NOBODY'],
      },
    })
    const { exitCode, findings: found } = await findings({
      LEDGER_RETENTION_DAYS: '7',
      REPLY_TOPICS: 'nowhere',
      TRANSACTION_TIMEOUT_MS: '900000',
      KAFKA_BROKER: 'misspelt',
      WINDOW_COUNT: 'many',
    })
    expect(exitCode).toBe(1)
    const of = (check: string) => found.filter((finding) => finding.check === check)
    expect(of('settings').map(({ status }) => status)).toEqual(['fail', 'warn'])
    expect(
      of('retention')
        .map(({ what }) => what)
        .join(),
    ).toContain('paid for again')
    expect(of('reply topics')).toMatchObject([{ status: 'warn', what: expect.stringContaining('nowhere') }])
    expect(
      of('providers')
        .map(({ what }) => what)
        .join(),
    ).toContain('not on the allow-list')
  })

  const away = '127.0.0.1:1'
  const ofKafka = ['topics', 'replication', 'reply topics', 'retention', 'groups', 'transactions']
  const ofDatabase = ['migrations', 'clock', 'workers', 'backlog', 'providers']
  it.each<[string, Record<string, string>, Record<'away' | 'fail' | 'skipped', string[]>]>([
    ['the brokers', { KAFKA_BROKERS: away }, { away: ['kafka'], fail: [], skipped: ofKafka }],
    [
      'the database',
      { DATABASE_URL: `postgresql://u:hunter2hunter2@${away}/d` },
      { away: ['database'], fail: [], skipped: ofDatabase },
    ],
    ['the schema registry', { SCHEMA_REGISTRY_URL: `http://${away}` }, { away: ['schemas'], fail: [], skipped: [] }],
    [
      'topics and schemas',
      { TOPIC_PREFIX: 'nowhere.' },
      { away: [], fail: ['topics', 'schemas'], skipped: ['replication', 'retention', 'groups', 'transactions'] },
    ],
    [
      'a valid address of the database',
      { DATABASE_URL: 'mysql://there' },
      { away: [], fail: ['settings'], skipped: ['database', ...ofDatabase] },
    ],
  ])('says what to do without %s, and looks at the rest', async (_, env, expected) => {
    const { exitCode, findings: found } = await findings(env)
    expect(exitCode).toBe(expected.away.length > 0 ? 3 : 1)
    const checksThatAre = (status: string) => [
      ...new Set(found.filter((finding) => finding.status === status).map(({ check }) => check)),
    ]
    expect(checksThatAre('away')).toEqual(expected.away)
    // A provider that is wrong was registered above.
    expect(checksThatAre('fail').filter((check) => check !== 'providers')).toEqual(expected.fail)
    expect(checksThatAre('skipped').toSorted()).toEqual(expected.skipped.toSorted())
    const wrong = found.filter(({ status }) => status === 'fail' || status === 'away' || status === 'warn')
    for (const { check, what, action } of wrong) expect(action, `${check}: ${what}`).not.toBe('')
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })

  it('tells of a missing migration', async () => {
    const unmigrated = Object.assign(new URL(service.env['DATABASE_URL'] ?? ''), { pathname: '/postgres' }).href
    const { findings: found } = await findings({ DATABASE_URL: unmigrated })
    expect(found.find(({ check }) => check === 'migrations')).toMatchObject({
      status: 'fail',
      what: expect.stringContaining('DATABASE_VERSION'),
    })
  })

  it('tells of a schema that readers of ours could not read', async () => {
    const prefix = `wrong-${randomUUID().slice(0, 8)}.`
    const schema = { type: 'record', name: 'ModelCompletion', namespace: 'io.modelservice', fields: [] }
    const address = `${service.env['SCHEMA_REGISTRY_URL']}/subjects/${prefix}model.completions-value`
    const put = (path: string, method: string, body: object) =>
      fetch(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    expect((await put(`${address}/versions`, 'POST', { schema: JSON.stringify(schema) })).status).toBe(200)
    const { findings: found } = await findings({ TOPIC_PREFIX: prefix })
    expect(found.filter(({ check }) => check === 'schemas')).toContainEqual({
      check: 'schemas',
      status: 'fail',
      what: expect.stringMatching(`^${prefix}model.completions-value: .`),
      action: expect.stringContaining('docs/versioning.md'),
    })
  })

  it('names the partition that a transaction hangs in, and is content once it has ended', async () => {
    // One that nobody else writes to here.
    const topic = service.topic('retry10m')
    const producer = service.session.kafka.producer({
      transactionalId: `hanging-${randomUUID()}`,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    try {
      const transaction = await producer.transaction()
      // The broker goes by the time in the record, so that nobody has to wait for it to be old.
      const timestamp = String(Date.now() - 3_600_000)
      const [{ baseOffset } = {}] = await transaction.send({
        topic,
        messages: [{ key: 'k', value: 'v', partition: 1, timestamp }],
      })
      const hanging = await findings()
      expect(hanging.exitCode).toBe(1)
      expect(hanging.findings.filter(({ check }) => check === 'transactions')).toEqual([
        {
          check: 'transactions',
          status: 'fail',
          what: expect.stringContaining(`hide records: ${topic}/1 from ${baseOffset}`),
          action: expect.stringContaining('docs/operations.md'),
        },
      ])
      await transaction.abort()
    } finally {
      await producer.disconnect()
    }
    const ended = await findings()
    expect(ended.findings.filter(({ check }) => check === 'transactions')).toMatchObject([{ status: 'ok' }])
  })
})
