import { type Context, createContext, Script } from 'node:vm'

interface Watched {
  context: Context & { run?: () => unknown }
  script: Script
}

let watched: Watched | undefined

/**
 * Runs a synchronous function and ends it when it takes too long: V8 stops it wherever it is, in loops and in regular expressions
 * alike. Twice the limit is the worst, because a pause of the whole process looks like slow code, so that it gets a second try. What
 * it works on may be left half done: give it nothing that others use. (`timeout` of node:vm holds for all code that runs within the
 * script, not only for the script's own.)
 * @throws TimeLimitPassed, and whatever the function throws
 */
export function runLimited<T>(run: () => T, limitMs: number): T {
  watched ??= { context: createContext({}), script: new Script('run()') }
  for (let triesLeft = 1; ; triesLeft--) {
    // Kept here: a value that came out of the script would have no type.
    const results: T[] = []
    watched.context.run = () => {
      results.push(run())
    }
    try {
      watched.script.runInContext(watched.context, { timeout: limitMs })
      return results[0] as T
    } catch (error) {
      if (!isTimeout(error)) throw error
      if (triesLeft === 0) throw new TimeLimitPassed(limitMs)
    } finally {
      delete watched.context.run
    }
  }
}

/** The function was ended. */
export class TimeLimitPassed extends Error {
  override readonly name = 'TimeLimitPassed'

  constructor(limitMs: number) {
    super(`took more than ${limitMs} ms`)
  }
}

/** Not by its class: it is an Error of the script's own realm. */
function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}
