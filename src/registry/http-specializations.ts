import { ModelServiceError } from '../errors/model-service-error.ts'
import type { SpecializationSource } from '../model-service/ports/specialization-source.ts'

/** What {@link createHttpSpecializations} is given. */
export interface HttpSpecializationsOptions {
  /** Address under which each specialization lies by its URL-encoded id; http or https. */
  baseUrl: string
  /** Time for one fetch, in ms. */
  timeoutMs: number
  /** How long an answer is kept, in ms, "there is none" included; default 60,000. A failure is kept for 5 s at most. */
  cacheMs?: number
  /** Answers kept at most; default 1,000. The oldest go first. */
  cacheCount?: number
  /** Unix time in ms; default Date.now. */
  now?: () => number
}

/** Largest answer, in bytes. */
const maxAnswerBytes = 256 * 1024
/** A source that is away must not hold up every request for its time-out. */
const failureMs = 5_000

/** The source when none is configured: there is no specialization. */
export const noSpecializations: SpecializationSource = { prompt: async () => null }

interface Kept {
  prompt: Promise<string | null>
  until: number
}

/**
 * Fetches prompts with GET `<baseUrl>/<id>`: text/plain is the prompt itself, application/json an object with `prompt`. 404 and
 * 410 mean that there is none. Callers at the same time share one fetch; it is not ended by the signal of any of them.
 * @throws INVALID_REQUEST when the address is none
 */
export function createHttpSpecializations(options: HttpSpecializationsOptions): SpecializationSource {
  const { baseUrl, cacheMs = 60_000, cacheCount = 1_000, now = Date.now } = options
  const base = URL.parse(baseUrl)
  if (base === null || !['http:', 'https:'].includes(base.protocol)) {
    throw new ModelServiceError(
      'INVALID_REQUEST',
      'The address of the specializations must begin with http:// or https://.',
    )
  }
  const kept = new Map<string, Kept>()

  function fetchOnce(id: string): Promise<string | null> {
    const known = kept.get(id)
    if (known !== undefined && now() < known.until) return known.prompt
    const prompt = fetchPrompt(base as URL, id, options.timeoutMs)
    const entry: Kept = { prompt, until: now() + cacheMs }
    kept.delete(id)
    kept.set(id, entry)
    prompt.catch(() => {
      entry.until = Math.min(entry.until, now() + failureMs)
    })
    const [oldest] = kept.keys()
    if (kept.size > cacheCount && oldest !== undefined) kept.delete(oldest)
    return prompt
  }

  return {
    async prompt(id, signal) {
      signal.throwIfAborted()
      return unlessAborted(fetchOnce(id), signal)
    },
  }
}

async function fetchPrompt(base: URL, id: string, timeoutMs: number): Promise<string | null> {
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/${encodeSegment(id)}`
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json, text/plain' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (response.status === 404 || response.status === 410) {
      await response.body?.cancel()
      return null
    }
    if (!response.ok) {
      await response.body?.cancel()
      throw failed(`the source answered HTTP ${response.status}`)
    }
    const text = await readText(response)
    const type = response.headers.get('content-type') ?? ''
    return /^application\/(.+\+)?json\b/i.test(type) ? promptOf(text) : text
  } catch (error) {
    if (error instanceof ModelServiceError) throw error
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    throw failed(isLate ? `no answer within ${timeoutMs} ms` : 'the source could not be reached', error)
  }
}

async function readText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body ?? []) {
    size += piece.byteLength
    // Leaving the loop cancels the rest.
    if (size > maxAnswerBytes) throw failed(`the answer is larger than ${maxAnswerBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function promptOf(text: string): string {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw failed('the answer is not JSON')
  }
  if (typeof answer === 'object' && answer !== null && 'prompt' in answer && typeof answer.prompt === 'string') {
    return answer.prompt
  }
  throw failed('the answer has no prompt')
}

/** A path segment of dots alone would lead elsewhere, even encoded. @throws INVALID_REQUEST */
function encodeSegment(id: string): string {
  if (/^\.{1,2}$/.test(id)) throw new ModelServiceError('INVALID_REQUEST', 'specializationId must not be "." or "..".')
  return encodeURIComponent(id)
}

function failed(why: string, cause?: unknown): ModelServiceError {
  return new ModelServiceError('PROVIDER_UNAVAILABLE', `The specialization could not be fetched: ${why}.`, { cause })
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
