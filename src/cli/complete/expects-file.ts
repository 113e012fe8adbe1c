import type { Command, Option } from 'commander'

/** How options and arguments are named that are paths. */
const pathName = /[<[](path|file|request|files?)(\.\.\.)?[>\]]/

/**
 * Whether the last of the words, which is the one being written, is to be the path of a file: the value of an option that is named
 * so (`--csv <file>`), or such an argument of the command. Pure.
 */
export function expectsFile(program: Command, words: readonly string[]): boolean {
  const before = words.slice(0, -1)
  const word = words.at(-1) ?? ''
  let command = program
  let positionalCount = 0
  let awaited: Option | undefined
  for (const earlier of before) {
    if (awaited !== undefined) {
      awaited = undefined
    } else if (earlier.startsWith('-')) {
      const option = command.options.find(({ long, short }) => long === earlier || short === earlier)
      awaited = option?.required === true || option?.optional === true ? option : undefined
    } else {
      const child = command.commands.find((one) => one.name() === earlier)
      if (child === undefined) positionalCount += 1
      else command = child
    }
  }
  if (awaited !== undefined) return pathName.test(awaited.flags)
  const argument = command.registeredArguments[positionalCount]
  return !word.startsWith('-') && argument !== undefined && pathName.test(`<${argument.name()}>`)
}
