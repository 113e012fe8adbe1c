import { readFileSync } from 'node:fs'
import avsc from 'avsc'
import { describe, expect, test } from 'vitest'
import { writerOptions } from '../../../src/codec/avro-options.ts'
import { type ContractName, completeDraft, contractType } from '../../../src/codec/contract-type.ts'
import { goldenRecords } from '../../fixtures/golden/golden-records.ts'

const read = (file: string): Buffer => readFileSync(new URL(`../../fixtures/golden/${file}`, import.meta.url))
const typeOf = (schema: string): avsc.Type => avsc.Type.forSchema(JSON.parse(schema), writerOptions())

describe.each(Object.entries(goldenRecords))('the golden bytes of %s', (title, golden) => {
  const name = golden.name as ContractName
  const record = completeDraft(name, golden.draft as never)
  const thatDay = typeOf(read(`${title}.avsc`).toString())
  const today = contractType(name)

  test('are read as ever', () => {
    expect(today.decoderFor(thatDay)(read(`${title}.bin`))).toEqual(record)
    expect(JSON.parse(JSON.stringify(record))).toMatchObject(JSON.parse(read(`${title}.json`).toString()).record)
  })

  test('could have been written today, for the readers of that day', () => {
    const bytes = today.encode(record)
    const asRead = thatDay.fromBuffer(bytes, thatDay.createResolver(typeOf(today.schemaText)))
    expect(thatDay.toBuffer(asRead).equals(read(`${title}.bin`))).toBe(true)
  })
})
