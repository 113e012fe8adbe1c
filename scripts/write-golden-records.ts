/**
 * Writes test/fixtures/golden: full records of each kind as Avro bytes with the schema that wrote them, as JSON, and requests with
 * their payload hash. Run it only for a new case: what is there must go on being read, so it overwrites nothing that exists.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { type ContractName, completeDraft, contractType } from '../src/codec/contract-type.ts'
import { payloadHash } from '../src/codec/payload-hash.ts'
import type { ModelRequestDraft } from '../src/contract/types.ts'
import { goldenRecords } from '../test/fixtures/golden/golden-records.ts'

const directory = new URL('../test/fixtures/golden/', import.meta.url)
mkdirSync(directory, { recursive: true })

function writeNew(file: string, content: string | Buffer): void {
  const url = new URL(file, directory)
  if (existsSync(url)) return
  writeFileSync(url, content)
  console.log(`wrote test/fixtures/golden/${file}`)
}

for (const [title, { name, draft }] of Object.entries(goldenRecords)) {
  const record = completeDraft(name as ContractName, draft as never)
  writeNew(`${title}.bin`, contractType(name as ContractName).encode(record))
  // The schema of that day, as its writer had it; documentation decodes nothing.
  writeNew(
    `${title}.avsc`,
    `${JSON.stringify(JSON.parse(contractType(name as ContractName).schemaText, withoutDoc))}\n`,
  )
  writeNew(`${title}.json`, `${JSON.stringify({ name, record }, null, 2)}\n`)
}

const requests = Object.entries(goldenRecords).filter(([, { name }]) => name === 'ModelRequest')
const vectors = requests.map(([title, { draft }]) => {
  return { title, draft, hash: payloadHash(completeDraft('ModelRequest', draft as ModelRequestDraft)) }
})
writeNew('payload-hash.json', `${JSON.stringify(vectors, null, 2)}\n`)

function withoutDoc(key: string, value: unknown): unknown {
  return key === 'doc' ? undefined : value
}
