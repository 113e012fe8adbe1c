/** Which records `tail` shows. Pure. */
import { commandStatusSymbols, completionStatusSymbols } from '../../contract/types.ts'
import { UsageError } from '../usage-error.ts'

/** What can be followed, by the word that the user says. */
export const tailTopics = ['completions', 'performance', 'registry', 'command-results', 'chunks'] as const
/** See {@link tailTopics}. */
export type TailTopic = (typeof tailTopics)[number]

/** What a record must be to be shown. */
export interface TailFilter {
  tenant?: string
  requestId?: string
  /** As the record names it: the registered model, or the name that was asked for. */
  model?: string
  /** Of a completion, a request or a command. */
  status?: string
  /** Code of an error. */
  code?: string
  /** Kind of work, or of command: CHAT, RegisterModel. */
  type?: string
}

/** The filters that mean something for the records of each topic. */
const filtersOf: Record<TailTopic, readonly (keyof TailFilter)[]> = {
  completions: ['tenant', 'requestId', 'model', 'status', 'code', 'type'],
  performance: ['tenant', 'requestId', 'model', 'status', 'code', 'type'],
  chunks: ['tenant', 'requestId'],
  registry: [],
  'command-results': ['status', 'code', 'type'],
}

const flags: Record<keyof TailFilter, string> = {
  tenant: '--tenant',
  requestId: '--request-id',
  model: '--model',
  status: '--status',
  code: '--code',
  type: '--type',
}

/** What `--status` may be. */
const statusesOf: Partial<Record<TailTopic, readonly string[]>> = {
  completions: completionStatusSymbols,
  performance: completionStatusSymbols,
  'command-results': commandStatusSymbols,
}

/** @throws UsageError when a filter means nothing for the topic: it would hide every record */
export function requireFitting(topic: TailTopic, filter: TailFilter): void {
  const given = (Object.keys(flags) as (keyof TailFilter)[]).filter((name) => filter[name] !== undefined)
  const strange = given.filter((name) => !filtersOf[topic].includes(name))
  const { status } = filter
  const statuses = statusesOf[topic]?.filter((known) => known !== 'UNSPECIFIED')
  if (status !== undefined && statuses !== undefined && !statuses.includes(status)) {
    throw new UsageError(`--status ${JSON.stringify(status)}: expected one of ${statuses.join(', ')}.`)
  }
  if (strange.length === 0) return
  const names = strange.map((name) => flags[name]).join(' and ')
  const known = filtersOf[topic].map((name) => flags[name]).join(', ')
  throw new UsageError(
    `${names} ${strange.length === 1 ? 'does' : 'do'} not go with ${topic}: expected ${known === '' ? 'no filter' : known}.`,
  )
}

/** Whether a decoded record is to be shown. */
export function matches(record: object, filter: TailFilter): boolean {
  const values = record as Partial<Record<string, unknown>>
  const error = values['error'] as { code?: unknown } | null | undefined
  const actual: Record<keyof TailFilter, unknown> = {
    tenant: values['tenant'],
    requestId: values['requestId'],
    model: values['model'],
    status: values['status'],
    code: values['errorCode'] ?? error?.code,
    type: values['requestType'] ?? values['command'] ?? values['kind'],
  }
  return (Object.keys(flags) as (keyof TailFilter)[]).every(
    (name) => filter[name] === undefined || filter[name] === actual[name],
  )
}
