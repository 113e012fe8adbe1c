import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, type ProcessIdentity } from './process-identity.ts'

/** How a process is asked to end. PostgreSQL: SIGINT, for SIGTERM waits until every client has left. */
export type StopSignal = 'SIGTERM' | 'SIGINT'

/** After the polite signal, this long until SIGKILL. */
export const STOP_GRACE_MS = 15_000

const POLL_MS = 20
const KILL_WAIT_MS = 5_000

/** Signals the group that `pid` leads, so that what it started gets it too. False when there is no such group. */
export function endProcessGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}

/**
 * Ends a process and its group: politely, after `graceMs` by SIGKILL. Does nothing when the number now belongs to
 * another process.
 * @returns how it went; `survived` means that even SIGKILL did not help within 5 s.
 */
export async function endProcess(
  identity: ProcessIdentity,
  { signal, graceMs = STOP_GRACE_MS }: { signal: StopSignal; graceMs?: number },
): Promise<'gone' | 'ended' | 'killed' | 'survived'> {
  if (!isAlive(identity)) return 'gone'
  endProcessGroup(identity.pid, signal)
  if (await isGoneWithin(identity, graceMs)) {
    // The leader is gone; a grandchild that ignored the signal would hold ports and files. An empty group is no error.
    endProcessGroup(identity.pid, 'SIGKILL')
    return 'ended'
  }
  endProcessGroup(identity.pid, 'SIGKILL')
  return (await isGoneWithin(identity, KILL_WAIT_MS)) ? 'killed' : 'survived'
}

async function isGoneWithin(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs
  while (isAlive(identity)) {
    if (performance.now() >= deadline) return false
    await sleep(POLL_MS)
  }
  return true
}
