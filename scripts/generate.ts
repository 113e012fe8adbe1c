/** Writes everything that is generated: contract types and docs (committed), the Prisma client (not committed). */
import { runSteps } from './run-step.ts'

await runSteps([
  ['contract types from schemas/', ['scripts/generate-contract.ts']],
  ['Prisma client', ['scripts/generate-prisma.ts']],
  ['documentation tables', ['scripts/generate-docs.ts']],
  ['third-party notices', ['scripts/check-licences.ts', '--write']],
])
