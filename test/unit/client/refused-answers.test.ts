import { describe, expect, it } from 'vitest'
import { requireCompleted } from '../../../src/client/completed.ts'
import { CommandRefused, CompletionFailed } from '../../../src/client/refused-answers.ts'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { ModelCompletionDraft } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'

const completion = (draft: ModelCompletionDraft) => completeDraft('ModelCompletion', { requestId: 'r', ...draft })

describe('a completion', () => {
  it('that is COMPLETED is given as it is', () => {
    const done = completion({ status: 'COMPLETED', chat: { text: 'hi' } })
    expect(requireCompleted(done, 'chat')).toBe(done)
  })

  it('that failed is an error with the code, and says whether another try may help', () => {
    const error = { code: 'RATE_LIMITED', message: 'slowly', retryable: true, provider: 'openai', httpStatus: 429 }
    const failed = completion({ status: 'FAILED', error })
    const thrown = new CompletionFailed(failed)
    expect(thrown).toBeInstanceOf(ModelServiceError)
    expect(thrown).toMatchObject({ ...error, completion: failed })
    expect(() => requireCompleted(failed, 'chat')).toThrow(CompletionFailed)
  })

  it('with a code of a newer worker keeps it in the message', () => {
    const error = { code: 'FROM_THE_FUTURE', message: 'who knows', retryable: true }
    expect(new CompletionFailed(completion({ status: 'FAILED', error }))).toMatchObject({
      code: 'INTERNAL_ERROR',
      message: 'FROM_THE_FUTURE: who knows',
      retryable: true,
    })
    expect(new CompletionFailed(completion({ status: 'EXPIRED' })).message).toBe('The request r ended EXPIRED.')
  })

  it('whose output is nowhere to be had is not taken for an answer', () => {
    expect(() => requireCompleted(completion({ status: 'COMPLETED' }), 'chat')).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
    )
  })
})

it('a refused command is an error with its result', () => {
  const error = { code: 'MODEL_ALREADY_EXISTS', message: 'taken' }
  const result = completeDraft('CommandResult', { commandId: 'c', status: 'REJECTED', error })
  expect(new CommandRefused(result)).toMatchObject({ code: 'MODEL_ALREADY_EXISTS', message: 'taken', result })
})
