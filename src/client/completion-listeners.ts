import type { ModelCompletion } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import type { ClientConnection } from './client-connection.ts'
import type { TopicFeed } from './topic-feed.ts'

/** Which completions to hear of: those whose fields all equal these. */
export type CompletionFilter = Partial<
  Pick<ModelCompletion, 'tenant' | 'requestId' | 'status' | 'kind' | 'model' | 'provider' | 'taskType' | 'lane'>
>
/** Hears of completions, one after the other: the next waits until it is done. What it throws is logged. */
export type CompletionHandler = (completion: ModelCompletion) => void | Promise<void>

interface Listener {
  filter: [string, unknown][]
  handler: CompletionHandler
}

/** Brings completions to those who listen. */
export class CompletionListeners {
  readonly #connection: ClientConnection
  readonly #feed: TopicFeed
  readonly #listeners = new Set<Listener>()

  constructor(connection: ClientConnection) {
    this.#connection = connection
    this.#feed = connection.feed(connection.topic('completions'), (record) => this.#take(record))
  }

  /** Listens from now on, until the returned function is called. @throws TOPIC_MISSING, BROKER_UNAVAILABLE */
  async listen(filter: CompletionFilter, handler: CompletionHandler): Promise<() => void> {
    await this.#feed.start()
    const listener = { filter: Object.entries(filter).filter(([, value]) => value !== undefined), handler }
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async #take(record: ReceivedRecord): Promise<void> {
    if (this.#listeners.size === 0) return
    const completion = await this.#connection.decodeReadable('ModelCompletion', record)
    if (completion === undefined) return
    const fields = new Map<string, unknown>(Object.entries(completion))
    for (const { filter, handler } of this.#listeners) {
      if (!filter.every(([name, value]) => fields.get(name) === value)) continue
      try {
        await handler(completion)
      } catch (error) {
        const { requestId, tenant } = completion
        this.#connection.log.error({ err: error, requestId, tenant }, 'A handler of completions failed')
      }
    }
  }
}
