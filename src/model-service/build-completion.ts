import { type CompletionOutputs, noOutput } from '../contract/no-output.ts'
import type { Attempt, ModelCompletion, ModelRequest, Warning } from '../contract/types.ts'
import { totalCost } from '../pricing/cost.ts'
import { totalUsage } from '../pricing/total-usage.ts'
import { isInputType, requestTypeOf } from '../routing/request-type.ts'
import type { CallResult } from './call-run.ts'
import { confidenceOf } from './confidence.ts'
import type { RequestPlan } from './plan-request.ts'
import type { Claim, RequestContext } from './ports/request-context.ts'
import { unknownAttempt } from './unknown-attempt.ts'

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
    confidence: answer === null || ending !== null ? null : confidenceOf(answer),
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
    warnings: [...plan.warnings, ...result.warnings, ...deprecations(result)],
    routing: plan.routing,
  }
}

/** Attempts of earlier tries, and calls that earlier owners may have made: their fate died with them, but they are accounted for. */
function earlierAttempts(claim: Claim): Attempt[] {
  const prior = claim.priorAttempts ?? []
  const used = new Set(prior.map(({ number }) => number))
  const unknown: Attempt[] = []
  // A take-over raises the token by one, so the owner before had the one below.
  const token = Math.max(claim.token - 1, 1)
  // Their true numbers died with their owners; up to the base all free ones were set aside for them.
  for (let number = 1; unknown.length < (claim.unknownCount ?? 0); number++) {
    if (!used.has(number)) unknown.push(unknownAttempt({ number, token }))
  }
  return [...prior, ...unknown]
}

function outputs({ answered }: CallResult): CompletionOutputs {
  if (answered === null) return noOutput
  const { type, answer } = answered.typed
  switch (type) {
    case 'CHAT':
      return { ...noOutput, chat: answer.output }
    case 'COMPLETION':
      return { ...noOutput, completion: answer.output }
    case 'EMBEDDING':
      return { ...noOutput, embedding: answer.output }
    case 'IMAGE_GENERATION':
      return { ...noOutput, imageGeneration: answer.output }
    case 'AUDIO_TRANSCRIPTION':
      return { ...noOutput, audioTranscription: answer.output }
    case 'AUDIO_TRANSLATION':
      return { ...noOutput, audioTranslation: answer.output }
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
