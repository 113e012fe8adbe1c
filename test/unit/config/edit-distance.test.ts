import { expect, it } from 'vitest'
import { nearName } from '../../../src/config/edit-distance.ts'

it.each([
  ['capabilites', 'capabilities'],
  ['baseURL', 'baseUrl'],
  ['kid', 'kind'],
  ['colour', undefined],
  ['', undefined],
])('finds for %j the name that was meant: %j', (given, meant) => {
  expect(nearName(given, ['kind', 'baseUrl', 'capabilities'])).toBe(meant)
})
