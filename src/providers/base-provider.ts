import type { RequestType } from '../contract/types.ts'
import {
  type CallableType,
  type CallContext,
  type ModelProvider,
  type ProviderAnswer,
  type ProviderCall,
  type ProviderCalls,
  ProviderError,
} from './provider.ts'

type Call<TType extends CallableType> = ProviderCall<ProviderCalls[TType]['input']>
type Answer<TType extends CallableType> = Promise<ProviderAnswer<ProviderCalls[TType]['output']>>

/**
 * What adapters have in common: an id, and an honest CAPABILITY_NOT_SUPPORTED for each request type that the format does
 * not have. An adapter overrides the methods of those that it has.
 */
export abstract class BaseProvider implements ModelProvider {
  readonly id: string
  readonly capabilities: readonly RequestType[]

  constructor(id: string, capabilities: readonly RequestType[]) {
    this.id = id
    this.capabilities = capabilities
  }

  async chat(_call: Call<'CHAT'>, _context: CallContext): Answer<'CHAT'> {
    throw this.notSupported('CHAT')
  }

  async completion(_call: Call<'COMPLETION'>, _context: CallContext): Answer<'COMPLETION'> {
    throw this.notSupported('COMPLETION')
  }

  async embedding(_call: Call<'EMBEDDING'>, _context: CallContext): Answer<'EMBEDDING'> {
    throw this.notSupported('EMBEDDING')
  }

  async imageGeneration(_call: Call<'IMAGE_GENERATION'>, _context: CallContext): Answer<'IMAGE_GENERATION'> {
    throw this.notSupported('IMAGE_GENERATION')
  }

  async audioTranscription(_call: Call<'AUDIO_TRANSCRIPTION'>, _context: CallContext): Answer<'AUDIO_TRANSCRIPTION'> {
    throw this.notSupported('AUDIO_TRANSCRIPTION')
  }

  async audioTranslation(_call: Call<'AUDIO_TRANSLATION'>, _context: CallContext): Answer<'AUDIO_TRANSLATION'> {
    throw this.notSupported('AUDIO_TRANSLATION')
  }

  abstract listModels(context: Pick<CallContext, 'signal' | 'timeoutMs'>): Promise<string[]>

  abstract checkKey(context: Pick<CallContext, 'signal' | 'timeoutMs'>): Promise<void>

  /** The error of a request type that this provider does not have. */
  protected notSupported(type: CallableType): ProviderError {
    return new ProviderError(
      'CAPABILITY_NOT_SUPPORTED',
      `Provider ${this.id} does not serve ${type}, only ${this.capabilities.join(', ')}; choose another provider.`,
      { provider: this.id },
    )
  }

  /** Refuses a request type that not every provider of the format has. @throws CAPABILITY_NOT_SUPPORTED */
  protected mustServe(type: CallableType): void {
    if (!this.capabilities.includes(type)) throw this.notSupported(type)
  }
}
