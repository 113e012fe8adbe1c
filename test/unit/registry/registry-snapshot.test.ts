import { expect, it } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { buildSnapshot, contentAfter, type SnapshotContent } from '../../../src/registry/registry-snapshot.ts'

const model = (id: string, description: string | null = null) =>
  completeDraft('ModelDefinition', { id, description, provider: 'openai' })
const route = (id: string) => completeDraft('RouteDefinition', { id })
const provider = (id: string) => completeDraft('ProviderDefinition', { id, kind: 'openai' })
const before: SnapshotContent = {
  version: 4,
  models: [model('m')],
  providers: [provider('p')],
  routes: [route('r')],
  deletedIds: ['gone', 'left'],
}

it('a registered entity joins what was there, and its id is no longer a deleted one', () => {
  const after = buildSnapshot(contentAfter(before, { kind: 'ROUTE', id: 'gone', definition: route('gone') }, 7))
  expect([after.version, after.route('gone'), after.route('r')]).toEqual([7, route('gone'), route('r')])
  expect(['gone', 'left'].map((id) => after.isDeleted?.(id))).toEqual([false, true])
  expect(before.deletedIds).toEqual(['gone', 'left'])
})

it('an updated one takes its place, and cannot be changed through the change', () => {
  const definition = model('m', 'new')
  const content = contentAfter(before, { kind: 'MODEL', id: 'm', definition }, 5)
  definition.description = 'changed since'
  expect(content.models).toEqual([model('m', 'new')])
})

it('a provider leaves the deleted ids alone, which are those of models and routes', () => {
  const content = contentAfter(before, { kind: 'PROVIDER', id: 'gone', definition: provider('gone') }, 5)
  expect([...content.deletedIds]).toEqual(['gone', 'left'])
  expect(content.providers.map(({ id }) => id)).toEqual(['p', 'gone'])
})
