import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from '../scripts/run-step.ts'
import type { MockCommand, MockMessage, MockStats } from './mock-provider.ts'

/** The mock provider, seen from the run. */
export interface BenchProvider {
  /** Address to put before `/chat/completions`. */
  baseUrl: string
  setLatency(ms: number): void
  stats(): Promise<MockStats>
  stop(): void
}

/** Starts the mock provider. */
export async function startProvider(): Promise<BenchProvider> {
  const child = fork(join(root, 'bench/mock-provider.ts'), { stdio: 'inherit' })
  const message = await nextMessage(child)
  if (message.type !== 'listening') throw new Error('the mock provider did not say where it listens')
  const send = (command: MockCommand) => child.send(command)
  let asking: Promise<unknown> = Promise.resolve()
  return {
    baseUrl: `http://127.0.0.1:${message.port}/v1`,
    setLatency: (ms) => {
      send({ type: 'latency', ms })
    },
    stats() {
      const asked = asking.then(async () => {
        const answered = nextMessage(child)
        send({ type: 'stats' })
        const stats = await answered
        if (stats.type !== 'stats') throw new Error('the mock provider answered something else')
        return stats
      })
      asking = asked.catch(() => {})
      return asked
    },
    stop: () => child.disconnect(),
  }
}

async function nextMessage(child: ChildProcess): Promise<MockMessage> {
  const ended = new AbortController()
  try {
    return await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(([message]) => message as MockMessage),
      once(child, 'exit', { signal: ended.signal }).then(() => {
        throw new Error('the mock provider has ended')
      }),
    ])
  } finally {
    ended.abort()
  }
}
