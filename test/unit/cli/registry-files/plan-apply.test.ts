import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CommandSender, carryOutPlan } from '../../../../src/cli/registry-files/carry-out-plan.ts'
import { checkFiles } from '../../../../src/cli/registry-files/check-files.ts'
import { type ApplyPlan, planApply } from '../../../../src/cli/registry-files/plan-apply.ts'
import { readRegistry } from '../../../../src/cli/registry-files/read-registry.ts'
import { writeRegistry } from '../../../../src/cli/registry-files/write-registry.ts'
import type { CommandResult } from '../../../../src/contract/types.ts'
import { ModelManagementMixin } from '../../../../src/model-service/model-management-mixin.ts'
import { ModelServiceBase } from '../../../../src/model-service/model-service-base.ts'
import type { RegistryState } from '../../../../src/model-service/ports/registry.ts'
import { fakeDeps } from '../../model-service/fakes.ts'
import { type Definitions, registryArbitrary } from './registry-arbitrary.ts'

class Management extends ModelManagementMixin(ModelServiceBase) {}

const version = 'apiVersion: model-service/v1\n'
const read = (text: string) => readRegistry([{ name: 'f', text }])

function stateOf(definitions: Definitions): RegistryState {
  const stored = <T>(definition: T) => ({ definition, version: 1, createdAt: 0, updatedAt: 0 })
  return {
    version: 1,
    models: definitions.models.map(stored),
    providers: definitions.providers.map(stored),
    routes: definitions.routes.map(stored),
  }
}

/** A service with a registry of its own. Commands of one wave come in any order, as `turn` says. */
function service({ turn = 0 } = {}) {
  const { deps, registry } = fakeDeps()
  new Management(deps).start()
  const sender: CommandSender = {
    async sendAll(commands, onResult) {
      const results: CommandResult[] = []
      const first = commands.length === 0 ? 0 : turn % commands.length
      for (const command of [...commands.slice(first), ...commands.slice(0, first)].reverse()) {
        const result = await deps.commandBus.send(command)
        onResult(result)
        results.push(result)
      }
      return results
    },
  }
  const results: CommandResult[] = []
  const apply = async (text: string, { prune = true } = {}): Promise<ApplyPlan> => {
    const files = read(text)
    const current = await registry.state()
    checkFiles(files, current, { prune })
    const plan = planApply(files, current, { prune })
    await carryOutPlan(plan, { sender, actor: 'ada', onResult: (_, result) => results.push(result) })
    return plan
  }
  return { registry, sender, results, apply }
}

const shape = ({ waves }: ApplyPlan) =>
  waves.map((wave) => wave.map(({ action, kind, id }) => `${action} ${kind} ${id}`).sort())

const house = `${version}providers:
  own: { kind: openai }
models:
  small: { provider: own, capabilities: [CHAT] }
routes:
  first: { targets: [{ model: small }], otherwise: second }
  second: { targets: [{ model: small }], onContextLength: third }
  third: { targets: [{ model: small }] }
`

describe('a plan', () => {
  it('registers what others need before them, and has nothing to do after', async () => {
    const { apply, results } = service()
    expect(shape(await apply(house))).toEqual([
      ['REGISTER PROVIDER own'],
      ['REGISTER MODEL small'],
      ['REGISTER ROUTE third'],
      ['REGISTER ROUTE second'],
      ['REGISTER ROUTE first'],
    ])
    expect(results.map(({ status }) => status)).toEqual(Array(5).fill('APPLIED'))
    expect(await apply(house)).toEqual({ waves: [], unchangedCount: 5, left: [] })
  })

  it('deletes what is in no file the other way round, and of kinds with a section only', async () => {
    const { apply, results } = service()
    await apply(house)
    const kept = await apply(`${version}providers: {}\n`, { prune: false })
    expect(kept).toMatchObject({ waves: [], unchangedCount: 0 })
    expect(kept.left.map(({ id }) => id).sort()).toEqual(['first', 'own', 'second', 'small', 'third'])
    expect(shape(await apply(`${version}routes: {}\n`))).toEqual([
      ['DELETE ROUTE first', 'DELETE ROUTE second', 'DELETE ROUTE third'],
    ])
    expect(shape(await apply(`${version}providers: {}\nmodels: {}\nroutes: {}\n`))).toEqual([
      ['DELETE MODEL small'],
      ['DELETE PROVIDER own'],
    ])
    expect(results.every(({ status }) => status === 'APPLIED')).toBe(true)
  })

  it('names the fields that change, and the version that it saw', async () => {
    const { apply } = service()
    await apply(house)
    const plan = await apply(house.replace('{ kind: openai }', '{ kind: openai, limits: { requestsPerMinute: 9 } }'))
    expect(plan.waves).toEqual([
      [
        expect.objectContaining({
          changes: [
            {
              path: 'limits',
              before: null,
              after: { maxConcurrentCalls: null, requestsPerMinute: 9, tokensPerMinute: null },
            },
          ],
          version: 1,
          command: expect.objectContaining({ type: 'UpdateProvider', fields: ['limits'], expectedVersion: 1 }),
        }),
      ],
    ])
  })

  it('turns a chain of routes round without a circle in between', async () => {
    const { apply, results } = service()
    await apply(house)
    const turned = house
      .replace(', otherwise: second', '')
      .replace('onContextLength: third', 'onContextLength: first')
      .replace('third: { targets: [{ model: small }] }', 'third: { targets: [{ model: small }], otherwise: second }')
    expect(shape(await apply(turned))).toEqual([
      ['UPDATE ROUTE first'],
      ['UPDATE ROUTE second'],
      ['UPDATE ROUTE third'],
    ])
    expect(results.filter(({ status }) => status !== 'APPLIED')).toEqual([])
  })

  it('deletes first what changes its kind', async () => {
    const { apply, results } = service()
    await apply(house)
    const plan = await apply(`${version}models:
  small: { provider: own, capabilities: [CHAT] }
  third: { provider: own, capabilities: [CHAT] }
routes:
  first: { targets: [{ model: third }] }
`)
    expect(shape(plan)).toEqual([
      ['DELETE ROUTE third'],
      ['REGISTER MODEL third'],
      ['UPDATE ROUTE first'],
      ['DELETE ROUTE second'],
    ])
    expect(results.filter(({ status }) => status !== 'APPLIED')).toEqual([])
  })

  it('is not misled by where a route led that becomes a model', async () => {
    const { apply, results } = service()
    const model = '{ provider: openai, capabilities: [CHAT] }'
    await apply(`${version}models: { m: ${model} }
routes:
  b: { targets: [{ model: m }] }
  x: { targets: [{ model: m }], otherwise: b }
`)
    await apply(`${version}models: { m: ${model}, x: ${model} }
routes:
  r: { targets: [{ model: m }], otherwise: x }
  b: { targets: [{ model: m }], otherwise: r }
`)
    expect(results.filter(({ status }) => status !== 'APPLIED')).toEqual([])
  })

  it('ends after the wave in which somebody else was quicker, and goes on when run again', async () => {
    const { apply, registry, sender } = service()
    await apply(house)
    const wanted = house
      .replaceAll('capabilities: [CHAT]', 'capabilities: [CHAT, EMBEDDING]')
      .replace('otherwise: second', 'otherwise: third')
    const files = read(wanted)
    const plan = planApply(files, await registry.state(), { prune: false })
    await sender.sendAll(
      [{ commandId: 'other', command: { type: 'SetModelStatus', id: 'small', status: 'INACTIVE' } }],
      () => {},
    )
    const codes: (string | undefined)[] = []
    const onResult = (_: unknown, { error }: CommandResult) => codes.push(error?.code)
    expect(await carryOutPlan(plan, { sender, actor: null, onResult })).toEqual({ refusedCount: 1, unsentCount: 1 })
    expect(codes).toEqual(['VERSION_CONFLICT'])
    expect(shape(await apply(wanted))).toEqual([['UPDATE MODEL small'], ['UPDATE ROUTE first']])
    expect(await apply(wanted)).toMatchObject({ waves: [] })
  })
})

describe('checkFiles', () => {
  const check = async (before: string, text: string, { prune = false } = {}) => {
    const { apply, registry } = service()
    await apply(before)
    const current = await registry.state()
    return () => checkFiles(read(text), current, { prune })
  }

  it.each<[string, string, string]>([
    [
      'a model of nobody',
      `${version}models:\n  m: { provider: nobody, capabilities: [CHAT] }\n`,
      'f:3:8: models.m: model.provider is neither',
    ],
    [
      'a model of no use',
      `${version}models:\n  m: { provider: openai, capabilities: [] }\n`,
      'f:3:26: models.m: model.capabilities must',
    ],
    [
      'a kind that is none',
      `${version}providers:\n  p: { kind: x }\n`,
      'f:3:8: providers.p: provider.kind is not one of',
    ],
    [
      'a target that is not there',
      `${version}routes:\n  r:\n    targets:\n      - model: small\n      - model: none\n`,
      'f:6:9: routes.r: route.targets[1].model must be a registered model',
    ],
    [
      'a parameter that is no JSON',
      `${version}models:\n  m: { provider: own, capabilities: [CHAT], defaultParameters: { size: big } }\n`,
      'models.m: model.defaultParameters.size is not a JSON text',
    ],
    [
      'a circle',
      `${version}routes:\n  third: { targets: [{ model: small }], otherwise: first }\n`,
      'f:3:41: routes.third: route.otherwise leads back',
    ],
    [
      'the id of a route',
      `${version}models:\n  first: { provider: own, capabilities: [CHAT] }\n`,
      'models.first: model.id must not be the id of a route',
    ],
    ['several mistakes', `${version}providers:\n  p: { kind: x }\n  q: { kind: y }\n`, 'f:4:8: providers.q'],
  ])('refuses %s, with its place', async (_, text, message) => {
    expect(await check(house, text)).toThrow(message)
  })

  it('refuses to delete what a registered definition in no file needs', async () => {
    expect(await check(house, `${version}models: {}\n`, { prune: true })).toThrow(
      'routes.first, which is registered and in no file, would not fit any more: route.targets[0].model must be a registered model',
    )
  })

  it('does not blame the files for what did not fit before', async () => {
    const { apply, registry, sender } = service()
    await apply(house)
    await sender.sendAll([{ commandId: 'other', command: { type: 'DeleteModel', id: 'small' } }], () => {})
    const current = await registry.state()
    const files = read(`${version}providers:\n  p: { kind: openai }\n`)
    expect(() => checkFiles(files, current, { prune: false })).not.toThrow()
  })

  it('takes the example', () => {
    const files = read(readFileSync(new URL('../../../../examples/registry.yaml', import.meta.url), 'utf8'))
    const empty: RegistryState = { version: 0, models: [], providers: [], routes: [] }
    expect(() => checkFiles(files, empty, { prune: false })).not.toThrow()
    expect(planApply(files, empty, { prune: false }).waves.map((wave) => wave.length)).toEqual([2, 2, 1])
  })

  it('takes references to what is in other files, and to what is registered', async () => {
    const text = `${version}models:\n  other: { provider: own, capabilities: [CHAT] }\nroutes:\n  r: { targets: [{ model: other }], otherwise: first }\n`
    expect(await check(house, text)).not.toThrow()
  })
})

describe('any registry', () => {
  it('written and read again is the same, as YAML and as JSON', () => {
    fc.assert(
      fc.property(registryArbitrary, fc.constantFrom('yaml' as const, 'json' as const), (definitions, format) => {
        const state = stateOf(definitions)
        const text = writeRegistry(state, format)
        const files = read(text)
        expect(planApply(files, state, { prune: true })).toMatchObject({ waves: [], left: [] })
        checkFiles(files, state, { prune: true })
        expect(writeRegistry(state, format)).toBe(text)
      }),
      { numRuns: 100 },
    )
  })

  it('becomes any other by a plan, with nothing refused, whatever the order within a wave', async () => {
    await fc.assert(
      fc.asyncProperty(registryArbitrary, registryArbitrary, fc.nat(7), async (before, after, turn) => {
        const { apply, registry, results } = service({ turn })
        await apply(writeRegistry(stateOf(before), 'yaml'))
        const wanted = writeRegistry(stateOf(after), 'yaml')
        await apply(wanted)
        expect(results.filter(({ status }) => status !== 'APPLIED')).toEqual([])
        expect(await apply(wanted)).toMatchObject({ waves: [], left: [] })
        expect((await registry.state()).models).toHaveLength(after.models.length)
      }),
      { numRuns: 60 },
    )
  })
})
