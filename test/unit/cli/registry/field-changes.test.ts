import { expect, it } from 'vitest'
import { fieldChanges, fieldChangeText } from '../../../../src/cli/registry/field-changes.ts'

it.each<[string, object, object, string[]]>([
  ['nothing', { a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }, []],
  ['a field', { status: 'ACTIVE' }, { status: 'INACTIVE' }, ['status: "ACTIVE" → "INACTIVE"']],
  ['a field that comes and one that goes', { a: 1 }, { b: null }, ['a: 1 → (none)', 'b: (none) → null']],
  ['a field inside', { limits: { rpm: 1, tpm: 2 } }, { limits: { rpm: 1, tpm: 3 } }, ['limits.tpm: 2 → 3']],
  ['nothing against a whole', { limits: null }, { limits: { rpm: 1 } }, ['limits: null → {"rpm":1}']],
  ['items', { t: [{ w: 1 }, { w: 2 }] }, { t: [{ w: 9 }] }, ['t[0].w: 1 → 9', 't[1]: {"w":2} → (none)']],
  ['a list against none', { t: [] }, { t: null }, ['t: [] → null']],
  ['names that are no words', { 'a b': { 'c"': 1 } }, { 'a b': { 'c"': 2 } }, ['["a b"]["c\\""]: 1 → 2']],
  ['a name that objects have', { m: {} }, { m: { constructor: 'x' } }, ['m.constructor: (none) → "x"']],
  ['a dangerous name', { m: {} }, { m: JSON.parse('{"__proto__": "x"}') }, ['m.__proto__: (none) → "x"']],
])('finds %s', (_, before, after, texts) => {
  expect(fieldChanges(before, after).map(fieldChangeText)).toEqual(texts)
})
