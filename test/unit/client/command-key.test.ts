import { expect, it } from 'vitest'
import { commandKey } from '../../../src/client/command-key.ts'
import type { ModelCommandDraft } from '../../../src/contract/types.ts'

it.each<[string, ModelCommandDraft['command']]>([
  ['m', { type: 'RegisterModel', model: { id: 'm' } }],
  ['m', { type: 'UpdateModel', model: { id: 'm' }, fields: ['status'] }],
  ['m', { type: 'DeleteModel', id: 'm' }],
  ['m', { type: 'SetModelStatus', id: 'm', status: 'ACTIVE' }],
  ['p', { type: 'RegisterProvider', provider: { id: 'p' } }],
  ['p', { type: 'SetLimits', provider: 'p', limits: {} }],
  ['r', { type: 'DeleteRoute', id: 'r' }],
  ['q', { type: 'CancelRequest', requestId: 'q' }],
  ['c1', { type: 'RegisterModel', model: {} }],
])('keys commands by what they change: %s for %j', (key, command) => {
  expect(commandKey({ commandId: 'c1', command })).toBe(key)
})
