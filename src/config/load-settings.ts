import { readFileSync } from 'node:fs'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Setting, SettingGroup } from './setting.ts'
import { type Settings, type SettingsGroup, settingsSchema } from './settings-schema.ts'

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

type AnyGroup = SettingGroup<Record<string, Setting<unknown>>>
type Reading = { value: unknown } | { problem: string }

/**
 * Reads the settings of some groups (all, when none are named) from environment variables, checks all of them, and
 * freezes them. An empty variable counts as not set. A secret may be given as `<NAME>_FILE`: the path of a file that
 * holds it; one line end at the end of the file does not count.
 *
 * @throws CONFIGURATION_INVALID naming every problem at once; values of secrets are never shown
 */
export function loadSettings(env: Environment): Settings
export function loadSettings<G extends SettingsGroup>(env: Environment, groups: readonly G[]): Pick<Settings, G>
export function loadSettings(env: Environment, groups?: readonly SettingsGroup[]): Partial<Settings> {
  const problems: string[] = []
  const settings: Record<string, unknown> = {}
  for (const name of groups ?? (Object.keys(settingsSchema) as SettingsGroup[])) {
    // The table keeps the exact types of its groups; here every group is read alike.
    settings[name] = readGroup(settingsSchema[name] as unknown as AnyGroup, env, problems)
  }
  if (problems.length > 0) {
    const count = problems.length === 1 ? 'One setting is' : `${problems.length} settings are`
    throw new ModelServiceError(
      'CONFIGURATION_INVALID',
      `${count} missing or invalid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    )
  }
  return Object.freeze(settings) as Partial<Settings>
}

/** A group's rules are looked at only when each of its settings can be read. */
function readGroup(group: AnyGroup, env: Environment, problems: string[]): unknown {
  const values: Record<string, unknown> = {}
  let readable = true
  for (const [property, setting] of Object.entries(group.settings)) {
    const reading = readSetting(setting, env)
    if ('problem' in reading) {
      readable = false
      problems.push(reading.problem)
    } else {
      values[property] = reading.value
    }
  }
  if (readable) {
    problems.push(...group.rules.map((rule) => rule(values)).filter((problem) => problem !== null))
  }
  return Object.freeze(values)
}

function readSetting(setting: Setting<unknown>, env: Environment): Reading {
  const given = readText(setting, env)
  if (given !== null && 'problem' in given) return given
  const raw = given?.text ?? setting.default
  if (raw === null) {
    return setting.required
      ? { problem: `${setting.env} is not set: expected ${setting.type.expected}` }
      : { value: null }
  }
  const parsed = setting.type.schema.safeParse(raw)
  if (parsed.success) return { value: parsed.data }
  const shown = setting.secret ? 'has a value that is not shown' : `is ${JSON.stringify(raw.slice(0, 200))}`
  // What the type itself says of the value; never for secrets, of which it might repeat something.
  const issues = setting.secret ? [] : parsed.error.issues.filter(({ code }) => code === 'custom')
  const detail = issues.map(({ message }) => message).filter((message) => message !== 'Invalid input')
  const why = detail.length === 0 ? '' : ` (${detail.join('; ')})`
  return { problem: `${given?.name ?? setting.env} ${shown}${why}: expected ${setting.type.expected}` }
}

/** The text of a setting and the variable that it came from; null when it is not set. */
function readText(
  setting: Setting<unknown>,
  env: Environment,
): { name: string; text: string } | { problem: string } | null {
  const direct = env[setting.env] ?? ''
  const fileName = `${setting.env}_FILE`
  const file = setting.secret ? (env[fileName] ?? '') : ''
  if (direct !== '' && file !== '') {
    return { problem: `${setting.env} and ${fileName} are both set: expected one of them` }
  }
  if (direct !== '') return { name: setting.env, text: setting.secret ? direct : direct.trim() }
  if (file === '') return null
  try {
    const content = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    return content === ''
      ? { problem: `${fileName} is ${JSON.stringify(file)}: expected a file that is not empty` }
      : { name: fileName, text: content }
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return { problem: `${fileName} is ${JSON.stringify(file)}: expected a file that can be read${reason}` }
  }
}
