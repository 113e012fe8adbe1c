import type {
  AudioTranscriptionInput,
  ChatInput,
  ChatMessage,
  ContentPart,
  ImageGenerationInput,
  MediaRef,
  SamplingParameters,
} from '../../../src/contract/types.ts'

/** Sampling that says nothing. */
export const noSampling: SamplingParameters = {
  temperature: null,
  topP: null,
  topK: null,
  frequencyPenalty: null,
  presencePenalty: null,
  seed: null,
  stop: [],
  maxOutputTokens: null,
}

/** A text part. */
export function text(content: string): ContentPart {
  return { kind: 'TEXT', text: content, media: null, detail: null }
}

/** A part with media. */
export function part(kind: 'IMAGE' | 'AUDIO' | 'FILE', media: Partial<MediaRef>): ContentPart {
  return { kind, text: null, detail: null, media: mediaRef(media) }
}

/** Media with all fields. */
export function mediaRef(media: Partial<MediaRef>): MediaRef {
  return { bytes: null, url: null, sha256: null, mediaType: 'image/png', filename: null, ...media }
}

/** A message with all fields. */
export function message(role: ChatMessage['role'], ...content: ContentPart[]): ChatMessage {
  return { role, content, name: null, toolCalls: [], toolCallId: null }
}

/** A chat with all fields. */
export function chatInput(fields: Partial<ChatInput> = {}): ChatInput {
  return {
    messages: [message('USER', text('Hello'))],
    tools: [],
    toolChoice: null,
    parallelToolCalls: null,
    responseFormat: null,
    sampling: noSampling,
    reasoning: null,
    user: null,
    providerOptions: {},
    ...fields,
  }
}

/** Images with all fields. */
export function imageInput(fields: Partial<ImageGenerationInput> = {}): ImageGenerationInput {
  return {
    prompt: 'a cat',
    count: 1,
    size: null,
    quality: null,
    style: null,
    background: null,
    outputFormat: null,
    user: null,
    providerOptions: {},
    ...fields,
  }
}

/** A transcription with all fields. */
export function transcriptionInput(fields: Partial<AudioTranscriptionInput> = {}): AudioTranscriptionInput {
  return {
    audio: mediaRef({ bytes: Buffer.from('RIFF....WAVE'), mediaType: 'audio/wav' }),
    language: null,
    prompt: null,
    timestamps: 'NONE',
    temperature: null,
    providerOptions: {},
    ...fields,
  }
}
