/**
 * The connections to one origin: HTTP/1.1, one request at a time on each, as many as there are requests. A connection that
 * is free is used again, the last one freed first, so that those not needed fall silent and close.
 *
 *   made ──► at work ──► free ──► at work …
 *               │          └─ its socket closed meanwhile, or it was free for longer than servers keep one: forgotten
 *               ├─ its answer was a stream: free a moment later
 *               └─ its request failed: forgotten, whatever is left of it
 *
 * llama.cpp promises to keep the connection and closes it right after a stream. The news of that comes a little after the
 * end of the answer; a request written between the two is lost, and nobody knows whether it was carried out.
 *
 * undici closes what was free for too long by a timer. After a pause of the process, or a stall of its loop, timers are late: the
 * server has closed long since, and the first request on each connection would be lost. So the age is looked at once more.
 *
 * undici's own pool looks through all its connections at every request, and its agent at every socket that closes. With
 * thousands of slow requests that is most of the work of a process, and when thousands of idle sockets close together it
 * stands still for seconds. Here every step takes the same time however many there are.
 */
import { buildConnector, Client, Dispatcher } from 'undici'

/** How long a connection rests after a stream, in ms. */
const restAfterStreamMs = 20

/** How long a connection may be free, in ms, where the server does not say: undici's default, below Node's 5 s. */
const keepAliveMs = 4_000
/** Servers are taken to close so much earlier than they say, in ms; undici takes off the same. */
const keepAliveMarginMs = 2_000

/** What the connections are like. */
export interface ClientPoolOptions extends Pick<Client.Options, 'headersTimeout' | 'bodyTimeout' | 'maxHeaderSize'> {
  /** Limit of connecting, TLS included, in ms; for connections of our own. */
  connectTimeoutMs: number
  /** Makes the connections instead. */
  connector?: buildConnector.connector
  /** A clock in ms, from whatever point; `performance.now` by default. */
  now?: () => number
}

const streamType = /^(text\/event-stream|application\/(x-)?ndjson)\b/i

/** See the top of the file. It tells no events, so that an agent never looks for connections to count. */
export class ClientPool extends Dispatcher {
  readonly #origin: string | URL
  readonly #options: Client.Options
  readonly #clients = new Set<Client>()
  /** Free ones until when, the last freed at the end; those that are no longer in `#clients` are passed over. */
  #free: { client: Client; until: number }[] = []
  /** Those that rest, the first to be free in front. */
  readonly #resting: { client: Client; until: number; keptMs: number }[] = []
  readonly #now: () => number
  #isClosed = false

  constructor(origin: string | URL, { connectTimeoutMs, connector, now, ...options }: ClientPoolOptions) {
    super()
    this.#now = now ?? (() => performance.now())
    this.#origin = origin
    // One connector for all, because it keeps the TLS sessions.
    const connect = connector ?? buildConnector({ timeout: connectTimeoutMs, allowH2: false })
    this.#options = { ...options, connect, pipelining: 1, allowH2: false }
  }

  /** Connections, those being made included. */
  get connectionCount(): number {
    return this.#clients.size
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const client = this.#take()
    let isStream = false
    let keptMs = keepAliveMs
    return client.dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart: (controller, status, headers, message) => {
        isStream = streamType.test(String(headers['content-type'] ?? ''))
        keptMs = keptMsOf(headers['keep-alive'])
        handler.onResponseStart?.(controller, status, headers, message)
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => {
        const now = this.#now()
        if (isStream) this.#resting.push({ client, until: now + restAfterStreamMs, keptMs })
        else if (this.#clients.has(client)) this.#free.push({ client, until: now + keptMs })
        handler.onResponseEnd?.(controller, trailers)
      },
      onResponseError: (controller, error) => {
        this.#forget(client)
        handler.onResponseError?.(controller, error)
      },
    })
  }

  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> {
    this.#isClosed = true
    return Promise.all([...this.#clients].map((client) => client.close())).then(() => callback?.())
  }

  override destroy(): Promise<void>
  override destroy(error: Error | null): Promise<void>
  override destroy(callback: () => void): void
  override destroy(error: Error | null, callback: () => void): void
  override destroy(reason?: Error | null | (() => void), callback?: () => void): Promise<void> {
    this.#isClosed = true
    const error = reason instanceof Error ? reason : null
    const told = typeof reason === 'function' ? reason : callback
    return Promise.all([...this.#clients].map((client) => client.destroy(error))).then(() => told?.())
  }

  #take(): Client {
    if (this.#resting.length > 0) this.#wake()
    const now = this.#now()
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (!this.#clients.has(free.client)) continue
      if (now < free.until) return free.client
      this.#forget(free.client)
    }
    const client = new Client(this.#origin, this.#options)
    this.#clients.add(client)
    // At work it connects anew by itself; what is free is not worth a connection.
    client.on('disconnect', () => {
      if (client.stats.size === 0) this.#forget(client)
    })
    return client
  }

  #wake(): void {
    const now = this.#now()
    for (let first = this.#resting[0]; first !== undefined && first.until <= now; first = this.#resting[0]) {
      this.#resting.shift()
      this.#free.push({ client: first.client, until: first.until + first.keptMs })
    }
  }

  #forget(client: Client): void {
    if (!this.#clients.delete(client)) return
    if (!this.#isClosed) client.close().catch(() => {})
    // The forgotten are swept out when they are most of the list, which makes it O(1) on average.
    if (this.#free.length > 64 && this.#free.length > 2 * this.#clients.size) {
      this.#free = this.#free.filter(({ client }) => this.#clients.has(client))
    }
  }
}

/** How long a connection may be free by the server's `keep-alive: timeout=<seconds>`, in ms. */
function keptMsOf(header: string | string[] | undefined): number {
  const [, seconds] = /\btimeout=(\d{1,6})\b/i.exec(String(header ?? '')) ?? []
  return seconds === undefined ? keepAliveMs : Math.max(0, Number(seconds) * 1_000 - keepAliveMarginMs)
}
