/** Flags that give fields of definitions, for the groups of the registry. */
import { InvalidArgumentError, Option } from 'commander'
import { integerOption } from '../command-options.ts'
import type { DefinitionFlag } from './entity-group.ts'

/** A flag for a field that is a text, or one of some words. */
export function textFlag(
  field: string,
  flags: string,
  { description, choices }: { description: string; choices?: readonly string[] },
): DefinitionFlag {
  return {
    field,
    option: () => {
      const option = new Option(flags, description)
      return choices === undefined ? option : option.choices(choices)
    },
  }
}

/** A flag for a field that is a whole number of at least 1. */
export function countFlag(field: string, flags: string, description: string): DefinitionFlag {
  return { field, option: () => integerOption(flags, description, 1, 2_147_483_647) }
}

/** A flag that may be repeated; each use gives one item of the list. `parse` throws InvalidArgumentError. */
export function listFlag(
  field: string,
  flags: string,
  { description, parse }: { description: string; parse(text: string): unknown },
): DefinitionFlag {
  const collect = (text: string, earlier: unknown[] | undefined): unknown[] => [...(earlier ?? []), parse(text)]
  return { field, option: () => new Option(flags, `${description}; may be repeated`).argParser(collect) }
}

/** `--metadata <name=value>`, for all kinds. */
export const metadataFlag: DefinitionFlag = {
  field: 'metadata',
  option: () =>
    new Option('--metadata <name=value>', 'a label; may be repeated, and replaces all labels').argParser(
      (text: string, earlier: Record<string, string> | undefined) => {
        const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
        if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected name=value.')
        return Object.fromEntries([...Object.entries(earlier ?? {}), [name, value]])
      },
    ),
}
