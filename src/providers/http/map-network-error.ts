import { ProviderError } from '../provider.ts'

/** What is known of the exchange that failed. */
export interface NetworkFailure {
  provider: string
  /** Host and port, for the message. */
  host: string
  /** Whether the request had begun to leave. */
  isSent: boolean
}

/** For connections that break: what breaks them is seldom told to this side. */
const seeBetween = 'see its log, and whether a proxy between has a time limit'

/** What the codes of Node and undici mean to a reader, and what to do. */
const explanations: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; check the base address and that the server runs',
  ENOTFOUND: 'the host name does not resolve; check the base address and DNS',
  EAI_AGAIN: 'DNS gave no answer; check the network',
  EHOSTUNREACH: 'the host cannot be reached; check the network',
  ENETUNREACH: 'the network cannot be reached; check the routes of this machine',
  ECONNRESET: `the connection was reset; ${seeBetween}`,
  EPIPE: `the connection was closed; ${seeBetween}`,
  UND_ERR_SOCKET: `the connection broke; ${seeBetween}`,
  UND_ERR_CONNECT_TIMEOUT:
    'no connection came about in time (connect); check the base address, and whether a firewall lets it through',
  UND_ERR_PRX_TLS: 'the TLS certificate of the proxy was refused; set NODE_EXTRA_CA_CERTS',
  UND_ERR_PRX_CONN: 'the proxy refused the connection; check HTTPS_PROXY',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large; check that its API is at the base address',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: `the answer is shorter than it announced; ${seeBetween}`,
}

const certificateCode = /^(CERT_|ERR_TLS_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/

/**
 * Maps a failure of the network to our error: before sending always PROVIDER_UNAVAILABLE and FAILED; after it the
 * outcome is UNKNOWN, for the provider may have done the work. An answer that is not HTTP is PROVIDER_ERROR.
 */
export function mapNetworkError(error: unknown, { provider, host, isSent }: NetworkFailure): ProviderError {
  const code = codeOf(error)
  const isNotHttp = code.startsWith('HPE_') || code === 'HTTPParserError'
  const explanation =
    explanations[code] ??
    (certificateCode.test(code)
      ? 'its TLS certificate is not trusted; set NODE_EXTRA_CA_CERTS to the certificate authority'
      : isNotHttp
        ? 'the answer is not HTTP; check the scheme (http or https) and the port of the base address'
        : 'the network failed; look the code up, and check the way to that host')
  const isMalformed = isNotHttp || code === 'UND_ERR_HEADERS_OVERFLOW'
  const when = isSent ? 'after the request was sent' : 'before anything was sent'
  return new ProviderError(
    isMalformed ? 'PROVIDER_ERROR' : 'PROVIDER_UNAVAILABLE',
    `Provider ${provider} at ${host}: ${explanation} (${code}, ${when}).`,
    // The parser's error carries bytes of the answer, which belong in no log.
    { provider, outcome: isSent ? 'UNKNOWN' : 'FAILED', ...(!isNotHttp && { cause: error }) },
  )
}

/** The error's code, or that of what is inside it: an AggregateError of addresses, a cause. */
function codeOf(error: unknown): string {
  for (const candidate of [error, ...asErrors(error)]) {
    const code = (candidate as { code?: unknown } | undefined)?.code
    if (typeof code === 'string' && code !== '') return code
  }
  return error instanceof Error ? error.name : 'UNKNOWN'
}

function asErrors(error: unknown): unknown[] {
  const { errors, cause } = (error ?? {}) as { errors?: unknown; cause?: unknown }
  return [...(Array.isArray(errors) ? errors : []), cause]
}
