import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Command, Option } from 'commander'
import type { RegistryMoment, RegistryState } from '../../model-service/ports/registry.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { confirm } from '../confirm.ts'
import { counted } from '../counted.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { asOfOption } from '../registry/as-of-option.ts'
import { readOptions } from '../registry/entity-group.ts'
import { actorOf, timeoutOption } from '../registry/send-command.ts'
import { withRegistry } from '../registry/with-registry.ts'
import { printJson, printLine, printNote, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import type { ApplyPlan } from './plan-apply.ts'

interface FileOptions extends CommonOptions {
  file: string[]
  prune?: boolean
}
interface ApplyOptions extends FileOptions {
  dryRun?: boolean
  yes?: boolean
  timeout: number
}
interface ExportOptions extends CommonOptions {
  asOf?: RegistryMoment
  output?: string
  format?: 'yaml' | 'json'
}

/** `apply`, `diff` and `export`: the registry in files. */
export function addRegistryFileCommands(program: Command, run: RunAction): void {
  withFileOptions(
    program.command('apply').description('make the registry as files say: sends a command for each difference'),
    [
      ['show what would change, then ask', 'apply -f registry.yaml'],
      ['without asking, and delete what is in no file', 'apply -f registry/ --prune --yes'],
      ['put it back as it was at version 17', 'export --as-of 17 | model-service apply -f - --prune --yes'],
    ],
  )
    .option('--dry-run', 'only show what would change')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .addOption(timeoutOption())
    .action((options: ApplyOptions) => run(options, (terminal) => apply(options, terminal)))

  withFileOptions(
    program.command('diff').description('compare files with the registry; exit code 1 when they differ'),
    [
      ['field by field', 'diff -f registry.yaml'],
      ['what apply --prune would delete, too', 'diff -f registry/ --prune'],
    ],
  ).action((options: FileOptions) =>
    run(options, async (terminal) => {
      const plan = await makePlan(options, terminal)
      await showPlan(plan, options, terminal)
      return plan.waves.length === 0 ? exitCodes.ok : exitCodes.failed
    }),
  )

  withCommonOptions(program.command('export').description('write the registry as a file that apply and diff take'), [
    ['to a file', 'export -o registry.yaml'],
    ['as it was', 'export --as-of 2026-11-23T12:00Z'],
  ])
    .addOption(asOfOption())
    .option('-o, --output <path>', 'file to write, over an earlier one (default: standard output)')
    .addOption(
      new Option('--format <format>', 'by default that of the file name, else yaml; --json is json').choices([
        'yaml',
        'json',
      ]),
    )
    .action((options: ExportOptions) => run(options, (terminal) => exportRegistry(options, terminal)))
}

function withFileOptions(command: Command, examples: Parameters<typeof withCommonOptions>[1]): Command {
  const collect = (name: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), name]
  return withCommonOptions(command, examples)
    .addOption(
      new Option('-f, --file <path>', 'YAML or JSON file, folder of files, or - for standard input; may be repeated')
        .argParser(collect)
        .makeOptionMandatory(),
    )
    .option('--prune', 'delete what is registered and in no file, of the kinds that a file has a section for')
    .addHelpText('after', '\nThe format of the files is in docs/registry.md.')
}

/** @throws UsageError when a file is wrong; DATABASE_UNAVAILABLE */
async function makePlan({ file, prune = false }: FileOptions, terminal: Terminal): Promise<ApplyPlan> {
  const { readSources } = await import('./read-sources.ts')
  const { readRegistry } = await import('./read-registry.ts')
  const { planApply } = await import('./plan-apply.ts')
  const { checkFiles } = await import('./check-files.ts')
  const files = readRegistry(await readSources(file, terminal))
  const current = await readState(terminal)
  checkFiles(files, current, { prune })
  return planApply(files, current, { prune })
}

async function readState(terminal: Terminal, asOf?: RegistryMoment): Promise<RegistryState> {
  return await withRegistry(terminal, (registry) => registry.state(asOf === undefined ? {} : { asOf }))
}

async function showPlan(plan: ApplyPlan, options: CommonOptions, terminal: Terminal): Promise<void> {
  const { planSummary, printPlan, stepJson } = await import('./print-plan.ts')
  if (options.json === true) {
    const { waves, unchangedCount, left } = plan
    printJson(terminal, { steps: waves.flat().map(stepJson), unchangedCount, left })
    return
  }
  printPlan(terminal, plan)
  printLine(terminal, planSummary(plan))
}

async function apply(options: ApplyOptions, terminal: Terminal): Promise<ExitCode> {
  const plan = await makePlan(options, terminal)
  const hasChanges = plan.waves.length > 0
  if (options.dryRun === true || !hasChanges) {
    await showPlan(plan, options, terminal)
    return exitCodes.ok
  }
  const yes = options.yes === true
  if (!yes && options.json === true)
    throw new UsageError('Expected --yes with --json; --dry-run shows what would change.')
  if (!yes) await showPlan(plan, options, terminal)
  if (!(await confirm(terminal, 'Make these changes?', { yes }))) return exitCodes.failed
  return await carryOut(plan, options, terminal)
}

async function carryOut(plan: ApplyPlan, options: ApplyOptions, terminal: Terminal): Promise<ExitCode> {
  const { KafkaCommandBus } = await import('../kafka-command-bus.ts')
  const { withKafkaSession } = await import('../kafka-session.ts')
  const { carryOutPlan } = await import('./carry-out-plan.ts')
  const { stepJson, stepResultLine } = await import('./print-plan.ts')
  const { unchangedCount, left } = plan
  const steps: object[] = []
  let counts = { refusedCount: 0, unsentCount: 0 }
  try {
    counts = await withKafkaSession(terminal, (session) =>
      carryOutPlan(plan, {
        sender: new KafkaCommandBus(session, { timeoutMs: options.timeout, signal: terminal.signal }),
        actor: actorOf(terminal),
        onResult: (step, result) => {
          if (options.json === true) steps.push({ ...stepJson(step), result })
          else printLine(terminal, stepResultLine(step, result))
        },
      }),
    )
  } finally {
    // Also when the waiting was given up: what came is known.
    if (options.json === true) printJson(terminal, { steps, unchangedCount, left, ...counts })
  }
  const { refusedCount, unsentCount } = counts
  if (refusedCount === 0) return exitCodes.ok
  printNote(
    terminal,
    `${refusedCount} refused, ${unsentCount} not sent. Mend what was refused and apply again: what is done stays done`,
  )
  return exitCodes.failed
}

async function exportRegistry(options: ExportOptions, terminal: Terminal): Promise<ExitCode> {
  const { output } = options
  const ofName = output?.endsWith('.json') === true ? 'json' : 'yaml'
  const format = options.format ?? (options.json === true ? 'json' : ofName)
  const { writeRegistry } = await import('./write-registry.ts')
  const state = await withRegistry(terminal, (registry) => registry.state(readOptions(options)))
  const text = writeRegistry(state, format)
  if (output === undefined) terminal.stdout.write(text)
  else writeOutput(path.resolve(terminal.cwd, output), text)
  const { providers, models, routes, version } = state
  printNote(
    terminal,
    `note: ${counted(providers.length, 'provider')}, ${counted(models.length, 'model')} and ${counted(routes.length, 'route')}, as of version ${version}`,
  )
  return exitCodes.ok
}

function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new UsageError(`${file}: it cannot be written (${reason}).`)
  }
}
