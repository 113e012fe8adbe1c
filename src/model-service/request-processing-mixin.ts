import type { ModelCompletion, ModelRequest } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { InputType } from '../routing/request-type.ts'
import type { AbstractConstructor } from './mixin.ts'
import type { ModelServiceBase, RequestProduct } from './model-service-base.ts'
import type { RequestContext } from './ports/request-context.ts'
import { processRequest } from './process-request.ts'

/** A request with that kind of input. */
export type RequestOf<TType extends InputType> = Omit<ModelRequest, 'input'> & {
  input: Extract<ModelRequest['input'], { type: TType }>
}

/**
 * Serves requests. Every method resolves with the terminal record, whatever its status; `context` holds for this run alone.
 * They reject only with what makes a run void: ClaimRefused, DATABASE_UNAVAILABLE, or a failure of the event bus.
 * The methods of one type refuse other inputs with INVALID_REQUEST, before anything is done.
 */
export interface RequestProcessing {
  /** Serves a request of any type. */
  process(request: ModelRequest, context?: RequestContext): Promise<ModelCompletion>
  chat(request: RequestOf<'ChatInput'>, context?: RequestContext): Promise<ModelCompletion>
  completion(request: RequestOf<'CompletionInput'>, context?: RequestContext): Promise<ModelCompletion>
  embedding(request: RequestOf<'EmbeddingInput'>, context?: RequestContext): Promise<ModelCompletion>
  imageGeneration(request: RequestOf<'ImageGenerationInput'>, context?: RequestContext): Promise<ModelCompletion>
  audioTranscription(request: RequestOf<'AudioTranscriptionInput'>, context?: RequestContext): Promise<ModelCompletion>
  audioTranslation(request: RequestOf<'AudioTranslationInput'>, context?: RequestContext): Promise<ModelCompletion>
}

/** Adds {@link RequestProcessing}. */
export function RequestProcessingMixin<TBase extends AbstractConstructor<ModelServiceBase>>(
  Base: TBase,
): TBase & AbstractConstructor<RequestProcessing> {
  abstract class WithRequestProcessing extends Base implements RequestProcessing {
    process(request: ModelRequest, context: RequestContext = {}): Promise<ModelCompletion> {
      const { input } = request
      switch (input?.type) {
        case 'ChatInput':
          return this.chat({ ...request, input }, context)
        case 'CompletionInput':
          return this.completion({ ...request, input }, context)
        case 'EmbeddingInput':
          return this.embedding({ ...request, input }, context)
        case 'ImageGenerationInput':
          return this.imageGeneration({ ...request, input }, context)
        case 'AudioTranscriptionInput':
          return this.audioTranscription({ ...request, input }, context)
        case 'AudioTranslationInput':
          return this.audioTranslation({ ...request, input }, context)
        default:
          // Only a caller outside the type system gets here; validation ends it REJECTED.
          return this.#serve('process', request, context)
      }
    }

    chat(request: RequestOf<'ChatInput'>, context: RequestContext = {}): Promise<ModelCompletion> {
      return this.#serve('chat', request, context, 'ChatInput')
    }

    completion(request: RequestOf<'CompletionInput'>, context: RequestContext = {}): Promise<ModelCompletion> {
      return this.#serve('completion', request, context, 'CompletionInput')
    }

    embedding(request: RequestOf<'EmbeddingInput'>, context: RequestContext = {}): Promise<ModelCompletion> {
      return this.#serve('embedding', request, context, 'EmbeddingInput')
    }

    imageGeneration(
      request: RequestOf<'ImageGenerationInput'>,
      context: RequestContext = {},
    ): Promise<ModelCompletion> {
      return this.#serve('imageGeneration', request, context, 'ImageGenerationInput')
    }

    audioTranscription(
      request: RequestOf<'AudioTranscriptionInput'>,
      context: RequestContext = {},
    ): Promise<ModelCompletion> {
      return this.#serve('audioTranscription', request, context, 'AudioTranscriptionInput')
    }

    audioTranslation(
      request: RequestOf<'AudioTranslationInput'>,
      context: RequestContext = {},
    ): Promise<ModelCompletion> {
      return this.#serve('audioTranslation', request, context, 'AudioTranslationInput')
    }

    async #serve(
      name: string,
      request: ModelRequest,
      context: RequestContext,
      expected?: InputType,
    ): Promise<ModelCompletion> {
      if (expected !== undefined && request.input?.type !== expected) {
        throw new ModelServiceError(
          'INVALID_REQUEST',
          `${name} takes input of type ${expected}, not ${request.input?.type}. Use process for any type.`,
        )
      }
      const { deps, clock, timers, targetHealth: health, targetLatency: latency, callLimits: limits, log } = this
      const product = await this.track<RequestProduct>(
        {
          name,
          fields: { tenant: request.tenant, requestId: request.requestId },
          product: (result) => result,
        },
        () => processRequest({ request, context, deps, clock, timers, health, latency, limits, log }),
      )
      return product.completion
    }
  }
  return WithRequestProcessing
}
