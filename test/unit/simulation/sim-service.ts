import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { RequestProcessor } from '../../../src/consumers/ports.ts'
import type {
  Attempt,
  AttemptOutcome,
  ErrorDetail,
  ModelCompletion,
  ModelRequest,
} from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import type { EventBus } from '../../../src/model-service/ports/outcome.ts'
import type { Claim, RequestContext } from '../../../src/model-service/ports/request-context.ts'
import { epochMs, type Scheduler } from './scheduler.ts'
import type { SimProcess } from './sim-process.ts'
import type { SimProvider } from './sim-provider.ts'

/** What a {@link SimService} works with. */
export interface SimServiceOptions {
  provider: SimProvider
  process: SimProcess
  scheduler: Scheduler
  eventBus: EventBus
  /** Breaks rule 7. */
  callsWithoutLease: boolean
}

/** Plans for a moment, asks for the claim, calls once, and hands over the outcome, as ModelService does. */
export class SimService implements RequestProcessor {
  readonly #options: SimServiceOptions

  constructor(options: SimServiceOptions) {
    this.#options = options
  }

  async process(request: ModelRequest, context: RequestContext): Promise<ModelCompletion> {
    const { scheduler, process } = this.#options
    if (request.taskType === 'invalid') {
      return await this.#publish(request, context, null, [], failureOf('INVALID_REQUEST'))
    }
    await new Promise<void>((resolve) => {
      scheduler.after(scheduler.random.pick([0, 1, 30]), process, resolve)
    })
    const claim = await context.beforeFirstCall?.()
    if (claim === undefined) throw new Error('The claim is missing')
    const attempts = [...(claim.priorAttempts ?? []), ...unknownAttempts(claim)]
    if (claim.cancelled !== undefined) {
      return await this.#publish(request, context, claim, attempts, failureOf('CANCELLED'))
    }
    if (claim.uncertain) return await this.#publish(request, context, claim, attempts, failureOf('OUTCOME_UNKNOWN'))
    if (!this.#options.callsWithoutLease) context.assertMayCall?.()
    const answer = await this.#options.provider.call({
      requestId: request.requestId,
      attempt: claim.attemptBase + 1,
      token: claim.token,
      process,
    })
    const error = answer === 'ok' ? null : failureOf('PROVIDER_UNAVAILABLE')
    attempts.push(attemptOf(claim.attemptBase + 1, claim.token, error === null ? 'SUCCEEDED' : 'FAILED', error))
    return await this.#publish(request, context, claim, attempts, error)
  }

  async #publish(
    request: ModelRequest,
    context: RequestContext,
    claim: Claim | null,
    attempts: Attempt[],
    error: ErrorDetail | null,
  ): Promise<ModelCompletion> {
    const { requestId, tenant, taskType } = request
    const status = error === null ? 'COMPLETED' : error.code === 'CANCELLED' ? 'CANCELLED' : 'FAILED'
    const completion: ModelCompletion = {
      ...template(),
      requestId,
      tenant,
      status,
      error,
      attempts,
      token: claim?.token ?? 0,
      source: context.source ?? null,
    }
    const now = epochMs + this.#options.scheduler.now
    await this.#options.eventBus.publish({
      request,
      completion,
      performance: [],
      log: {
        tenant,
        requestId,
        requestType: 'COMPLETION',
        taskType,
        model: null,
        provider: null,
        status,
        errorCode: error?.code ?? null,
        attemptCount: attempts.length,
        confidence: null,
        usage: null,
        cost: completion.cost,
        startedAt: now,
        finishedAt: now,
        durationMs: 0,
        registryVersion: null,
        source: context.source ?? null,
        calledModels: [],
      },
    })
    return completion
  }
}

let emptyCompletion: ModelCompletion | undefined

function template(): ModelCompletion {
  emptyCompletion ??= completeDraft('ModelCompletion', { requestId: 'r', status: 'COMPLETED' })
  return emptyCompletion
}

function failureOf(code: ConstructorParameters<typeof ModelServiceError>[0]): ErrorDetail {
  return new ModelServiceError(code, 'simulated').toDetail()
}

/** Calls that owners who died may have made: one for each. */
function unknownAttempts({ unknownCount = 0, attemptBase, token }: Claim): Attempt[] {
  return Array.from({ length: unknownCount }, (_, index) =>
    attemptOf(attemptBase - unknownCount + index + 1, token, 'UNKNOWN', failureOf('OUTCOME_UNKNOWN')),
  )
}

function attemptOf(number: number, token: number, outcome: AttemptOutcome, error: ErrorDetail | null): Attempt {
  return {
    number,
    token,
    provider: 'simulated',
    model: 'm',
    outcome,
    startedAt: epochMs,
    firstChunkAt: null,
    finishedAt: epochMs,
    httpStatus: null,
    providerRequestId: null,
    error,
    usage: null,
    cost: { ...template().cost },
  }
}
