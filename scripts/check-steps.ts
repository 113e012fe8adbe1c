import { tools } from './run-step.ts'

/** What `npm run check` and the first part of `npm test` do. */
export const checkSteps: [title: string, args: readonly string[]][] = [
  ['Prisma client', ['scripts/generate-prisma.ts']],
  ['contract types match schemas/', ['scripts/generate-contract.ts', '--check']],
  ['documentation tables match the code', ['scripts/generate-docs.ts', '--check']],
  ['licences', ['scripts/check-licences.ts']],
  ['lint and format', [tools.biome, 'ci', '--error-on-warnings']],
  ['types', [tools.tsc, '-p', 'tsconfig.json']],
]
