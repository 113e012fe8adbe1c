import type { Attempt, ModelCompletion, ModelRequest, Warning } from '../contract/types.ts'
import { totalCost, unknownCost } from '../pricing/cost.ts'
import { totalUsage } from '../pricing/total-usage.ts'
import { isInputType, requestTypeOf } from '../routing/request-type.ts'
import type { CallResult } from './call-targets.ts'
import { confidenceOf } from './confidence.ts'
import type { RequestPlan } from './plan-request.ts'
import type { Claim, RequestContext } from './ports.ts'

/** All that a completion is made of. */
export interface CompletionParts {
  request: ModelRequest
  context: RequestContext
  plan: RequestPlan
  claim: Claim
  result: CallResult
  /** Unix time in ms. */
  finishedAt: number
}

/** The terminal record, every field set. Pure. */
export function buildCompletion(parts: CompletionParts): ModelCompletion {
  const { request, context, plan, claim, result, finishedAt } = parts
  const { answered, ending } = result
  const attempts = [...earlierAttempts(claim), ...result.made.map(({ record }) => record)]
  const last = result.made.at(-1)
  const target = answered?.target ?? last?.target ?? null
  const answer = answered?.typed.answer ?? null
  return {
    requestId: request.requestId,
    tenant: request.tenant,
    status: ending === null ? 'COMPLETED' : ending.status,
    kind: isInputType(request.input?.type) ? requestTypeOf(request.input) : 'UNSPECIFIED',
    ...outputs(result),
    finishReason: answer?.finishReason ?? 'UNSPECIFIED',
    confidence: answer === null ? null : confidenceOf(answer),
    usage: totalUsage(attempts.map(({ usage }) => usage)),
    cost: totalCost(attempts.map(({ cost }) => cost)),
    error: ending?.error.toDetail() ?? null,
    attempts,
    timings: {
      queuedAt: context.queuedAt ?? null,
      claimedAt: claim.claimedAt,
      firstChunkAt: answered === null ? null : (last?.record.firstChunkAt ?? null),
      finishedAt,
    },
    model: answered?.target.model ?? request.model ?? target?.model ?? plan.targets[0]?.model ?? null,
    provider: target?.provider.id ?? plan.targets[0]?.provider.id ?? request.provider,
    providerModel: answer?.model ?? target?.providerModel ?? null,
    route: plan.routing?.route ?? null,
    registryVersion: plan.registryVersion,
    taskType: request.taskType,
    specializationId: request.specializationId,
    lane: request.lane,
    metadata: request.metadata,
    token: claim.token,
    source: context.source ?? null,
    payloadHash: context.payloadHash ?? null,
    storedBody: null,
    warnings: [...plan.warnings, ...deprecations(result)],
  }
}

/** Attempts of earlier tries, and calls that earlier owners may have made: their fate died with them, but they are accounted for. */
export function earlierAttempts(claim: Claim): Attempt[] {
  const prior = claim.priorAttempts ?? []
  const used = new Set(prior.map(({ number }) => number))
  const unknown: Attempt[] = []
  // Their true numbers died with their owners; up to the base all free ones were set aside for them.
  for (let number = 1; unknown.length < (claim.unknownCount ?? 0); number++) {
    if (!used.has(number)) unknown.push(unknownAttempt(number, claim))
  }
  return [...prior, ...unknown]
}

function unknownAttempt(number: number, claim: Claim): Attempt {
  return {
    number,
    // A take-over raises the token by one, so the owner before had the one below.
    token: Math.max(claim.token - 1, 1),
    provider: '',
    model: '',
    outcome: 'UNKNOWN',
    startedAt: null,
    firstChunkAt: null,
    finishedAt: null,
    httpStatus: null,
    providerRequestId: null,
    error: null,
    usage: null,
    cost: unknownCost('OUTCOME_UNKNOWN'),
  }
}

type Outputs = Pick<
  ModelCompletion,
  'chat' | 'completion' | 'embedding' | 'imageGeneration' | 'audioTranscription' | 'audioTranslation'
>

function outputs({ answered }: CallResult): Outputs {
  const none: Outputs = {
    chat: null,
    completion: null,
    embedding: null,
    imageGeneration: null,
    audioTranscription: null,
    audioTranslation: null,
  }
  if (answered === null) return none
  const { type, answer } = answered.typed
  switch (type) {
    case 'CHAT':
      return { ...none, chat: answer.output }
    case 'COMPLETION':
      return { ...none, completion: answer.output }
    case 'EMBEDDING':
      return { ...none, embedding: answer.output }
    case 'IMAGE_GENERATION':
      return { ...none, imageGeneration: answer.output }
    case 'AUDIO_TRANSCRIPTION':
      return { ...none, audioTranscription: answer.output }
    case 'AUDIO_TRANSLATION':
      return { ...none, audioTranslation: answer.output }
    default:
      return type satisfies never
  }
}

function deprecations({ made }: CallResult): Warning[] {
  const deprecated = made.map(({ target }) => target).filter(({ definition }) => definition?.status === 'DEPRECATED')
  return [...new Set(deprecated.map(({ model }) => model))].map((model) => ({
    code: 'MODEL_DEPRECATED',
    message: `Model "${model}" is DEPRECATED: it still serves, but plan its replacement.`,
  }))
}
