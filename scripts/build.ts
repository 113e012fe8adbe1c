/** Builds dist/ from src/ for the package. */
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, runSteps, tools } from './run-step.ts'

rmSync(join(root, 'dist'), { recursive: true, force: true })
const built = await runSteps([
  ['Prisma client', ['scripts/generate-prisma.ts']],
  ['dist/', [tools.tsc, '-p', 'tsconfig.build.json']],
])
if (built) chmodSync(join(root, 'dist/cli/main.js'), 0o755)
