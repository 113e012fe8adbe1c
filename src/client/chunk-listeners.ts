import type { ModelChunk } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import type { RequestKey } from '../delivery/request-key.ts'
import type { ClientConnection } from './client-connection.ts'
import type { TopicFeed } from './topic-feed.ts'

interface Listener extends RequestKey {
  take(chunk: ModelChunk): void
}

/** Brings the chunks of streamed requests to those who asked. */
export class ChunkListeners {
  readonly #connection: ClientConnection
  readonly #feed: TopicFeed
  /** By request id, which is the key of chunks; tenants may use the same. */
  readonly #listeners = new Map<string, Set<Listener>>()

  constructor(connection: ClientConnection) {
    this.#connection = connection
    this.#feed = connection.feed(connection.topic('chunks'), (record) => this.#take(record))
  }

  /** Resolves when chunks that are written from now on are heard. @throws TOPIC_MISSING, BROKER_UNAVAILABLE */
  start(): Promise<void> {
    return this.#feed.start()
  }

  /** Listens from now on, once started, until the returned function is called. */
  follow({ tenant, requestId }: RequestKey, take: (chunk: ModelChunk) => void): () => void {
    const listener: Listener = { tenant, requestId, take }
    const listeners = this.#listeners.get(requestId) ?? new Set()
    this.#listeners.set(requestId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(requestId) === listeners) this.#listeners.delete(requestId)
    }
  }

  async #take(record: ReceivedRecord): Promise<void> {
    // Other people's chunks are not even decoded.
    const listeners = this.#listeners.get(record.key?.toString() ?? '')
    if (listeners === undefined) return
    const chunk = await this.#connection.decodeReadable('ModelChunk', record)
    if (chunk === undefined) return
    for (const { tenant, requestId, take } of listeners) {
      if (chunk.tenant === tenant && chunk.requestId === requestId) take(chunk)
    }
  }
}
