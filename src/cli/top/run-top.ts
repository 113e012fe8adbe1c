/** The parts of `top` put together: a reader of performance events, two polls, a screen. */
import type { Admin } from 'kafkajs'
import type { Pool } from 'pg'
import { repeat, systemTimers } from '../../delivery/timers.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { lagCounts } from '../../events/committed-offsets.ts'
import { readTopics, topicBounds } from '../../events/topic-reader.ts'
import { withAdmin } from '../../events/with-admin.ts'
import { type ReadingGroup, workerGroups } from '../../events/worker-groups.ts'
import { withCliDatabase } from '../cli-database.ts'
import { cliEnvironment, cliSettings } from '../cli-settings.ts'
import { decodeIfReadable } from '../decode-if-readable.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type KafkaSession, withKafkaSession } from '../kafka-session.ts'
import { printNote, type Terminal } from '../terminal.ts'
import type { TopOptions } from './command.ts'
import { readWorkers } from './poll-database.ts'
import { openTopScreen } from './top-screen.ts'
import { type Polled, type TopicLag, TopState } from './top-state.ts'

/** Lags and workers are asked for so often, in ms. */
const pollMs = 1_000

/** Carries out `top`. @throws CONFIGURATION_INVALID, TOPIC_MISSING, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE */
export async function runTop(options: TopOptions, terminal: Terminal): Promise<ExitCode> {
  const { kafka } = cliSettings(terminal, ['kafka'])
  const groups = Object.values(workerGroups(kafka))
  const run = (session: KafkaSession, pool: Pool | null) =>
    withAdmin(session.kafka, (admin) => look({ session, admin, pool, groups }, options, terminal))
  await withKafkaSession(terminal, async (session) => {
    if (!options.database) return await run(session, null)
    const env = cliEnvironment(terminal)
    if ((env['DATABASE_URL'] ?? env['DATABASE_URL_FILE'] ?? '') === '') {
      printNote(terminal, 'note: DATABASE_URL is not set, so the workers are not shown')
      return await run(session, null)
    }
    return await withCliDatabase(terminal, ({ pool }) => run(session, pool))
  })
  return exitCodes.ok
}

interface Sources {
  session: KafkaSession
  admin: Admin
  /** Null leaves the workers out. */
  pool: Pool | null
  groups: readonly ReadingGroup[]
}

async function look({ session, admin, pool, groups }: Sources, options: TopOptions, terminal: Terminal): Promise<void> {
  const ending = new AbortController()
  const signal = AbortSignal.any([terminal.signal, ending.signal])
  const state = new TopState(Date.now())
  const releases: (() => Promise<void> | void)[] = []
  try {
    const every = (run: () => Promise<void>): void => {
      releases.push(repeat(systemTimers, { run: () => run().then(() => pollMs) }))
    }
    every(async () => state.setLags(await polled(readLags(admin, groups))))
    if (pool === null) state.setWorkers({ value: null, problem: 'not asked for: the database is left out' })
    else every(async () => state.setWorkers(await polled(readWorkers(pool))))

    const screen = openTopScreen(terminal, {
      json: options.json === true,
      once: options.once === true,
      onQuit: () => ending.abort(),
    })
    releases.push(() => screen.close())
    const show = (): void => screen.show(state.snapshot(Date.now()))
    if (options.once !== true) {
      const showAgain = async (): Promise<number> => {
        show()
        return options.interval
      }
      releases.push(repeat(systemTimers, { run: showAgain }))
    }
    const onStarted = (): void => {
      state.begin(Date.now())
      if (options.once === true) releases.push(systemTimers.after(options.for, () => ending.abort()))
    }
    await readEvents(session, state, { signal, onStarted })
    // Stopped by the user before its time, --once still says what it has seen.
    if (options.once === true) show()
  } finally {
    for (const release of releases.reverse()) await release()
  }
}

/** How far the groups are behind, by topic. About a missing topic the library would ask for ever, and keep the process up. */
async function readLags(admin: Admin, groups: readonly ReadingGroup[]): Promise<TopicLag[]> {
  const existing = new Set(await admin.listTopics())
  const lags = groups.map(async ({ groupId: group, topics }) => {
    const there = topics.filter((topic) => existing.has(topic))
    const counts = await lagCounts(admin, group, there)
    return [...counts].map(([topic, lagCount]) => ({ topic, group, lagCount }))
  })
  return (await Promise.all(lags)).flat()
}

/** Reads performance events as they come, until the signal. */
async function readEvents(
  session: KafkaSession,
  state: TopState,
  options: { signal: AbortSignal; onStarted(): void },
): Promise<void> {
  const topic = session.topic('performance')
  const { next } = await topicBounds(session.kafka, [topic])
  await readTopics({
    kafka: session.kafka,
    topics: [topic],
    from: next,
    ...options,
    onRecord: async ({ value }) => {
      const event = await decodeIfReadable(session, 'PerformanceEvent', value)
      if (event !== undefined) state.add(event, Date.now())
      return undefined
    },
  })
}

/** What is away is shown in its place; the rest goes on. */
async function polled<T>(asked: Promise<T>): Promise<Polled<T>> {
  try {
    return { value: await asked, problem: null }
  } catch (error) {
    return { value: null, problem: error instanceof ModelServiceError ? error.code : 'BROKER_UNAVAILABLE' }
  }
}
