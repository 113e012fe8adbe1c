import { z } from 'zod'

/** What a setting's text may be: how it is read, and what is said when it cannot be. */
export interface ValueType<T> {
  schema: z.ZodType<T, string>
  /** Completes "expected …". */
  expected: string
  /** Whether 0 is allowed; then the setting must say what it means. */
  allowsZero?: boolean
}

/** One setting: an environment variable, and all that is known of it. */
export interface Setting<T> {
  /** Name of the variable. It ends in the unit: `_MS`, `_BYTES`, `_COUNT` or `_DAYS`, where there is one. */
  env: string
  type: ValueType<T>
  /** As one would write it; null when there is none. */
  default: string | null
  required: boolean
  /** Never shown; may be given as `<NAME>_FILE` instead. */
  secret: boolean
  /** What 0 means, where 0 is allowed. */
  zero: string | null
  /** A value for .env.example, where there is no default to show; those of compose.yaml. */
  example: string | null
  /** What it does, in a sentence or two. */
  description: string
}

/** Settings that belong together. `rules` look at several of them and give a problem, or null. */
export interface SettingGroup<TSettings extends Record<string, Setting<unknown>>> {
  title: string
  settings: TSettings
  rules: readonly ((values: GroupValues<TSettings>) => string | null)[]
}

/** The values of a group, by property name. */
export type GroupValues<TSettings extends Record<string, Setting<unknown>>> = {
  readonly [K in keyof TSettings]: TSettings[K] extends Setting<infer T> ? T : never
}

/** What a setting may say beside name, type and description. */
type Extra = Partial<Pick<Setting<unknown>, 'secret' | 'zero' | 'example'>>

const nothing = { secret: false, zero: null, example: null }

/** A setting that must be given. */
export function required<T>(env: string, type: ValueType<T>, description: string, extra: Extra = {}): Setting<T> {
  return { env, type, default: null, required: true, description, ...nothing, ...extra }
}

/** A setting that may be left out and is null then. */
export function optional<T>(
  env: string,
  type: ValueType<T>,
  description: string,
  extra: Extra = {},
): Setting<T | null> {
  return { env, type, default: null, required: false, description, ...nothing, ...extra }
}

/** A setting with a default, written as one would write the variable. */
export function defaulting<T>(
  env: string,
  type: ValueType<T>,
  value: string,
  description: string,
  extra: Extra = {},
): Setting<T> {
  return { env, type, default: value, required: false, description, ...nothing, ...extra }
}

/** Ties a group's rules to the types of its settings. */
export function group<TSettings extends Record<string, Setting<unknown>>>(
  title: string,
  settings: TSettings,
  rules: SettingGroup<TSettings>['rules'] = [],
): SettingGroup<TSettings> {
  return { title, settings, rules }
}

/** The unit that the name of a setting ends in, in words; null when it has none. */
export function unitOf(env: string): string | null {
  const units: Record<string, string> = { MS: 'ms', BYTES: 'bytes', COUNT: 'count', DAYS: 'days' }
  return units[env.slice(env.lastIndexOf('_') + 1)] ?? null
}

/** Any text that is not empty. */
export const text: ValueType<string> = { schema: z.string().min(1), expected: 'a text' }

/** The path of a file or folder. */
export const filePath: ValueType<string> = { schema: z.string().min(1), expected: 'a path' }

/** `true` or `false`. */
export const flag: ValueType<boolean> = {
  schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
  expected: 'true or false',
}

/** A whole number between two bounds, both included. */
export function integer(min: number, max: number): ValueType<number> {
  const schema = z.string().regex(/^\d+$/).transform(Number).pipe(z.number().int().min(min).max(max))
  return { schema, expected: `a whole number from ${min} to ${max}`, allowsZero: min === 0 }
}

/** One of several words. */
export function choice<const TWords extends readonly [string, ...string[]]>(words: TWords): ValueType<TWords[number]> {
  return { schema: z.enum(words), expected: `one of ${words.join(', ')}` }
}

/** A text of a shape. */
export function pattern(shape: RegExp, expected: string): ValueType<string> {
  return { schema: z.string().regex(shape), expected }
}

/** Items separated by commas, each of a shape; empty ones and spaces around them do not count. */
export function list(item: RegExp, expected: string, minCount = 0): ValueType<readonly string[]> {
  const schema = z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .transform((parts) => parts.filter((part) => part !== ''))
    .pipe(z.array(z.string().regex(item)).min(minCount))
    .transform((items): readonly string[] => Object.freeze(items))
  return { schema, expected: `${expected}, separated by commas` }
}

/** Waits in ms, separated by commas, or the word `none`: an empty variable counts as not set. */
export function delays(min: number, max: number): ValueType<readonly number[]> {
  const each = z.string().trim().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max))
  const schema = z
    .string()
    .transform((value) => (value === 'none' ? [] : value.split(',')))
    .pipe(z.array(each))
    .transform((items): readonly number[] => Object.freeze(items))
  return { schema, expected: `whole numbers from ${min} to ${max}, separated by commas, or none` }
}

/** Names with a value each, as `a=3,b=1`; a name may hold `=`, and comes once. `named` completes "expected …". */
export function valuesByName<T>(named: string, value: ValueType<T>): ValueType<ReadonlyMap<string, T>> {
  const schema = list(/^[\x21-\x7e]{1,128}=[^=]+$/, named).schema.transform((items, context) => {
    const values = new Map<string, T>()
    for (const item of items) {
      const at = item.lastIndexOf('=')
      const name = item.slice(0, at)
      const parsed = value.schema.safeParse(item.slice(at + 1))
      if (!parsed.success) context.addIssue({ code: 'custom', message: `${item} does not fit` })
      else if (values.has(name)) context.addIssue({ code: 'custom', message: `${name} is named twice` })
      else values.set(name, parsed.data)
    }
    return values
  })
  const expected = `${named}, as name=value, separated by commas: each value ${value.expected}`
  return { schema, expected, allowsZero: value.allowsZero === true }
}

/** Names with a weight each, as `a=3,b=1`: whole numbers from 1 to 100. */
export function weights(what: string): ValueType<ReadonlyMap<string, number>> {
  return valuesByName(`${what} with a weight each`, integer(1, 100))
}

/** A URL with one of the protocols, without user and password in it unless they belong there. */
export function url(protocols: readonly string[], options: { credentials: boolean }): ValueType<string> {
  const schema = z.string().refine((value) => {
    if (!URL.canParse(value)) return false
    const parsed = new URL(value)
    const bare = parsed.username === '' && parsed.password === ''
    return protocols.includes(parsed.protocol) && (options.credentials || bare)
  })
  const names = protocols.map((protocol) => `${protocol}//`).join(' or ')
  return {
    schema,
    expected: `a URL that begins with ${names}${options.credentials ? '' : ', without user and password'}`,
  }
}
