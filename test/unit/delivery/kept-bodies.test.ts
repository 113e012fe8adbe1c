import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { keptBodies } from '../../../src/delivery/kept-bodies.ts'

const request = Buffer.from('a prompt')
const completion = Buffer.from('an answer')
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()

test('full keeps the very bytes', () => {
  expect(keptBodies('full', { request, completion })).toEqual({ request, completion })
})

test('hash keeps what proves the bytes, and nothing of them', () => {
  expect(keptBodies('hash', { request, completion })).toEqual({
    request: sha256(request),
    completion: sha256(completion),
    areHashes: true,
  })
  expect(keptBodies('hash', { request: null, completion })).toMatchObject({ request: null })
})

test('none keeps nothing', () => {
  expect(keptBodies('none', { request, completion })).toEqual({ request: null, completion: null })
})
