/**
 * Starts a stack with the options given as JSON and stays, to be ended from outside.
 * Prints one JSON line: `{"addresses":…}` when it is up, `{"code":…,"message":…}` when it could not be.
 */
import { StackError, startStack } from '../../../src/stack/stack.ts'

try {
  const { addresses } = await startStack(JSON.parse(process.argv[2] ?? '{}'))
  console.log(JSON.stringify({ addresses }))
  setInterval(() => {}, 60_000)
} catch (error) {
  if (!(error instanceof StackError)) throw error
  console.log(JSON.stringify({ code: error.code, message: error.message }))
  process.exitCode = 1
}
