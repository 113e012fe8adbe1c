import type { ProviderError } from '../provider.ts'

/** Headers of an answer, names in lower case. */
export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>

/** One exchange. */
export interface HttpRequest {
  /** Id of the provider, for the errors. */
  provider: string
  url: URL
  headers: Readonly<Record<string, string>>
  /** Ends the exchange; a ModelServiceError as its reason gives the error's code. */
  signal: AbortSignal
  /** Limit for the whole exchange, in ms. */
  timeoutMs: number
  /** In place of the client's own limit, in ms; 0 is none. */
  firstByteTimeoutMs?: number
  /** In place of the client's own limit, in ms; 0 is none. */
  idleTimeoutMs?: number
  /** Sees the headers of the answer as it begins; must not throw. */
  onHeaders?(headers: HttpHeaders): void
}

/** An answer, whatever its status; redirects are answers like others and never followed. */
export interface HttpAnswer {
  status: number
  headers: HttpHeaders
  body: Buffer
}

/** A file in a form. */
export interface FormFile {
  bytes: Uint8Array
  mediaType: string
  /** With an extension: providers look at it. */
  filename: string
}

/** Fields of a multipart form, in order; a name may come more than once. */
export type FormFields = readonly (readonly [name: string, value: string | FormFile])[]

/**
 * What adapters need of HTTP. Every method rejects only with a {@link ProviderError}: PROVIDER_UNAVAILABLE,
 * REQUEST_TIMEOUT, PAYLOAD_TOO_LARGE, PROVIDER_ERROR, or the code of the signal's reason (CANCELLED by default). The
 * error's outcome is FAILED when nothing had been sent, else UNKNOWN.
 */
export interface HttpClient {
  get(request: HttpRequest): Promise<HttpAnswer>
  postJson(request: HttpRequest, body: object): Promise<HttpAnswer>
  postForm(request: HttpRequest, fields: FormFields): Promise<HttpAnswer>
  /**
   * Posts JSON and hands over the data of each server-sent event as it comes, until `onEvent` gives true (that was the
   * last) or the answer ends. The answer's body is empty then; it is filled when the provider sent no event stream.
   */
  postJsonForEvents(request: HttpRequest, body: object, onEvent: (data: string) => boolean): Promise<HttpAnswer>
  /** The same for a stream of JSON lines (NDJSON): each line that is not blank. */
  postJsonForLines(request: HttpRequest, body: object, onLine: (line: string) => boolean): Promise<HttpAnswer>
  /** Ends idle connections and waits for running exchanges. */
  close(): Promise<void>
}

/** Limits of the HTTP client. */
export interface HttpLimits {
  /** Time to connect, TLS included, in ms; default 10 000. */
  connectTimeoutMs: number
  /** Time from the call to the answer's headers, in ms; 0 leaves it to the total time; default 0. */
  firstByteTimeoutMs: number
  /** Longest silence between two pieces of an answer, in ms; 0 leaves it to the total time; default 60 000. */
  idleTimeoutMs: number
  /** Largest answer, in bytes; default 64 MiB. */
  maxAnswerBytes: number
  /** Largest line, and largest event, of a stream, in characters; default 1 MiB. */
  maxEventLength: number
}

/** The limits where nothing else is set. */
export const defaultHttpLimits: Readonly<HttpLimits> = {
  connectTimeoutMs: 10_000,
  firstByteTimeoutMs: 0,
  idleTimeoutMs: 60_000,
  maxAnswerBytes: 64 * 1024 * 1024,
  maxEventLength: 1024 * 1024,
}

/** The value of a header; the first one when it came several times. */
export function headerOf(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
