import type { Usage } from '../../contract/types.ts'
import { noUsage } from '../answers/no-usage.ts'
import { splitTotal } from '../answers/split-total.ts'
import { asCount, asNumber, asObject } from '../http/json-shape.ts'

/**
 * `usage` of chats, completions and embeddings in disjoint classes. `prompt_tokens` includes what came from and went to
 * the cache, audio and images; `completion_tokens` includes audio and, but for xAI, reasoning. The cache is named
 * `prompt_tokens_details.cached_tokens` (OpenAI), `num_cached_tokens` (Mistral) or `prompt_cache_hit_tokens`
 * (DeepSeek). Null when the provider reported none.
 */
export function mapTokenUsage(raw: unknown, countsReasoningApart: boolean): Usage | null {
  const usage = asObject(raw)
  if (usage === undefined || asNumber(usage['prompt_tokens']) === undefined) return null
  const input = asObject(usage['prompt_tokens_details']) ?? asObject(usage['prompt_token_details']) ?? {}
  const output = asObject(usage['completion_tokens_details']) ?? {}
  const cacheRead = asCount(input['cached_tokens'] ?? usage['num_cached_tokens'] ?? usage['prompt_cache_hit_tokens'])
  const prompt = asCount(usage['prompt_tokens'])
  // xAI has been seen to count the cached tokens beside the prompt: then they are more than the prompt.
  const read = splitTotal(cacheRead > prompt ? prompt : prompt - cacheRead, {
    cacheWrite: asCount(input['cache_write_tokens']),
    audio: asCount(input['audio_tokens']),
    image: asCount(input['image_tokens']),
  })
  const reasoning = asCount(output['reasoning_tokens'])
  const written = splitTotal(asCount(usage['completion_tokens']), {
    reasoning: countsReasoningApart ? 0 : reasoning,
    audio: asCount(output['audio_tokens']),
  })
  return {
    ...noUsage,
    inputUncachedTokens: read.rest,
    inputCacheReadTokens: cacheRead,
    inputCacheWriteTokens: read.cacheWrite,
    inputAudioTokens: read.audio,
    inputImageTokens: read.image,
    outputTokens: written.rest,
    outputReasoningTokens: countsReasoningApart ? reasoning : written.reasoning,
    outputAudioTokens: written.audio,
  }
}

/** `usage` of an image generation; only gpt-image reports tokens, but the pictures are counted in any case. */
export function mapImageUsage(raw: unknown, imageCount: number): Usage {
  const usage = asObject(raw)
  const input = asObject(usage?.['input_tokens_details']) ?? {}
  const output = asObject(usage?.['output_tokens_details']) ?? {}
  const inputImage = asCount(input['image_tokens'])
  const outputText = asCount(output['text_tokens'])
  return {
    ...noUsage,
    inputUncachedTokens: Math.max(0, asCount(usage?.['input_tokens']) - inputImage),
    inputImageTokens: inputImage,
    outputTokens: outputText,
    outputImageTokens: Math.max(0, asCount(usage?.['output_tokens']) - outputText),
    imageCount,
  }
}

/**
 * `usage` of speech to text: `{type: "duration", seconds}` (whisper) or `{type: "tokens", …}` (the 4o models); where
 * there is none, the length of the recording if that is known. Null when nothing is.
 */
export function mapAudioUsage(raw: unknown, durationSeconds: number | null): Usage | null {
  const usage = asObject(raw)
  if (usage === undefined) return durationSeconds === null ? null : { ...noUsage, audioSeconds: durationSeconds }
  const seconds = asNumber(usage['seconds']) ?? durationSeconds
  const details = asObject(usage['input_token_details']) ?? asObject(usage['input_tokens_details']) ?? {}
  const inputAudio = asCount(details['audio_tokens'])
  return {
    ...noUsage,
    inputUncachedTokens: Math.max(0, asCount(usage['input_tokens']) - inputAudio),
    inputAudioTokens: inputAudio,
    outputTokens: asCount(usage['output_tokens']),
    audioSeconds: seconds === null || seconds < 0 ? null : seconds,
  }
}
