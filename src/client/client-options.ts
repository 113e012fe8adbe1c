import type { SchemaRegistrySettings } from '../codec/schema-registry.ts'
import type { ModelRequestDraft } from '../contract/types.ts'
import type { KafkaSettings } from '../events/kafka-client.ts'
import type { Log } from '../model-service/ports/log.ts'

/** How a client works; all have a default. */
export interface ClientSettings {
  /** Put before the names of all topics, as the workers' `TOPIC_PREFIX`; none by default. */
  topicPrefix?: string
  /** Who asks, where a call does not say; default `default`. */
  tenant?: string
  /** Topic that requests are written to, without the prefix, as in the workers' `REQUEST_TOPICS`; default `model.requests`. */
  requestTopic?: string
  /**
   * Topic that answers are awaited on, by its full name; the workers' `REPLY_TOPICS` must list it. Default: the prefix and
   * `model.replies`, which every worker allows.
   */
  replyTopic?: string
  /** Longest wait for an answer, where a call does not say, in ms; default 600,000, which is 10 minutes. */
  timeoutMs?: number
  /** Longest wait until Kafka has what is sent without waiting for an answer, in ms; default 30,000. */
  sendTimeoutMs?: number
  /** Hears of what goes wrong and is tried again, for example a broker that is away; nobody by default. */
  log?: Log
}

/** How to reach a service, and how the client works. */
export interface ModelClientOptions extends ClientSettings {
  /** `clientId` is `model-service-client` by default. */
  kafka: Omit<KafkaSettings, 'clientId'> & { clientId?: string }
  schemaRegistry: SchemaRegistrySettings
}

/** How one record is sent. */
export interface SendOptions {
  /** Key of the record, which orders it; default: the request id. */
  key?: string
  /** W3C trace context, passed on to all that comes of the request. */
  traceparent?: string
  tracestate?: string
  /** Gives up. */
  signal?: AbortSignal
}

/** How one call waits. */
export interface WaitOptions extends SendOptions {
  /** Longest wait for the answer in ms; default: the client's. */
  timeoutMs?: number
  /**
   * Whether an abort of the signal also sends a CancelRequest command, so that the work is not done, or not finished; default
   * false. It needs the right to write to the command topic.
   */
  cancelOnAbort?: boolean
}

/** A request as one writes it: an id is made up where there is none. */
export type RequestDraft = Omit<ModelRequestDraft, 'requestId'> & { requestId?: string }

/**
 * What goes with an input. Give a `requestId` of your own where a call may be repeated, for example after a restart: the same
 * id with the same content is the same request, is done and paid for once, and has the same answer each time.
 */
export type CallOptions = Omit<RequestDraft, 'input' | 'stream'> & WaitOptions

/** What goes with a command. */
export interface CommandOptions {
  /** Default: a new UUID. The same id is carried out once, and answered each time. */
  commandId?: string
  /** Who gives the command, for the record; default: nobody is named. */
  actor?: string | null
  /** Longest wait for the result in ms; default: the client's. */
  timeoutMs?: number
  /** Gives up waiting. */
  signal?: AbortSignal
}
