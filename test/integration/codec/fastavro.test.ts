/** The same bytes mean the same to a second Avro implementation, in both directions. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import avsc from 'avsc'
import { beforeAll, expect, test } from 'vitest'
import { writerOptions } from '../../../src/codec/avro-options.ts'
import { type AvroDefinition, contractSchema } from '../../../src/codec/contract-schemas.ts'
import { type ContractName, completeDraft, contractType } from '../../../src/codec/contract-type.ts'
import { ensureFastavro } from '../../../src/stack/fastavro.ts'
import { goldenRecords } from '../../fixtures/golden/golden-records.ts'

interface Task {
  writer: unknown
  reader: unknown
  bytes: string
}
interface Answer {
  record: unknown
  bytes: string
}

let fastavro: { python: string; pythonPath: string }

beforeAll(async () => {
  fastavro = await ensureFastavro()
})

function ask(tasks: readonly Task[]): Answer[] {
  const script = fileURLToPath(new URL('fastavro_golden.py', import.meta.url))
  const run = spawnSync(fastavro.python, [script], {
    input: tasks.map((task) => JSON.stringify(task)).join('\n'),
    env: { ...process.env, PYTHONPATH: fastavro.pythonPath, PYTHONIOENCODING: 'utf-8' },
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (run.status !== 0) throw new Error(`fastavro failed: ${run.stderr}`)
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer)
}

test('fastavro reads the golden bytes as we do, and we read what it writes', () => {
  const cases = Object.entries(goldenRecords)
  const read = (file: string) => readFileSync(new URL(`../../fixtures/golden/${file}`, import.meta.url))
  const answers = ask(
    cases.map(([title, { name }]) => {
      const writer: unknown = JSON.parse(read(`${title}.avsc`).toString())
      return { writer, reader: contractSchema(name), bytes: read(`${title}.bin`).toString('base64') }
    }),
  )
  expect(answers).toHaveLength(cases.length)
  for (const [index, [title, { name, draft }]] of cases.entries()) {
    const record = completeDraft(name as ContractName, draft as never)
    expect(answers[index]?.record, title).toEqual(JSON.parse(JSON.stringify(record)))
    const written = Buffer.from(answers[index]?.bytes ?? '', 'base64')
    expect(contractType(name as ContractName).decode(written), title).toEqual(record)
  }
})

test('a symbol that the reader does not know becomes the default in both', () => {
  const newer = structuredClone(contractSchema('ModelChunk')) as AvroDefinition
  const kind = newer.fields?.find(({ name }) => name === 'kind')?.type as AvroDefinition
  kind.symbols = ['CITATION', ...(kind.symbols ?? [])]
  const writer = avsc.Type.forSchema(newer as avsc.Schema, writerOptions())
  const bytes = writer.toBuffer({ requestId: 'r', kind: 'CITATION' })
  const [answer] = ask([{ writer: newer, reader: contractSchema('ModelChunk'), bytes: bytes.toString('base64') }])
  expect(answer?.record).toMatchObject({ requestId: 'r', kind: 'UNSPECIFIED' })
  expect(contractType('ModelChunk').decoderFor(writer)(bytes)).toMatchObject({ requestId: 'r', kind: 'UNSPECIFIED' })
})
