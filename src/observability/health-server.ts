import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ModelServiceError } from '../errors/model-service-error.ts'

/** Looks whether one thing works. Rejects, or throws, when it does not; what it resolves with is shown. */
export type HealthCheck = (signal: AbortSignal) => unknown

/** Where and how to answer. */
export interface HealthServerOptions {
  /** Address to listen on. */
  host: string
  /** Port; 0 takes a free one. */
  port: number
  /** How long one check may take, in ms; default 2,000. */
  checkTimeoutMs?: number
  /** Answers `/metrics`; without it that path does not exist. */
  metrics?: TextPage
}

/** A text to answer with, for example metrics. */
export interface TextPage {
  contentType: string
  render(): Promise<string>
}

/** What came of one check. */
export interface CheckResult {
  status: 'ok' | 'failed'
  durationMs: number
  /** What the check said, where it said something. */
  detail?: unknown
  /** Code and message of the failure. */
  error?: string
}

/** Body of `/livez` and `/readyz`. */
export interface HealthReport {
  status: 'ok' | 'failed'
  checks: Record<string, CheckResult>
}

const connectionLimit = 64
const socketTimeoutMs = 5_000

/**
 * Answers `/metrics` to Prometheus, and probes: `/livez` (restart me when it fails) and `/readyz` (send me no work when it fails) give 200 or 503 and a
 * JSON report of each check. Checks of one path run together, each with its own limit; probes that come meanwhile get the
 * same report, so a slow database is asked once, whatever the probing.
 */
export class HealthServer {
  readonly #options: HealthServerOptions
  readonly #checks = { '/livez': new Map<string, HealthCheck>(), '/readyz': new Map<string, HealthCheck>() }
  readonly #running = new Map<string, Promise<HealthReport>>()
  #server: Server | undefined
  #started: Promise<{ host: string; port: number }> | undefined

  constructor(options: HealthServerOptions) {
    this.#options = options
  }

  /** Adds a check to `/readyz`, or with `live` to `/livez`. A second one of the same name replaces the first. */
  register(name: string, check: HealthCheck, options: { live?: boolean } = {}): void {
    this.#checks[options.live === true ? '/livez' : '/readyz'].set(name, check)
  }

  /**
   * Listens. Gives the address that is really listened on.
   * @throws CONFIGURATION_INVALID when the port is taken, not permitted, or the address is not one of this machine
   */
  start(): Promise<{ host: string; port: number }> {
    this.#started ??= this.#listen().catch((error: unknown) => {
      this.#started = undefined
      throw error
    })
    return this.#started
  }

  /** Closes the port and all connections. */
  async stop(): Promise<void> {
    await this.#started?.catch(() => {})
    const server = this.#server
    this.#server = undefined
    this.#started = undefined
    if (server === undefined) return
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }

  async #listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options
    const server = createServer(
      {
        maxHeaderSize: 8_192,
        headersTimeout: socketTimeoutMs,
        requestTimeout: socketTimeoutMs,
        keepAliveTimeout: socketTimeoutMs,
      },
      (request, response) => {
        request.resume()
        void this.#answer(request.method ?? '', request.url ?? '', response)
      },
    )
    server.maxConnections = connectionLimit
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    }).catch((cause: unknown) => {
      throw listenError(host, port, cause)
    })
    // An accept that fails (no descriptors left) must not end the process.
    server.on('error', () => {})
    this.#server = server
    const address = server.address() as AddressInfo
    return { host: address.address, port: address.port }
  }

  async #answer(method: string, url: string, response: ServerResponse): Promise<void> {
    const path = url.split('?', 1)[0]
    const { metrics } = this.#options
    if (path !== '/livez' && path !== '/readyz' && !(path === '/metrics' && metrics !== undefined))
      return reply(response, method, 404, {
        error: `Not found: /livez, /readyz${metrics === undefined ? '' : ', /metrics'}`,
      })
    if (method !== 'GET' && method !== 'HEAD') return reply(response, method, 405, { error: 'Use GET' })
    if (path === '/metrics') return this.#answerMetrics(method, response)
    const report = await this.#report(path)
    reply(response, method, report.status === 'ok' ? 200 : 503, report)
  }

  async #answerMetrics(method: string, response: ServerResponse): Promise<void> {
    try {
      const text = (await this.#options.metrics?.render()) ?? ''
      replyText(response, method, 200, text, this.#options.metrics?.contentType ?? 'text/plain')
    } catch {
      reply(response, method, 500, { error: 'The metrics could not be gathered' })
    }
  }

  #report(path: '/livez' | '/readyz'): Promise<HealthReport> {
    const running = this.#running.get(path) ?? this.#run(path).finally(() => this.#running.delete(path))
    this.#running.set(path, running)
    return running
  }

  async #run(path: '/livez' | '/readyz'): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.#checks[path]].map(async ([name, check]) => [name, await this.#check(check)] as const),
    )
    const failed = results.some(([, result]) => result.status === 'failed')
    return { status: failed ? 'failed' : 'ok', checks: Object.fromEntries(results) }
  }

  async #check(check: HealthCheck): Promise<CheckResult> {
    const startedAt = performance.now()
    const limitMs = this.#options.checkTimeoutMs ?? 2_000
    const abort = new AbortController()
    let timer: NodeJS.Timeout | undefined
    // The race holds the limit even against a check that ignores its signal.
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs)
    })
    try {
      const detail = await Promise.race([Promise.resolve().then(() => check(abort.signal)), limit])
      return { status: 'ok', durationMs: elapsed(startedAt), ...(detail === undefined ? {} : { detail }) }
    } catch (error) {
      return { status: 'failed', durationMs: elapsed(startedAt), error: describe(error) }
    } finally {
      clearTimeout(timer)
      abort.abort()
    }
  }
}

function elapsed(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}

/** The message of our own errors only: a foreign one may hold an address with a password in it. */
function describe(error: unknown): string {
  if (error instanceof ModelServiceError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return 'failed'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message.replaceAll(/\S+:\/\/\S+/g, '…')
}

function reply(response: ServerResponse, method: string, status: number, body: unknown): void {
  replyText(response, method, status, `${JSON.stringify(body)}\n`, 'application/json')
}

function replyText(response: ServerResponse, method: string, status: number, text: string, contentType: string): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  })
  response.end(method === 'HEAD' ? undefined : text)
}

function listenError(host: string, port: number, cause: unknown): ModelServiceError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const reasons: Record<string, string> = {
    EADDRINUSE: `HEALTH_PORT ${port} on ${host} is in use by another process: expected a free one. Stop that process, or set another HEALTH_PORT; 0 turns the health server off.`,
    EACCES: `HEALTH_PORT ${port} may not be opened by this user: expected a port from 1024 up.`,
    EADDRNOTAVAIL: `HEALTH_HOST ${host} is no address of this machine: expected one, or 0.0.0.0 for all.`,
    ENOTFOUND: `HEALTH_HOST ${host} cannot be resolved: expected an address of this machine, or 0.0.0.0 for all.`,
  }
  const message = reasons[code] ?? `The health server cannot listen on ${host}:${port} (${code}).`
  return new ModelServiceError('CONFIGURATION_INVALID', message, { cause })
}
