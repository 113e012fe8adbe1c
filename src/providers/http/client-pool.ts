/**
 * The connections to one origin: HTTP/1.1, one request at a time on each, as many as there are requests. A connection that
 * is free is used again, the last one freed first, so that those not needed fall silent and close.
 *
 *   made ──► at work ──► free ──► at work …
 *               │          └─ its socket closed meanwhile: forgotten
 *               └─ its request failed: forgotten, whatever is left of it
 *
 * undici's own pool looks through all its connections at every request, and its agent at every socket that closes. With
 * thousands of slow requests that is most of the work of a process, and when thousands of idle sockets close together it
 * stands still for seconds. Here every step takes the same time however many there are.
 */
import { buildConnector, Client, Dispatcher } from 'undici'

/** What the connections are like. */
export interface ClientPoolOptions extends Pick<Client.Options, 'headersTimeout' | 'bodyTimeout' | 'maxHeaderSize'> {
  /** Limit of connecting, TLS included, in ms; for connections of our own. */
  connectTimeoutMs: number
  /** Makes the connections instead. */
  connector?: buildConnector.connector
}

/** See the top of the file. It tells no events, so that an agent never looks for connections to count. */
export class ClientPool extends Dispatcher {
  readonly #origin: string | URL
  readonly #options: Client.Options
  readonly #clients = new Set<Client>()
  /** Free ones, the last freed at the end; those that are no longer in `#clients` are passed over. */
  #free: Client[] = []
  #isClosed = false

  constructor(origin: string | URL, { connectTimeoutMs, connector, ...options }: ClientPoolOptions) {
    super()
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
    return client.dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart: (...answer) => handler.onResponseStart?.(...answer),
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => {
        if (this.#clients.has(client)) this.#free.push(client)
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

  #forget(client: Client): void {
    if (!this.#clients.delete(client)) return
    if (!this.#isClosed) client.close().catch(() => {})
    // The forgotten are swept out when they are most of the list, which makes it O(1) on average.
    if (this.#free.length > 64 && this.#free.length > 2 * this.#clients.size) {
      this.#free = this.#free.filter((free) => this.#clients.has(free))
    }
  }
}
