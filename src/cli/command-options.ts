import { type Command, InvalidArgumentError, Option } from 'commander'

/** Options that every command has. */
export interface CommonOptions {
  json?: boolean
  verbose?: boolean
}

/** Adds the options that every command has, and its examples to its help. Each example is [what it does, command]. */
export function withCommonOptions(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const lines = examples.map(([purpose, line]) => `  # ${purpose}\n  $ model-service ${line}`)
  return command
    .option('--json', 'print JSON')
    .option('--verbose', 'show where an error came from')
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

/** An option that takes a whole number from `min` up to `max`. */
export function integerOption(flags: string, description: string, min: number, max = Number.MAX_SAFE_INTEGER): Option {
  return new Option(flags, description).argParser((text: string) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
      throw new InvalidArgumentError(`Expected a whole number ${range}.`)
    }
    return value
  })
}
