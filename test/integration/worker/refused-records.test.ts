/** Topics that take only small records: what is refused is set aside, all else goes on, and no incarnation is lost for it. */
import { beforeAll, expect, it } from 'vitest'
import type { TopicRole } from '../../../src/contract/topics.ts'
import { scrape } from '../../support/scrape.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
let healthUrl = ''

beforeAll(async () => {
  await limit(['requestsDeadLetters', 'commandsDeadLetters', 'registry'], 2_000)
  healthUrl = (await service.startWorker()).healthUrl
  await service.registerOnDouble({ good: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
})

async function limit(roles: readonly TopicRole[], maxBytes: number): Promise<void> {
  const admin = service.session.kafka.admin()
  await admin.connect()
  const configEntries = [{ name: 'max.message.bytes', value: String(maxBytes) }]
  // 2: a topic, as org.apache.kafka.common.config.ConfigResource.Type has it.
  const resources = roles.map((role) => ({ type: 2, name: service.topic(role), configEntries }))
  await admin.alterConfigs({ validateOnly: false, resources })
  await admin.disconnect()
}

/** The sum of a metric over its labels. */
async function sumOf(name: string): Promise<number> {
  const values = [...(await scrape(healthUrl))].filter(([key]) => key === name || key.startsWith(`${name}{`))
  return values.reduce((sum, [, value]) => sum + value, 0)
}

async function goodCompletes(): Promise<void> {
  const good = service.chat('good')
  await service.send(good)
  expect(await service.completions([good.requestId])).toMatchObject([{ status: 'COMPLETED' }])
}

it('a dead letter that its topic refuses goes there without its bytes, and the record is finished', async () => {
  const large = Buffer.alloc(5_000, 'no Avro ')
  await service.sendBytes('requests', { key: 'large', value: large })
  await service.sendBytes('requests', { key: 'small', value: Buffer.from('no Avro') })
  await service.sendBytes('commands', { key: 'large', value: large })
  await goodCompletes()
  await service.offsetsAtEnd('requests')
  await service.offsetsAtEnd('commands', `${service.env['KAFKA_GROUP_ID']}.commands`)
  const letters = await service.readAll('requestsDeadLetters')
  const short = letters.find(({ headers }) => headers['dlt-omitted-bytes'] !== undefined)
  expect(short).toMatchObject({ value: null, headers: { 'dlt-omitted-bytes': '5005', 'dlt-reason': 'DECODE_FAILED' } })
  const [original] = (await service.readAll('requests')).filter(({ value }) => value?.equals(large))
  expect(short?.headers).toMatchObject({
    'dlt-source-topic': service.topic('requests'),
    'dlt-source-partition': String(original?.partition),
    'dlt-source-offset': String(original?.offset),
  })
  expect(letters.find(({ key }) => key?.toString() === 'small')?.value).toEqual(Buffer.from('no Avro'))
  expect(await service.readAll('commandsDeadLetters')).toMatchObject([{ value: null }])
  expect(await sumOf('model_service_refused_records_total')).toBe(2)
  expect(await sumOf('model_service_dead_letters_total')).toBe(3)
  expect(await sumOf('model_service_incarnations_retired_total')).toBe(0)
}, 60_000)

it('a registry event that its topic refuses is set aside; later ones and all results leave', async () => {
  const before = (await service.readRecords('registry')).length
  const model = { provider: 'double', capabilities: ['CHAT' as const], providerModel: 'double-chat' }
  const large = { id: 'large', ...model, metadata: { text: 'x'.repeat(5_000) } }
  expect(await service.command({ type: 'RegisterModel', model: large })).toMatchObject({ status: 'APPLIED' })
  expect(await service.command({ type: 'RegisterModel', model: { id: 'small', ...model } })).toMatchObject({
    status: 'APPLIED',
  })
  await until(async () => (await service.readRecords('registry')).length > before, 'the later event')
  await until(async () => (await sumOf('model_service_outbox_failed_records')) === 1, 'the failed row to be told of')
  expect(await sumOf('model_service_outbox_unpublished_records')).toBe(0)
  expect(await sumOf('model_service_incarnations_retired_total')).toBe(0)
  const { rows } = await service.sql.query(
    `SELECT topic, octet_length(value) AS bytes FROM outbox WHERE failed_at IS NOT NULL`,
  )
  expect(rows).toMatchObject([{ topic: service.topic('registry') }])
  expect(rows[0].bytes).toBeGreaterThan(5_000)

  await limit(['registry'], 1_000_000)
  await service.sql.query('UPDATE outbox SET failed_at = NULL WHERE failed_at IS NOT NULL')
  await until(
    async () => (await service.readRecords('registry')).some(({ key }) => String(key).endsWith('/large')),
    'the event that was let go again',
  )
}, 60_000)

it('rejected requests whose dead letters are refused end all the same, with them shortened; one incarnation is lost', async () => {
  const text = 'x'.repeat(5_000)
  const rejected = Array.from({ length: 3 }, () =>
    service.chat('good', {
      input: { type: 'ChatInput', messages: [{ content: [{ text }] }], sampling: { temperature: 9 } },
    }),
  )
  for (const request of rejected) {
    await service.send(request)
    expect(await service.completions([request.requestId])).toMatchObject([{ status: 'REJECTED' }])
  }
  const letters = await service.readAll('requestsDeadLetters')
  const invalid = letters.filter(({ headers }) => headers['dlt-reason'] === 'INVALID_REQUEST')
  expect(invalid.map(({ value }) => value)).toEqual([null, null, null])
  await goodCompletes()
  await service.offsetsAtEnd('requests')
  expect(await sumOf('model_service_incarnations_retired_total')).toBe(1)
}, 60_000)
