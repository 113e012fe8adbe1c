import { setTimeout as delay } from 'node:timers/promises'

/** Looks again and again until there is something; rejects after the time limit (default 30 s). */
export async function until<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  timeoutMs = 30_000,
): Promise<T> {
  for (const deadline = performance.now() + timeoutMs; ; ) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await delay(20)
  }
}
