/** Types, lint, format, licences, and that generated files match their sources. */
import { checkSteps } from './check-steps.ts'
import { runSteps } from './run-step.ts'

await runSteps(checkSteps)
