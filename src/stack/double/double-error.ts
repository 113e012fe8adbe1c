/** An error answer of the double, in OpenAI's envelope `{error: {message, type, param, code}}`. */
export class DoubleError extends Error {
  readonly status: number
  readonly type: string
  readonly param: string | null
  readonly errorCode: string | null

  constructor(status: number, message: string, details: { type?: string; param?: string; code?: string } = {}) {
    super(message)
    this.status = status
    this.type = details.type ?? 'invalid_request_error'
    this.param = details.param ?? null
    this.errorCode = details.code ?? null
  }

  /** The body of the answer. */
  toBody(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.errorCode } }
  }
}

/** The error that OpenAI answers with a status. */
export function errorOfStatus(status: number): DoubleError {
  const message = `[double] You asked for HTTP status ${status}.`
  switch (status) {
    case 401:
      return new DoubleError(status, message, { code: 'invalid_api_key' })
    case 403:
      return new DoubleError(status, message, { code: 'unsupported_country_region_territory' })
    case 404:
      return new DoubleError(status, message, { param: 'model', code: 'model_not_found' })
    case 429:
      return new DoubleError(status, message, { type: 'requests', code: 'rate_limit_exceeded' })
    default:
      return new DoubleError(status, message, status < 500 ? {} : { type: 'server_error' })
  }
}
