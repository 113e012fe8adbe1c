/**
 * The connections to one origin: HTTP/1.1, one request at a time on each, as many as there are requests. A connection that
 * is free is used again, the last one freed first, so that those not needed fall silent and close.
 *
 *   made ──► at work ──► free ──► at work …
 *               │          └─ its socket closed meanwhile: forgotten
 *               ├─ its answer was a stream: free a moment later
 *               └─ its request failed: forgotten, whatever is left of it
 *
 * llama.cpp promises to keep the connection and closes it right after a stream. The news of that comes a little after the
 * end of the answer; a request written between the two is lost, and nobody knows whether it was carried out.
 *
 * undici's own pool looks through all its connections at every request, and its agent at every socket that closes. With
 * thousands of slow requests that is most of the work of a process, and when thousands of idle sockets close together it
 * stands still for seconds. Here every step takes the same time however many there are.
 */
import { buildConnector, Client, Dispatcher } from 'undici'

/** How long a connection rests after a stream, in ms. */
const restAfterStreamMs = 20

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
  /** Free ones, the last freed at the end; those that are no longer in `#clients` are passed over. */
  #free: Client[] = []
  /** Those that rest, the first to be free in front. */
  readonly #resting: { client: Client; until: number }[] = []
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
    return client.dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart: (controller, status, headers, message) => {
        isStream = streamType.test(String(headers['content-type'] ?? ''))
        handler.onResponseStart?.(controller, status, headers, message)
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => {
        if (isStream) this.#resting.push({ client, until: this.#now() + restAfterStreamMs })
        else if (this.#clients.has(client)) this.#free.push(client)
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
    for (let client = this.#free.pop(); client !== undefined; client = this.#free.pop()) {
      if (this.#clients.has(client)) return client
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
      this.#free.push(first.client)
    }
  }

  #forget(client: Client): void {
    if (!this.#clients.delete(client)) return
    if (!this.#isClosed) client.close().catch(() => {})
    // The forgotten are swept out when they are most of the list, which makes it O(1) on average.
    if (this.#free.length > 64 && this.#free.length > 2 * this.#clients.size) {
      this.#free = this.#free.filter((free) => this.#clients.has(free))
    }
  }
}
