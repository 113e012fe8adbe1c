/** `npm run test:full`: what takes too long for every change. About an hour and a quarter. */
import { runStep, tools } from './run-step.ts'

const unit = [tools.vitest, 'run', '--project', 'unit']
const steps: readonly [title: string, args: readonly string[], env?: Record<string, string>][] = [
  ['Prisma client', ['scripts/generate-prisma.ts']],
  ['simulation, 200,000 schedules', [...unit, 'test/unit/simulation'], { SIM_SCHEDULES: '200000' }],
  ['fuzzing of stream readers, 10 minutes', [...unit, 'test/unit/providers/fuzz'], { FUZZ_SECONDS: '600' }],
  ['slow integration tests', [tools.vitest, 'run', '--config', 'vitest.slow.config.ts']],
  ['clients in TypeScript, Python and Java', [tools.vitest, 'run', '--project', 'languages']],
  ['outputs that the docs show', ['scripts/docs-cli.ts', '--check']],
  ['report pages in a browser', ['scripts/browser-pages.ts']],
  ['fault suite', ['scripts/faults.ts']],
  ['whether the fault suite would notice', ['scripts/sabotage.ts']],
]

for (const [title, args, env] of steps) {
  if (await runStep(title, args, env)) continue
  process.exitCode = 1
  break
}
