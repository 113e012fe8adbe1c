import type { Command } from 'commander'
import { routeStrategySymbols } from '../../contract/types.ts'
import type { RunAction } from '../program.ts'
import { listFlag, metadataFlag, textFlag } from '../registry/definition-flags.ts'
import { addEntityGroup, type EntityGroup, readOptions } from '../registry/entity-group.ts'

const strategies = routeStrategySymbols.filter((symbol) => symbol !== 'UNSPECIFIED')

const routes: EntityGroup<'ROUTE'> = {
  kind: 'ROUTE',
  name: 'routes',
  description: 'the routes of the registry',
  flags: [
    textFlag('strategy', '--strategy <strategy>', { description: 'how targets are ordered', choices: strategies }),
    listFlag('targets', '--target <model>', {
      description: 'a registered model, in order; MODEL=WEIGHT for WEIGHTED',
      parse: targetOf,
    }),
    textFlag('otherwise', '--otherwise <id>', { description: 'model or route when the conditions do not hold' }),
    textFlag('onContextLength', '--on-context-length <id>', { description: 'model or route for what is too long' }),
    textFlag('onContentFilter', '--on-content-filter <id>', { description: 'model or route for what is refused' }),
    metadataFlag,
  ],
  examples: {
    list: [
      ['all of them', 'routes list'],
      ['as they were at version 17 of the registry', 'routes list --as-of 17'],
    ],
    register: [
      ['the second model when the first fails', 'routes register my-route --target first --target second'],
      ['one request in ten', 'routes register my-route --strategy WEIGHTED --target old=9 --target new=1'],
      ['by a file of a RouteDefinition, with conditions', 'routes register --file my-route.yaml'],
    ],
    update: [['other targets', 'routes update my-route --target new --target old']],
  },
  columns: [
    ['strategy', ({ strategy }) => strategy],
    [
      'targets',
      ({ strategy, targets }) =>
        targets.map(({ model, weight }) => (strategy === 'WEIGHTED' ? `${model}=${weight}` : model)).join(' '),
    ],
    ['conditions', ({ conditions }) => (conditions.length === 0 ? '' : String(conditions.length))],
    ['otherwise', ({ otherwise }) => otherwise ?? ''],
    ['context length', ({ onContextLength }) => onContextLength ?? ''],
    ['content filter', ({ onContentFilter }) => onContentFilter ?? ''],
  ],
  async list(registry, options) {
    const entities = await registry.listRoutes(readOptions(options))
    return { entities, json: { routes: entities } }
  },
}

/** `routes`: the commands of {@link addEntityGroup}. */
export function addRoutesCommand(program: Command, run: RunAction): void {
  addEntityGroup(program, run, routes)
}

/** An id may hold a `=` itself, so the weight is what stands behind the last one, if it is a number. */
function targetOf(text: string): { model: string; weight?: number } {
  const [, model, weight] = /^(.+)=(\d{1,9})$/.exec(text) ?? []
  return model === undefined ? { model: text } : { model, weight: Number(weight) }
}
