import type { AudioTranscriptionInput, AudioTranslationInput } from '../../contract/types.ts'
import type { FormFields, FormFile } from '../http/http-client.ts'
import type { LoadedMedia } from '../http/media-fetcher.ts'
import { filenameOf } from '../media/filename-of.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { reservedFields } from './reserved-fields.ts'

/** What a form is made for. */
export interface FormContext {
  provider: string
  model: string
  audio: LoadedMedia
}

/** The form of POST /audio/transcriptions. Timestamps come only with `verbose_json`. @throws INVALID_REQUEST */
export function toTranscriptionForm(input: AudioTranscriptionInput, context: FormContext): FormFields {
  const fields: Record<string, unknown> = { model: context.model }
  fields['response_format'] = input.timestamps === 'NONE' ? 'json' : 'verbose_json'
  if (input.timestamps === 'SEGMENT') fields['timestamp_granularities[]'] = ['segment']
  // Whoever asks for words gets the sentences too.
  if (input.timestamps === 'WORD') fields['timestamp_granularities[]'] = ['word', 'segment']
  if (input.language !== null) fields['language'] = input.language
  if (input.prompt !== null) fields['prompt'] = input.prompt
  if (input.temperature !== null) fields['temperature'] = input.temperature
  return toForm(fields, input, context)
}

/**
 * The form of POST /audio/translations. Whisper models are asked for `verbose_json`, which alone tells language and
 * length. @throws INVALID_REQUEST
 */
export function toTranslationForm(input: AudioTranslationInput, context: FormContext): FormFields {
  const fields: Record<string, unknown> = { model: context.model }
  fields['response_format'] = context.model.includes('whisper') ? 'verbose_json' : 'json'
  if (input.prompt !== null) fields['prompt'] = input.prompt
  if (input.temperature !== null) fields['temperature'] = input.temperature
  return toForm(fields, input, context)
}

/** The body with the caller's options and the audio. Lists become repeated fields, objects JSON text. */
function toForm(
  body: Record<string, unknown>,
  { audio, providerOptions: options }: Pick<AudioTranslationInput, 'audio' | 'providerOptions'>,
  context: FormContext,
): FormFields {
  const values = mergeProviderOptions({ body, options, reserved: reservedFields, provider: context.provider })
  const fields: (readonly [string, string | FormFile])[] = []
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      fields.push([name, typeof one === 'string' ? one : JSON.stringify(one)])
    }
  }
  const { bytes, mediaType } = context.audio
  fields.push(['file', { bytes, mediaType, filename: filenameOf({ filename: audio.filename, mediaType }) }])
  return fields
}
