import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type ContractName, completeDraft, contractType } from '../../../src/codec/contract-type.ts'
import { goldenRecords } from '../../fixtures/golden/golden-records.ts'

const read = (file: string): Buffer => readFileSync(new URL(`../../fixtures/golden/${file}`, import.meta.url))

test.each(Object.entries(goldenRecords))('the golden bytes of %s are read and written as ever', (title, golden) => {
  const type = contractType(golden.name as ContractName)
  const record = completeDraft(golden.name as ContractName, golden.draft as never)
  const bytes = read(`${title}.bin`)
  expect(type.decode(bytes)).toEqual(record)
  expect(type.encode(record).equals(bytes)).toBe(true)
  expect(JSON.parse(JSON.stringify(record))).toEqual(JSON.parse(read(`${title}.json`).toString()).record)
})
