import { z } from 'zod'
import { isId } from '../contract/limits.ts'
import { type OrderMode, orderModes, type RequestTopic } from '../contract/request-topic.ts'
import { topics } from '../contract/topics.ts'
import type { ValueType } from './setting.ts'

const nameShape = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,149}$/
/** Names of the contract that hold something else than requests. */
const takenNames: ReadonlySet<string> = new Set(
  Object.entries(topics).flatMap(([role, { name }]) => (role === 'requests' ? [] : [name])),
)

/** `name[;order=MODE][;tenant=NAME]`, separated by commas: the topics that requests are read from. */
export const requestTopics: ValueType<readonly RequestTopic[]> = {
  expected: `topics like name;order=${orderModes.join('|')};tenant=NAME, separated by commas, where all but the name may be left out`,
  schema: z.string().transform((value, context) => {
    const { topics: found, problems } = parseRequestTopics(value)
    for (const message of problems) context.addIssue({ code: 'custom', message })
    return found
  }),
}

/** Reads the setting; tells all that is wrong with it. */
export function parseRequestTopics(text: string): { topics: readonly RequestTopic[]; problems: string[] } {
  const problems: string[] = []
  const found: RequestTopic[] = []
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue
    const [name = '', ...options] = item.split(';').map((part) => part.trim())
    if (!nameShape.test(name)) problems.push(`${JSON.stringify(name)} is no topic name`)
    else if (takenNames.has(name)) problems.push(`${name} holds something else than requests`)
    else if (found.some((topic) => topic.name === name)) problems.push(`${name} is named twice`)
    found.push(Object.freeze({ name, ...readOptions(name, options, problems) }))
  }
  if (found.length === 0) problems.push('no topic is named')
  return { topics: Object.freeze(found), problems }
}

function readOptions(name: string, options: readonly string[], problems: string[]): Omit<RequestTopic, 'name'> {
  let order: OrderMode = 'none'
  let tenant: string | null = null
  const seen = new Set<string>()
  for (const option of options) {
    const at = option.indexOf('=')
    const [what, value] = [option.slice(0, Math.max(at, 0)), option.slice(at + 1)]
    if (seen.has(what)) problems.push(`${name} has ${what} twice`)
    seen.add(what)
    const mode = orderModes.find((known) => known === value)
    if (what === 'order' && mode !== undefined) order = mode
    else if (what === 'order') problems.push(`${name} has order=${value}`)
    else if (what === 'tenant' && isId(value)) tenant = value
    else if (what === 'tenant') problems.push(`${name} has tenant=${value}, which is no tenant id`)
    else problems.push(`${name} has ${JSON.stringify(option)}, which is neither order= nor tenant=`)
  }
  return { order, tenant }
}
