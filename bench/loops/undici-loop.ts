/**
 * The bare limit: calls the provider and does nothing else, as many at a time as it is told. On a line `pace` on its input
 * it goes over to 100 calls a second for the seconds that follow the word, and writes as JSON what each took beyond the
 * provider's own time, in ms.
 */
import { createInterface } from 'node:readline'
import { benchBody, providerMsOf } from '../workload.ts'
import { createChatCall } from './chat-call.ts'
import { loopSettings } from './loop-settings.ts'

const { providerUrl, inFlight } = loopSettings()
const call = createChatCall(providerUrl)
let flooding = true

async function lane(): Promise<void> {
  while (flooding) await call(benchBody)
}

async function pace(seconds: number): Promise<void> {
  flooding = false
  await Promise.all(lanes)
  const added: number[] = []
  const calls: Promise<void>[] = []
  const begunAt = performance.now()
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.floor((performance.now() - begunAt) / 10)
      while (calls.length < due && calls.length < seconds * 100) calls.push(timed(added))
      if (calls.length < seconds * 100) return
      clearInterval(timer)
      resolve()
    }, 5)
  })
  await Promise.all(calls)
  process.stdout.write(`${JSON.stringify(added)}\n`)
}

async function timed(added: number[]): Promise<void> {
  const sentAt = performance.now()
  const { text } = await call(benchBody)
  added.push(performance.now() - sentAt - providerMsOf(text))
}

const lanes = Array.from({ length: inFlight }, () => lane())
createInterface({ input: process.stdin }).on('line', (line) => {
  const [, seconds] = /^pace (\d+)$/.exec(line) ?? []
  if (seconds !== undefined) void pace(Number(seconds))
})
process.on('SIGTERM', () => process.exit(0))
