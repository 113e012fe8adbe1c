import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { endCompose } from './compose.ts'
import { endProcess } from './end-process.ts'
import { StackError } from './stack-error.ts'
import { type PartState, removeState, type StackState } from './stack-state.ts'

/**
 * How the name of a start's data folder begins; the rest is random. A start that was killed may leave a command behind
 * that still writes its files (initdb, Kafka's format): it must not meet those of the next start.
 */
export const RUN_PREFIX = 'run-'

/** Told about each part as it ends. */
export type TellEnd = (part: string, message: string) => void

/**
 * Ends everything that a state names, all at once, and removes its files. What could not be ended stays in state.json.
 * @throws STACK_PART_FAILED
 */
export async function endStack(dataDirectory: string, state: StackState, tell: TellEnd): Promise<void> {
  const survivors = (await Promise.all(state.parts.map((part) => endPart(part, tell)))).filter(
    (part) => part !== undefined,
  )
  if (state.composeProject !== undefined) {
    await endCompose(state.composeProject)
    tell('compose', 'ended')
  }
  if (survivors.length > 0) {
    const names = survivors.map(({ name, process }) => `${name} (process ${process?.pid})`).join(', ')
    throw new StackError('STACK_PART_FAILED', `Not even SIGKILL ended ${names}.`, 'End it by hand, then try again.')
  }
  removeStackFiles(dataDirectory, state)
}

/**
 * Removes the data of a stack that has ended; state.json goes last, for it is the claim on the directory. Logs stay
 * until the next start. Data never outlives a stack: the registry forgets its ids, so that kept topics could not be read.
 */
export function removeStackFiles(dataDirectory: string, state: StackState): void {
  const own = readdirSync(dataDirectory)
    .filter((name) => name.startsWith(RUN_PREFIX))
    .map((name) => path.join(dataDirectory, name))
  const foreign = state.foreignDirectories.filter((directory) => path.basename(directory).startsWith('model-service-'))
  for (const directory of [...own, ...foreign]) rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  removeState(dataDirectory)
}

async function endPart(part: PartState, tell: TellEnd): Promise<PartState | undefined> {
  if (part.process === undefined) return undefined
  const how = await endProcess(part.process, { signal: part.stopSignal ?? 'SIGTERM' })
  const words = { gone: 'had ended before', ended: 'ended', killed: 'ended by SIGKILL', survived: 'could not be ended' }
  tell(part.name, words[how])
  if (part.archive !== undefined) {
    // Only an orderly end writes the archive whole.
    if (how === 'ended' && existsSync(part.archive.temporary)) renameSync(part.archive.temporary, part.archive.final)
    else rmSync(part.archive.temporary, { force: true })
  }
  return how === 'survived' ? part : undefined
}
