import { createHash } from 'node:crypto'
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import type { MediaRef } from '../../contract/types.ts'
import { createHostMatcher, type HostMatcher, hostNameOf } from '../host-allow-list.ts'
import { ProviderError } from '../provider.ts'
import { type HttpClient, headerOf } from './http-client.ts'
import { isPrivateAddress } from './private-address.ts'
import { UndiciHttpClient } from './undici-http-client.ts'

/** Media as bytes. */
export interface LoadedMedia {
  bytes: Buffer
  mediaType: string
}

/** Gives the bytes of media, inline or by address. */
export interface MediaFetcher {
  /** How many bytes the media of one chat may have together. */
  readonly maxTotalBytes: number
  /**
   * @throws INVALID_REQUEST for an address that is not plain http or https, or leads to a private address
   * @throws MEDIA_UNAVAILABLE when it cannot be fetched or its checksum differs
   * @throws PAYLOAD_TOO_LARGE beyond the limit
   */
  load(media: MediaRef, signal: AbortSignal): Promise<LoadedMedia>
  close(): Promise<void>
}

/** The default of the contract, which says nothing. */
const unknownType = 'application/octet-stream'

/** Limits of fetching media. */
export interface MediaFetcherOptions {
  /** Largest medium in bytes; default 25 MiB. */
  maxBytes?: number
  /** Largest sum of the media of one chat, in bytes; default 64 MiB. */
  maxTotalBytes?: number
  /** Limit for fetching one, in ms; default 30 000. */
  timeoutMs?: number
  /** Hosts (`host`, `host:port`, `*.suffix`) that may have private addresses; default none. */
  allowedHosts?: readonly string[]
}

/**
 * Fetches media by http and https. No host may lead to a private, loopback or link-local address unless it is on the
 * allow-list: the address is judged when the connection is made, so a name that resolves differently a moment later
 * gains nothing. Redirects are refused. Through a proxy it is the proxy that resolves names; there only addresses
 * written as numbers and names of this machine are refused here, and the proxy must guard its own network.
 */
export class HttpMediaFetcher implements MediaFetcher {
  readonly maxTotalBytes: number
  readonly #maxBytes: number
  readonly #timeoutMs: number
  readonly #isAllowed: HostMatcher
  readonly #http: HttpClient

  constructor(options: MediaFetcherOptions = {}) {
    this.#maxBytes = options.maxBytes ?? 25 * 1024 * 1024
    this.maxTotalBytes = options.maxTotalBytes ?? 64 * 1024 * 1024
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#isAllowed = createHostMatcher(options.allowedHosts ?? [])
    this.#http = new UndiciHttpClient({
      maxAnswerBytes: this.#maxBytes,
      connector: guardedConnector(this.#isAllowed),
    })
  }

  async load(media: MediaRef, signal: AbortSignal): Promise<LoadedMedia> {
    if (media.bytes !== null) {
      checkSum(media.bytes, media.sha256)
      return { bytes: media.bytes, mediaType: media.mediaType }
    }
    const url = this.#checkedUrl(media.url)
    const answer = await this.#get(url, signal)
    if (answer.status !== 200) {
      const isRedirect = answer.status >= 300 && answer.status < 400
      throw new ProviderError(
        'MEDIA_UNAVAILABLE',
        `Media at ${url.host} could not be fetched: HTTP ${answer.status}; ${isRedirect ? 'redirects are not followed, so name the last address' : 'check that anybody may read it there'}, or send the bytes.`,
        { retryable: answer.status >= 500 || answer.status === 429 },
      )
    }
    checkSum(answer.body, media.sha256)
    return { bytes: answer.body, mediaType: typeOf(media, headerOf(answer.headers, 'content-type')) }
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  #checkedUrl(text: string | null): URL {
    const url = text === null ? null : URL.parse(text)
    if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
      throw new ProviderError(
        'INVALID_REQUEST',
        'Media must carry bytes, or an http or https address without user name; correct `url`.',
      )
    }
    if (this.#isAllowed(url)) return url
    const host = hostNameOf(url)
    const isOurs = host === 'localhost' || host.endsWith('.localhost')
    if (isOurs || (isIP(host) !== 0 && isPrivateAddress(host))) throw privateAddress(url.host)
    return url
  }

  async #get(url: URL, signal: AbortSignal) {
    try {
      return await this.#http.get({ provider: 'media', url, headers: {}, signal, timeoutMs: this.#timeoutMs })
    } catch (error) {
      throw asMediaError(error, url.host, this.#maxBytes)
    }
  }
}

/** A private address met while connecting; carried through undici and recognised by {@link asMediaError}. */
class PrivateAddressError extends Error {
  readonly code = 'MEDIA_ADDRESS_PRIVATE'
}

function asMediaError(error: unknown, host: string, maxBytes: number): unknown {
  if (!(error instanceof ProviderError)) return error
  if (error.cause instanceof PrivateAddressError) return privateAddress(host)
  switch (error.code) {
    case 'PAYLOAD_TOO_LARGE':
      return new ProviderError(
        'PAYLOAD_TOO_LARGE',
        `Media at ${host} is larger than ${maxBytes} bytes; send a smaller one or raise MAX_MEDIA_BYTES.`,
      )
    case 'PROVIDER_UNAVAILABLE':
    case 'PROVIDER_ERROR':
    case 'REQUEST_TIMEOUT':
      // A time-out that the caller's own signal caused keeps its meaning: its cause is that signal's reason.
      if (error.code === 'REQUEST_TIMEOUT' && error.cause !== undefined) return asFailed(error)
      return new ProviderError(
        'MEDIA_UNAVAILABLE',
        `Media at ${host} could not be fetched in time and whole; check its server, or send the bytes.`,
        {
          cause: error,
        },
      )
    default:
      return asFailed(error)
  }
}

/** Fetching media does no provider's work: whatever the outcome of the fetch, the call was not made. */
function asFailed(error: ProviderError): ProviderError {
  if (error.outcome !== 'UNKNOWN') return error
  return new ProviderError(error.code, error.message, { cause: error.cause })
}

function privateAddress(host: string): ProviderError {
  return new ProviderError(
    'INVALID_REQUEST',
    `Media at ${host} lies at a private address, which is not fetched; send the bytes, or add the host to MEDIA_ALLOWED_HOSTS.`,
  )
}

/** What the request says counts; where that is nothing, or the default, what the server says, if it is a media type. */
function typeOf({ mediaType }: MediaRef, served: string | undefined): string {
  if (mediaType !== '' && mediaType !== unknownType) return mediaType
  const type = served?.split(';')[0]?.trim().toLowerCase() ?? ''
  return /^[a-z0-9.+-]{1,64}\/[a-z0-9.+-]{1,64}$/.test(type) ? type : unknownType
}

function checkSum(bytes: Buffer, expected: string | null): void {
  if (expected === null) return
  if (createHash('sha256').update(bytes).digest('hex') === expected.toLowerCase()) return
  throw new ProviderError(
    'MEDIA_UNAVAILABLE',
    'The SHA-256 of the media differs from `sha256`; send the right bytes.',
    {
      retryable: false,
    },
  )
}

/** Connects like undici does, but judges every resolved address first. */
function guardedConnector(isAllowed: HostMatcher): buildConnector.connector {
  const common = { timeout: 10_000, allowH2: false }
  const open = buildConnector(common)
  const guarded = buildConnector({ ...common, lookup: publicLookup })
  return (options, callback) => {
    const url = new URL(`${options.protocol}//${options.host ?? options.hostname}`)
    if (isAllowed(url)) return open(options, callback)
    // A number needs no look-up, so it is judged here.
    const host = hostNameOf(url)
    if (isIP(host) !== 0 && isPrivateAddress(host)) return callback(new PrivateAddressError('private address'), null)
    return guarded(options, callback)
  }
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, '')
    const first = addresses[0]
    if (first === undefined || addresses.some(({ address }) => isPrivateAddress(address))) {
      return callback(new PrivateAddressError('private address'), '')
    }
    if (options.all) return callback(null, addresses)
    return callback(null, first.address, first.family)
  })
}
