import { isWithinDistance } from './edit-distance.ts'
import type { Environment } from './load-settings.ts'
import { settingsSchema } from './settings-schema.ts'

/** A variable that looks like a setting but is none. */
export interface MisspeltSetting {
  /** The variable as it is set. */
  given: string
  /** The setting that was probably meant. */
  meant: string
}

const unitSuffix = /_(MS|BYTES|COUNT|DAYS)$/

/**
 * Variables that are probably misspelt settings: two letters away at most, or without the unit or with another one. Other
 * programs have variables that begin like ours (`KAFKA_OPTS`), so a prefix alone means nothing.
 */
export function misspeltSettings(env: Environment): MisspeltSetting[] {
  const known = knownVariables()
  const found: MisspeltSetting[] = []
  for (const given of Object.keys(env).sort()) {
    if (known.has(given) || given.length < 6) continue
    const upper = given.toUpperCase()
    const meant = [...known].find(
      (name) =>
        name === upper ||
        name.replace(unitSuffix, '') === upper.replace(unitSuffix, '') ||
        isWithinDistance(upper, name, name.length < 10 ? 1 : 2),
    )
    if (meant !== undefined) found.push({ given, meant })
  }
  return found
}

/** Names of all variables that settings are read from. */
export function knownVariables(): Set<string> {
  const names = new Set<string>()
  for (const group of Object.values(settingsSchema)) {
    for (const setting of Object.values(group.settings)) {
      names.add(setting.env)
      if (setting.secret) names.add(`${setting.env}_FILE`)
    }
  }
  return names
}
