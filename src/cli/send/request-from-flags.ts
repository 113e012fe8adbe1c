import { randomUUID } from 'node:crypto'
import type {
  ChatInputDraft,
  ChatMessageDraft,
  ContentKind,
  ContentPartDraft,
  MediaRefDraft,
  ModelRequest,
} from '../../contract/types.ts'
import { UsageError } from '../usage-error.ts'
import { readMedia } from './media-file.ts'
import { finishRequest, type RequestOverrides } from './read-request.ts'

/** What `--type` may be. */
export const requestTypeNames = ['chat', 'completion', 'embedding', 'image', 'transcription', 'translation'] as const

/** What kind of request to build. */
export type RequestTypeName = (typeof requestTypeNames)[number]

/** A request in flags. */
export interface RequestFlags {
  type: RequestTypeName
  /** Several only for embeddings. */
  prompts: readonly string[]
  system: string | null
  /** Paths of media. */
  files: readonly string[]
}

/** Builds a request from flags. @throws UsageError when flags do not fit the type */
export function requestFromFlags(flags: RequestFlags, overrides: RequestOverrides): ModelRequest {
  const input = inputFromFlags(flags)
  return finishRequest({ requestId: randomUUID(), ...overrides, input }, 'the command line')
}

function inputFromFlags(flags: RequestFlags): object {
  if (flags.system !== null && flags.type !== 'chat') throw new UsageError('--system goes with --type chat only.')
  switch (flags.type) {
    case 'chat':
      return chatInput(flags)
    case 'completion':
      return { type: 'CompletionInput', prompt: onePrompt(withoutFiles(flags)) }
    case 'embedding':
      if (flags.prompts.length === 0) throw new UsageError('--type embedding needs --prompt, once for each text.')
      return { type: 'EmbeddingInput', texts: withoutFiles(flags).prompts }
    case 'image':
      return { type: 'ImageGenerationInput', prompt: onePrompt(withoutFiles(flags)) }
    case 'transcription':
      return { type: 'AudioTranscriptionInput', audio: oneFile(flags), prompt: promptOrNull(flags) }
    case 'translation':
      return { type: 'AudioTranslationInput', audio: oneFile(flags), prompt: promptOrNull(flags) }
    default:
      return flags.type satisfies never
  }
}

function chatInput(flags: RequestFlags): ChatInputDraft & { type: 'ChatInput' } {
  const parts: ContentPartDraft[] = [{ kind: 'TEXT', text: onePrompt(flags) }]
  for (const file of flags.files) {
    const media = readMedia(file)
    parts.push({ kind: contentKindOf(media), media })
  }
  const messages: ChatMessageDraft[] = [{ role: 'USER', content: parts }]
  if (flags.system !== null) messages.unshift({ role: 'SYSTEM', content: [{ kind: 'TEXT', text: flags.system }] })
  return { type: 'ChatInput', messages }
}

function contentKindOf({ mediaType }: MediaRefDraft): ContentKind {
  if (mediaType?.startsWith('image/') === true) return 'IMAGE'
  return mediaType?.startsWith('audio/') === true ? 'AUDIO' : 'FILE'
}

function onePrompt({ type, prompts }: RequestFlags): string {
  const [prompt] = prompts
  if (prompt === undefined) {
    throw new UsageError(
      `--type ${type} needs --prompt. Give one, or a request file, or - to read a request from standard input.`,
    )
  }
  if (prompts.length > 1) throw new UsageError(`--type ${type} takes one --prompt, not ${prompts.length}.`)
  return prompt
}

function promptOrNull(flags: RequestFlags): string | null {
  return flags.prompts.length === 0 ? null : onePrompt(flags)
}

function oneFile({ type, files }: RequestFlags): MediaRefDraft {
  const [file] = files
  if (file === undefined || files.length > 1)
    throw new UsageError(`--type ${type} needs one --file with the recording.`)
  return readMedia(file)
}

function withoutFiles(flags: RequestFlags): RequestFlags {
  if (flags.files.length > 0) throw new UsageError(`--type ${flags.type} takes no --file.`)
  return flags
}
