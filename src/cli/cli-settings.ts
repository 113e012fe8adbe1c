import path from 'node:path'
import { type Environment, loadSettings } from '../config/load-settings.ts'
import { misspeltSettings } from '../config/misspelt-settings.ts'
import type { Settings, SettingsGroup } from '../config/settings-schema.ts'
import { judgeState, readState } from '../stack/stack-state.ts'
import { printNote, type Terminal } from './terminal.ts'

/**
 * The settings that a command needs: these groups, or all when none are named. Where none of the three addresses is set and a local stack runs in this folder, that
 * stack is used, and a note says so.
 * @throws CONFIGURATION_INVALID
 */
export function cliSettings(terminal: Terminal): Settings
export function cliSettings<G extends SettingsGroup>(terminal: Terminal, groups: readonly G[]): Pick<Settings, G>
export function cliSettings(terminal: Terminal, groups?: readonly SettingsGroup[]): Partial<Settings> {
  for (const { given, meant } of misspeltSettings(terminal.env)) {
    noteOnce(terminal, `warning: the variable ${given} is not a setting; did you mean ${meant}?`)
  }
  const env = cliEnvironment(terminal)
  return groups === undefined ? loadSettings(env) : loadSettings(env, groups)
}

/** The environment, completed with the addresses of the local stack as {@link cliSettings} says. */
export function cliEnvironment(terminal: Terminal): Environment {
  const { env } = terminal
  const isAddressed = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'DATABASE_URL', 'DATABASE_URL_FILE'].some(
    (name) => (env[name] ?? '') !== '',
  )
  if (isAddressed) return env
  const dataDirectory = path.join(terminal.cwd, '.model-service', 'stack')
  const state = readState(dataDirectory)
  const isUp = ['detached-running', 'owner-alive'].includes(judgeState(state))
  if (!isUp || state?.addresses === undefined) return env
  noteOnce(terminal, `note: using the local stack in ${path.relative(terminal.cwd, dataDirectory)}`)
  return { ...env, ...stackVariables(state.addresses) }
}

/** A command asks for its settings part by part; what there is to note of them is said once. */
const noted = new WeakMap<Terminal, Set<string>>()

function noteOnce(terminal: Terminal, note: string): void {
  const earlier = noted.get(terminal) ?? new Set()
  noted.set(terminal, earlier)
  if (earlier.has(note)) return
  earlier.add(note)
  printNote(terminal, note)
}

/** The settings that point a worker or a command at a stack. */
export function stackVariables(addresses: {
  kafkaBrokers: string
  schemaRegistryUrl: string
  databaseUrl: string
}): Record<'KAFKA_BROKERS' | 'SCHEMA_REGISTRY_URL' | 'DATABASE_URL', string> {
  return {
    KAFKA_BROKERS: addresses.kafkaBrokers,
    SCHEMA_REGISTRY_URL: addresses.schemaRegistryUrl,
    DATABASE_URL: addresses.databaseUrl,
  }
}
