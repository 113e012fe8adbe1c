import { Command } from 'commander'
import { expect, it } from 'vitest'
import { addProvidersCommand } from '../../../../src/cli/providers/command.ts'
import { addRoutesCommand } from '../../../../src/cli/routes/command.ts'

/** The options of `register`, as the command line gives them to its action. */
function options(group: string, args: string[]): Record<string, unknown> {
  let given: Record<string, unknown> = {}
  const program = new Command()
  const run = async (all: object): Promise<void> => {
    given = { ...all }
  }
  addProvidersCommand(program, run)
  addRoutesCommand(program, run)
  program.parse([group, 'register', 'x', ...args], { from: 'user' })
  return given
}

it.each<[string[], unknown]>([
  [
    ['--target', 'a', '--target', 'b'],
    [{ model: 'a' }, { model: 'b' }],
  ],
  [['--target', 'a=3'], [{ model: 'a', weight: 3 }]],
  [['--target', 'a=b=0'], [{ model: 'a=b', weight: 0 }]],
  [['--target', 'a=b'], [{ model: 'a=b' }]],
  [['--target', '=3'], [{ model: '=3' }]],
])('reads %j as targets', (args, targets) => {
  expect(options('routes', args)['target']).toEqual(targets)
})

it('collects labels, whatever their names and values', () => {
  const args = ['--metadata', 'a=1', '--metadata', '__proto__=x=y', '--metadata', 'a=']
  expect(Object.entries(options('routes', args)['metadata'] as object)).toEqual([
    ['a', ''],
    ['__proto__', 'x=y'],
  ])
})

it('collects references to keys in their order', () => {
  const args = ['--key-reference', 'MODEL_KEY_B', '--key-reference', 'file:a key']
  expect(options('providers', args)['keyReference']).toEqual(['MODEL_KEY_B', 'file:a key'])
})
