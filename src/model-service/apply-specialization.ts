import type { ChatInput, ContentPart, ModelRequest, Warning } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { openLimitedSignal } from './limited-signal.ts'
import type { Log } from './ports/log.ts'
import type { SpecializationSource } from './ports/specialization-source.ts'
import type { Timers } from './ports/timers.ts'

/** An input with the prompt of its specialization, or as it was with a warning. */
export interface SpecializedInput {
  input: ModelRequest['input']
  warnings: Warning[]
}

/** Adds the prompt of the request's specialization. Whatever fails becomes a warning; nothing is thrown. */
export async function specialize(options: {
  request: ModelRequest
  source: SpecializationSource
  timeoutMs: number
  signal: AbortSignal
  log: Log
  /** The runtime's own by default. */
  timers?: Timers | undefined
}): Promise<SpecializedInput> {
  const { request, source, timeoutMs, signal, log, timers } = options
  const { specializationId: id, input } = request
  if (id === null) return { input, warnings: [] }
  if (input.type !== 'ChatInput' && input.type !== 'CompletionInput') {
    return { input, warnings: [unavailable(id, 'does not apply to this type of request')] }
  }
  const limited = openLimitedSignal({
    outer: signal,
    afterMs: timeoutMs,
    reason: () => new ModelServiceError('REQUEST_TIMEOUT', `The specialization did not come within ${timeoutMs} ms.`),
    ...(timers !== undefined && { timers }),
  })
  try {
    const prompt = await Promise.race([source.prompt(id, limited.signal), rejectOnAbort(limited.signal)])
    if (prompt === null) return { input, warnings: [unavailable(id, 'does not exist')] }
    return { input: applySpecialization(input, prompt), warnings: [] }
  } catch (error) {
    log.warn(
      { requestId: request.requestId, tenant: request.tenant, specializationId: id, err: error },
      'specialization unavailable',
    )
    return { input, warnings: [unavailable(id, 'could not be fetched')] }
  } finally {
    limited.close()
  }
}

/** The input with the prompt first in its system message (a new one if there is none), or before the text to complete. */
function applySpecialization<TInput extends ModelRequest['input']>(input: TInput, prompt: string): TInput {
  if (prompt === '') return input
  if (input.type === 'ChatInput') return { ...input, messages: withSystemPrompt(input, prompt) }
  if (input.type === 'CompletionInput') return { ...input, prompt: `${prompt}\n\n${input.prompt}` }
  return input
}

function withSystemPrompt(input: ChatInput, prompt: string): ChatInput['messages'] {
  const part: ContentPart = { kind: 'TEXT', text: prompt, media: null, detail: null }
  const [first, ...rest] = input.messages
  if (first?.role !== 'SYSTEM') {
    return [{ role: 'SYSTEM', content: [part], name: null, toolCalls: [], toolCallId: null }, ...input.messages]
  }
  const separated: ContentPart = { ...part, text: `${prompt}\n\n` }
  return [{ ...first, content: [separated, ...first.content] }, ...rest]
}

function unavailable(id: string, why: string): Warning {
  return {
    code: 'SPECIALIZATION_UNAVAILABLE',
    message: `Specialization "${id}" ${why}; the request was served without it.`,
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
