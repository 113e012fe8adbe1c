/** Runs vitest with the given arguments, after generating what it needs. */
import { runSteps, tools } from './run-step.ts'

const given = process.argv.slice(2).filter((argument) => argument !== '--offline')
if (process.argv.includes('--offline')) process.env['MODEL_SERVICE_TEST_OFFLINE'] = '1'
await runSteps([
  ['Prisma client', ['scripts/generate-prisma.ts']],
  ['tests', [tools.vitest, 'run', ...given]],
])
