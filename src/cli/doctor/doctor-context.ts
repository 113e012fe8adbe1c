import type { Kafka } from 'kafkajs'
import { loadSettings } from '../../config/load-settings.ts'
import { type Settings, type SettingsGroup, settingsSchema } from '../../config/settings-schema.ts'
import { toLedgerError } from '../../delivery/sql/batch-statement.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import type { Database } from '../../registry/database.ts'
import { cliEnvironment } from '../cli-settings.ts'
import type { Terminal } from '../terminal.ts'
import { type Check, type Finding, NotLookedAt } from './finding.ts'

/** What checks look with; opened at the first use, once for all of them. */
export interface DoctorContext {
  env: Terminal['env']
  /** The groups of settings that are valid. */
  settings: Partial<Settings>
  /** What is wrong with the others. */
  problems: string[]
  /** @throws BROKER_UNAVAILABLE, CONFIGURATION_INVALID, NotLookedAt */
  kafka(): Promise<Kafka>
  /** @throws DATABASE_UNAVAILABLE, NotLookedAt */
  database(): Promise<Database>
  close(): Promise<void>
}

/** The check, left out when what it asks is away: the first check of that dependency tells of it. */
export function afterReaching(open: () => Promise<unknown>, what: string, check: Check): Check {
  const run = async (): Promise<readonly Finding[]> => {
    try {
      await open()
    } catch (error) {
      throw error instanceof NotLookedAt ? error : new NotLookedAt(`${what} cannot be asked`)
    }
    return await check.run()
  }
  return { ...check, run }
}

/** Reads the settings group by group, so that one mistake hides nothing else. */
export function openDoctorContext(terminal: Terminal): DoctorContext {
  const env = cliEnvironment(terminal)
  const settings: Partial<Settings> = {}
  const problems: string[] = []
  for (const group of Object.keys(settingsSchema) as SettingsGroup[]) {
    try {
      Object.assign(settings, loadSettings(env, [group]))
    } catch (error) {
      if (!(error instanceof ModelServiceError)) throw error
      problems.push(
        ...error.message
          .split('\n')
          .slice(1)
          .map((line) => line.replace(/^ {2}- /, '')),
      )
    }
  }
  let kafka: Promise<Kafka> | undefined
  let database: Promise<Database> | undefined
  return {
    env,
    settings,
    problems,
    kafka: () => {
      kafka ??= openKafka(settings)
      return kafka
    },
    database: () => {
      database ??= openDatabase(settings)
      return database
    },
    close: async () => {
      await database?.then((opened) => opened.close()).catch(() => {})
    },
  }
}

/** The group, for a check that cannot do without it. @throws NotLookedAt */
export function needed<G extends SettingsGroup>(settings: Partial<Settings>, group: G): Settings[G] {
  const found = settings[group]
  if (found === undefined)
    throw new NotLookedAt(`the settings of "${settingsSchema[group].title}" are missing or invalid`)
  // `Settings` is a mapped type, of which the compiler does not follow one property.
  return found as Settings[G]
}

/** Connects at once, so that what is away is known by all who ask. @throws DATABASE_UNAVAILABLE */
async function openDatabase(settings: Partial<Settings>): Promise<Database> {
  const { url, statementTimeoutMs, connectTimeoutMs } = needed(settings, 'database')
  const { openDatabase: open } = await import('../../registry/database.ts')
  const database = open({
    url,
    maxConnectionCount: 4,
    connectTimeoutMs: Math.min(connectTimeoutMs, 5_000),
    statementTimeoutMs: Math.min(statementTimeoutMs, 15_000),
    applicationName: 'model-service doctor',
  })
  try {
    await database.pool.query('SELECT 1')
    return database
  } catch (error) {
    await database.close()
    throw toLedgerError(error)
  }
}

async function openKafka(settings: Partial<Settings>): Promise<Kafka> {
  const { openCliKafka } = await import('../kafka-session.ts')
  return await openCliKafka(needed(settings, 'kafka'))
}
