import type { AudioTranscriptionOutput, AudioTranslationOutput, TranscriptSegment } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asNumber, asObject, asText } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { mapAudioUsage } from './map-usage.ts'

/** Reads the answer of POST /audio/transcriptions, `json` or `verbose_json`. @throws ProviderError */
export function fromTranscriptionResponse(
  answer: HttpAnswer,
  context: AnswerContext,
): ProviderAnswer<AudioTranscriptionOutput> {
  const body = readJsonAnswer(answer, context)
  const text = asText(body['text'])
  if (text === undefined) throw malformed(answer, context, 'no text')
  const durationSeconds = asNumber(body['duration']) ?? null
  return {
    output: {
      text,
      language: asText(body['language']) || null,
      durationSeconds,
      segments: readSegments(body['segments'], 'text'),
      words: readSegments(body['words'], 'word'),
    },
    finishReason: 'STOP',
    usage: mapAudioUsage(body['usage'], durationSeconds),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['id'])),
    httpStatus: answer.status,
  }
}

/** Reads the answer of POST /audio/translations, which has no words. @throws ProviderError */
export function fromTranslationResponse(
  answer: HttpAnswer,
  context: AnswerContext,
): ProviderAnswer<AudioTranslationOutput> {
  const { output, ...rest } = fromTranscriptionResponse(answer, context)
  const { words: _words, ...translation } = output
  return { output: translation, ...rest }
}

function readSegments(raw: unknown, textField: 'text' | 'word'): TranscriptSegment[] {
  return asList(raw).flatMap((entry) => {
    const segment = asObject(entry)
    const text = asText(segment?.[textField])
    if (text === undefined) return []
    return [{ startSeconds: asNumber(segment?.['start']) ?? 0, endSeconds: asNumber(segment?.['end']) ?? 0, text }]
  })
}
