import type { Command } from 'commander'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import type { ExitCode } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { paint, printable, printJson, printLine, type Terminal } from '../terminal.ts'
import { exitCodeOf, type FindingStatus, type NamedFinding } from './finding.ts'

/** `doctor`: looks at everything that a worker needs. */
export function addDoctorCommand(program: Command, run: RunAction): void {
  withCommonOptions(
    program.command('doctor').description('look at settings and dependencies, and say what is wrong and what to do'),
    [
      ['everything, with the settings of the workers', 'doctor'],
      ['for a deployment: exit code 0 only when nothing is wrong', 'doctor --json'],
    ],
  )
    .addHelpText(
      'after',
      '\nNothing is changed, no provider is called and no key is shown. Each check stands for itself and has 20 s. Exit code 1' +
        '\nwhen something is wrong, 3 when something is away; warnings alone give 0.',
    )
    .action((options: CommonOptions) => run(options, (terminal) => doctor(options, terminal)))
}

async function doctor(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  const { openDoctorContext } = await import('./doctor-context.ts')
  const { runChecks } = await import('./run-checks.ts')
  const { processChecks } = await import('./process-checks.ts')
  const { kafkaChecks } = await import('./kafka-checks.ts')
  const { databaseChecks } = await import('./database-checks.ts')
  const { registryChecks } = await import('./registry-checks.ts')
  const context = openDoctorContext(terminal)
  try {
    const checks = [processChecks, kafkaChecks, databaseChecks, registryChecks].flatMap((make) => make(context))
    const findings = await runChecks(checks)
    if (options.json === true) printJson(terminal, { findings, exitCode: exitCodeOf(findings) })
    else print(terminal, findings)
    return exitCodeOf(findings)
  } finally {
    await context.close()
  }
}

const marks: Record<FindingStatus, { text: string; style: 'green' | 'yellow' | 'red' | 'dim' }> = {
  ok: { text: 'ok  ', style: 'green' },
  warn: { text: 'warn', style: 'yellow' },
  fail: { text: 'FAIL', style: 'red' },
  away: { text: 'AWAY', style: 'red' },
  skipped: { text: 'skip', style: 'dim' },
}

function print(terminal: Terminal, findings: readonly NamedFinding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length))
  for (const { check, status, what, action } of findings) {
    const { text, style } = marks[status]
    printLine(
      terminal,
      `${paint(terminal, style, text)}  ${check.padEnd(width)}  ${printable(what).replaceAll('\n', ' ')}`,
    )
    if (action !== '') printLine(terminal, `      ${' '.repeat(width)}  ${paint(terminal, 'dim', `→ ${action}`)}`)
  }
  const count = (wanted: FindingStatus) => findings.filter(({ status }) => status === wanted).length
  printLine(
    terminal,
    `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} wrong, ${count('away')} away, ${count('skipped')} not looked at`,
  )
}
