import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again until the condition holds. @throws after the time limit, with what was waited for */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  { timeoutMs = 30_000, intervalMs = 50 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; ; ) {
    if (await condition()) return
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await delay(intervalMs)
  }
}
