/**
 * The schema registry as the codec needs it, over @kafkajs/confluent-schema-registry for schemas and over plain requests
 * for what that client does not offer. Every request has a time limit; nothing is ever registered but by `register`.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { SchemaRegistry as RegistryClient, SchemaType } from '@kafkajs/confluent-schema-registry'
import avsc from 'avsc'
import { Agent, request } from 'undici'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { writerOptions } from './avro-options.ts'

/** How to reach the registry. */
export interface SchemaRegistrySettings {
  /** Base address, for example http://127.0.0.1:8081 or …/apis/ccompat/v7. */
  url: string
  username?: string
  password?: string
  /** Certificate authorities in PEM, instead of the system's. */
  ca?: string
  /** Limit of one HTTP request in ms; default 5,000. */
  timeoutMs?: number
}

/** Compatibility levels that our subjects use. */
export type CompatibilityLevel = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE'

/** The registry. All methods throw SCHEMA_REGISTRY_UNAVAILABLE when it does not answer as a registry does. */
export interface SchemaRegistry {
  /** The type behind an id, ready to be read from; null when the registry does not know the id. @throws DECODE_FAILED when the schema is no Avro that we can read */
  writerType(schemaId: number): Promise<avsc.Type | null>
  /** Id of exactly this schema in the subject; null when it is not registered there. */
  findId(subject: string, schemaText: string): Promise<number | null>
  /** Registers a schema, under the level given; gives the id, also when it was there before. @throws SCHEMA_INCOMPATIBLE */
  register(subject: string, schemaText: string, level: CompatibilityLevel): Promise<number>
  /** The subject's own level; null when it has none. */
  compatibilityLevel(subject: string): Promise<string | null>
  /** What makes the schema incompatible with the subject's latest version, empty when nothing does; null when there is no such subject. */
  incompatibilities(subject: string, schemaText: string): Promise<string[] | null>
  close(): Promise<void>
}

/** Opens the registry; no request is made yet. */
export function openSchemaRegistry(settings: SchemaRegistrySettings): SchemaRegistry {
  const baseUrl = settings.url.replace(/\/+$/, '')
  const timeoutMs = settings.timeoutMs ?? 5_000
  const agent = baseUrl.startsWith('https:')
    ? new HttpsAgent({ keepAlive: true, ...(settings.ca && { ca: settings.ca }) })
    : new HttpAgent({ keepAlive: true })
  const dispatcher = new Agent({
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, ...(settings.ca && { ca: settings.ca }) },
  })
  const { username, password } = settings
  const authorization =
    username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
  const client = new RegistryClient(
    {
      host: baseUrl,
      agent,
      ...(username !== undefined && { auth: { username, password: password ?? '' } }),
      // The client merges this into defaults shared by all its instances, so it is the same everywhere.
      retry: { retries: 2, initialRetryTimeInSecs: 0.1, maxRetryTimeInSecs: 1 },
      middlewares: [() => ({ prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }) })],
    },
    { [SchemaType.AVRO]: writerOptions() },
  )

  async function call(method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown): Promise<RegistryAnswer> {
    try {
      const response = await request(`${baseUrl}${path}`, {
        method,
        dispatcher,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          accept: 'application/vnd.schemaregistry.v1+json, application/json',
          ...(body !== undefined && { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
          ...(authorization !== undefined && { authorization }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.body.text()
      return { status: response.statusCode, body: parseObject(text) }
    } catch (error) {
      throw unavailable(baseUrl, 'it could not be reached', error)
    }
  }

  /** Whether a 404 is the registry's own; a proxy or a wrong base path answers 404 too. */
  function isUnknown(answer: RegistryAnswer): boolean {
    return answer.status === 404 && typeof answer.body?.['error_code'] === 'number'
  }

  return {
    async writerType(schemaId) {
      try {
        const type: unknown = await client.getSchema(schemaId)
        if (avsc.Type.isType(type)) return type as avsc.Type
        throw new ModelServiceError('DECODE_FAILED', `Schema ${schemaId} is not Avro; write the record with Avro.`)
      } catch (error) {
        if (error instanceof ModelServiceError) throw error
        const status = statusOf(error)
        if (status !== undefined && status !== 404) throw unavailable(baseUrl, `it answered ${status}`, error)
        // The client does not tell an unknown id or an invalid schema from a host that is no registry: look ourselves.
        const answer = await call('GET', `/schemas/ids/${schemaId}`)
        if (isUnknown(answer)) return null
        if (answer.status !== 200 || typeof answer.body?.['schema'] !== 'string') {
          throw unavailable(baseUrl, `it answered ${answer.status} for schema ${schemaId}`, error)
        }
        throw new ModelServiceError('DECODE_FAILED', `Schema ${schemaId} is not a valid Avro schema.`, { cause: error })
      }
    },

    async findId(subject, schemaText) {
      const answer = await call('POST', `/subjects/${encodeURIComponent(subject)}`, { schema: schemaText })
      if (isUnknown(answer)) return null
      return idOf(answer, baseUrl)
    },

    async register(subject, schemaText, level) {
      const path = `/config/${encodeURIComponent(subject)}`
      const before = await this.compatibilityLevel(subject)
      if (before !== null && before !== level) {
        const answer = await call('PUT', path, { compatibility: level })
        if (answer.status !== 200) throw unavailable(baseUrl, `it answered ${answer.status} to setting ${level}`)
      }
      const options = { subject, compatibility: level as NonNullable<RegisterOptions['compatibility']> }
      try {
        const { id } = await client.register({ type: SchemaType.AVRO, schema: schemaText }, options)
        return id
      } catch (error) {
        const status = statusOf(error)
        if (status === 409) {
          const message = `The schema is not ${level} with what ${subject} holds; \`model-service schemas check\` says why.`
          throw new ModelServiceError('SCHEMA_INCOMPATIBLE', message, { cause: error })
        }
        throw unavailable(baseUrl, `registering under ${subject} failed${status ? ` with ${status}` : ''}`, error)
      }
    },

    async compatibilityLevel(subject) {
      const answer = await call('GET', `/config/${encodeURIComponent(subject)}`)
      if (isUnknown(answer)) return null
      const level = answer.body?.['compatibilityLevel'] ?? answer.body?.['compatibility']
      if (answer.status === 200 && typeof level === 'string') return level.toUpperCase()
      throw unavailable(baseUrl, `it answered ${answer.status} for the level of ${subject}`)
    },

    async incompatibilities(subject, schemaText) {
      const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`
      const answer = await call('POST', path, { schema: schemaText })
      if (isUnknown(answer)) return null
      if (answer.status !== 200) throw unavailable(baseUrl, `it answered ${answer.status} to a check of ${subject}`)
      if (answer.body?.['is_compatible'] === true) return []
      const messages = answer.body?.['messages']
      const texts = Array.isArray(messages) ? messages.map(String).filter((text) => text !== '') : []
      return texts.length > 0 ? texts : ['the registry gives no reason']
    },

    async close() {
      agent.destroy()
      await dispatcher.destroy()
    },
  }
}

interface RegistryAnswer {
  status: number
  body: Record<string, unknown> | undefined
}
type RegisterOptions = NonNullable<Parameters<RegistryClient['register']>[1]>

function idOf(answer: RegistryAnswer, baseUrl: string): number {
  const id = answer.body?.['id']
  if (answer.status === 200 && typeof id === 'number') return id
  throw unavailable(baseUrl, `it answered ${answer.status}`)
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function statusOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number'
    ? error.status
    : undefined
}

function unavailable(baseUrl: string, what: string, cause?: unknown): ModelServiceError {
  const { origin, pathname } = new URL(baseUrl)
  return new ModelServiceError(
    'SCHEMA_REGISTRY_UNAVAILABLE',
    `The schema registry at ${origin}${pathname} did not do its work: ${what}. Check that it runs, its address, and the credentials.`,
    cause === undefined ? {} : { cause },
  )
}
