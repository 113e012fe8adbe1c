/** `npm test`: everything that CI runs, the short form of the fault suite included. Ends with the line `tests: N passed, N failed`. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkSteps } from './check-steps.ts'
import { root, runStep, runSteps, tools } from './run-step.ts'

const known = ['--offline']
const unknown = process.argv.slice(2).filter((argument) => !known.includes(argument))
if (unknown.length > 0) {
  console.error(
    `npm test takes ${known.join(', ')} only, not ${unknown.join(' ')}. For one file: npm run test:unit -- PATH`,
  )
  process.exit(2)
}

// vitest's processes learn of it by the environment.
if (process.argv.includes('--offline')) process.env['MODEL_SERVICE_TEST_OFFLINE'] = '1'

const report = join(root, '.model-service', 'test-report.json')
mkdirSync(join(root, '.model-service'), { recursive: true })
rmSync(report, { force: true })

const startedAt = performance.now()
if (await runSteps(checkSteps)) {
  const passed = await runStep('unit, contract and integration tests', [
    tools.vitest,
    'run',
    ...['unit', 'contract', 'integration'].flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  if (!passed) process.exitCode = 1
  else if (!(await runStep('faults, short form', ['scripts/faults.ts', '--short']))) process.exitCode = 1
}
const counts = existsSync(report)
  ? (JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number })
  : { numPassedTests: 0, numFailedTests: 0 }
if (counts.numPassedTests === 0) process.exitCode = 1
console.log(`in ${((performance.now() - startedAt) / 60_000).toFixed(1)} min`)
console.log(`tests: ${counts.numPassedTests} passed, ${counts.numFailedTests} failed`)
