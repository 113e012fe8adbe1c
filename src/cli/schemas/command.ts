import type { Command } from 'commander'
import type { SchemaRow } from '../../codec/schema-registration.ts'
import { schemaRegistryConnection } from '../../config/connections.ts'
import { cliSettings } from '../cli-settings.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { paint, printJson, printLine, printTable, type Terminal } from '../terminal.ts'

/** `schemas register|check`: the contract's schemas in the schema registry. */
export function addSchemasCommand(program: Command, run: RunAction): void {
  const schemas = program.command('schemas').description('the schemas of the contract in the schema registry')

  withCommonOptions(schemas.command('register').description('register every schema; a deploy step, safe to repeat'), [
    ['before starting workers of a new version', 'schemas register'],
  ]).action((options: CommonOptions) => run(options, (terminal) => registerOrCheck('register', options, terminal)))

  withCommonOptions(
    schemas.command('check').description('change nothing; exit code 1 unless all are registered and compatible'),
    [['in CI, against the registry of production', 'schemas check --json']],
  ).action((options: CommonOptions) => run(options, (terminal) => registerOrCheck('check', options, terminal)))
}

async function registerOrCheck(
  what: 'register' | 'check',
  options: CommonOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const settings = cliSettings(terminal, ['kafka', 'schemaRegistry'])
  const { checkSchemas, registerSchemas } = await import('../../codec/schema-registration.ts')
  const { openSchemaRegistry } = await import('../../codec/schema-registry.ts')
  const registry = openSchemaRegistry(schemaRegistryConnection(settings.schemaRegistry))
  try {
    const { topicPrefix, requestTopics } = settings.kafka
    const where = { registry, topicPrefix, requestTopics: requestTopics.map(({ name }) => name) }
    const rows = what === 'register' ? await registerSchemas(where) : await checkSchemas(where)
    if (options.json === true) printJson(terminal, rows)
    else print(terminal, rows)
    const isFine = rows.every((row) => row.status === 'registered' || row.status === 'unchanged')
    return isFine ? exitCodes.ok : exitCodes.failed
  } finally {
    await registry.close()
  }
}

function print(terminal: Terminal, rows: readonly SchemaRow[]): void {
  printTable(
    terminal,
    ['subject', 'record', 'compatibility', 'id', 'status'],
    rows.map((row) => [row.subject, row.record, row.compatibility, String(row.schemaId ?? ''), row.status]),
  )
  for (const { subject, problems } of rows) {
    for (const problem of problems) printLine(terminal, `${paint(terminal, 'red', subject)}: ${problem}`)
  }
}
