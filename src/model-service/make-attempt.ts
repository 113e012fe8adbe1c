/** One attempt: a call of one target under one key, its clocks, and the record of what came of it. */
import type { Attempt } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { RateLimitState } from '../limits/read-rate-limits.ts'
import { unknownCost } from '../pricing/cost.ts'
import { tokenTotals } from '../pricing/token-totals.ts'
import { type ChatDelta, type ModelProvider, ProviderError } from '../providers/provider.ts'
import type { AttemptLimits } from '../reliability/attempt-limits.ts'
import { type AttemptAccount, accountOfAnswer, accountOfFailure } from './attempt-account.ts'
import { AttemptClocks } from './attempt-clocks.ts'
import { callProvider, type TypedAnswer } from './call-provider.ts'
import type { CallRun } from './call-run.ts'
import { chunkWriter } from './chunk-writer.ts'
import { defectFields } from './defect-fields.ts'
import { idempotencyKey } from './idempotency-key.ts'
import type { PlannedTarget } from './plan-request.ts'
import { unknownAttempt } from './unknown-attempt.ts'

/** What an attempt is made with. */
export interface AttemptOptions {
  run: CallRun
  target: PlannedTarget
  adapter: ModelProvider
  /** Number of the attempt within the request. */
  number: number
  limits: AttemptLimits
  /** Whether the answer is streamed, be it only to see it begin. */
  isStreamed: boolean
  /** Hears what the provider says of its limits. */
  onRateLimits?(state: RateLimitState): void
}

/** What came of an attempt. */
export type AttemptResult = {
  /** Without usage and cost, which are in the account. */
  record: Attempt
  /** May take a while, where usage is counted again from texts; whatever follows the attempt need not wait for it. Never rejects. */
  account: Promise<AttemptAccount>
  /** Input and output as far as the provider reported them, 0 when it did no work; null when nobody knows yet. */
  usedTokens: number | null
  tookMs: number
} & ({ typed: TypedAnswer; error: null } | { typed: null; error: ProviderError })

/** Makes the attempt. Never throws. */
export async function makeAttempt(options: AttemptOptions): Promise<AttemptResult> {
  const { run, target, adapter, number, limits } = options
  const { request, claim, clock, timers } = run
  const startedAt = clock.now()
  const begunAt = timers.now()
  const clocks = new AttemptClocks({ provider: target.provider.id, limits, outer: run.signal, timers })
  const stream = openStream(options, clocks)
  const accounted = { target, startedAt, registryVersion: run.registryVersion, counter: run.tokenCounter }
  let firstChunkAt: number | null = null
  const { provider, providerModel } = target
  const record = unknownAttempt({ number, token: claim.token, provider: provider.id, model: providerModel, startedAt })
  try {
    const call = callProvider(adapter, providerModel, target.input, {
      signal: clocks.signal,
      idempotencyKey: idempotencyKey(request.tenant, request.requestId, number),
      timeoutMs: limits.totalMs,
      firstByteTimeoutMs: limits.firstByteMs,
      idleTimeoutMs: limits.idleMs,
      onRateLimits: (state) => options.onRateLimits?.(state),
      onFirstContent(at) {
        firstChunkAt ??= at
        clocks.contentCame()
      },
      ...(stream === null ? {} : { onDelta: stream.onDelta }),
    })
    const typed = await Promise.race([call, clocks.abandoned])
    const finishedAt = clock.now()
    const tookMs = timers.now() - begunAt
    const { answer } = typed
    return {
      record: {
        ...record,
        outcome: 'SUCCEEDED',
        firstChunkAt,
        finishedAt,
        httpStatus: answer.httpStatus,
        providerRequestId: answer.providerRequestId,
      },
      account: guarded(accountOfAnswer(accounted, typed), options),
      usedTokens: answer.usage === null ? null : tokenTotals(answer.usage).input + tokenTotals(answer.usage).output,
      tookMs,
      typed,
      error: null,
    }
  } catch (thrown) {
    const finishedAt = clock.now()
    const tookMs = timers.now() - begunAt
    const error = providerErrorOf(thrown, target.provider.id, clocks.expired)
    if (error.code === 'INTERNAL_ERROR') {
      run.log.error(
        { requestId: request.requestId, tenant: request.tenant, attempt: number, ...defectFields(thrown) },
        'attempt failed',
      )
    }
    const receivedText = stream?.received.join('') ?? ''
    return {
      record: {
        ...record,
        outcome: error.outcome,
        firstChunkAt,
        finishedAt,
        httpStatus: error.httpStatus,
        providerRequestId: error.providerRequestId,
        error: error.toDetail(),
      },
      account: guarded(accountOfFailure(accounted, { error, receivedText }), options),
      usedTokens: error.outcome === 'FAILED' && receivedText === '' ? 0 : null,
      tookMs,
      typed: null,
      error,
    }
  } finally {
    clocks.stop()
    stream?.close()
  }
}

/** Whoever waits for the account does so later, so that a defect of it would reject where nobody listens. */
function guarded(account: Promise<AttemptAccount>, { run, number }: AttemptOptions): Promise<AttemptAccount> {
  return account.catch((thrown: unknown) => {
    const { requestId, tenant } = run.request
    run.log.error({ requestId, tenant, attempt: number, ...defectFields(thrown) }, 'account of an attempt failed')
    return { usage: null, cost: unknownCost('USAGE_UNKNOWN') }
  })
}

interface OpenStream {
  onDelta: (delta: ChatDelta) => void
  received: string[]
  close(): void
}

/** Keeps what comes, tells the clocks, and hands it on as chunks where the request wants them; nothing once it is closed. */
function openStream({ run, number, isStreamed }: AttemptOptions, clocks: AttemptClocks): OpenStream | null {
  if (!isStreamed) return null
  const { request, onChunk } = run
  const write = request.stream && onChunk !== undefined ? chunkWriter(run, onChunk, number) : undefined
  const received: string[] = []
  let isClosed = false
  return {
    received,
    onDelta(delta) {
      // A call that was left behind must not mix its chunks with those of the next attempt.
      if (isClosed) return
      clocks.contentCame()
      received.push(delta.kind === 'TOOL_CALL' ? delta.toolCall.arguments : delta.text)
      write?.(delta)
    },
    close() {
      isClosed = true
    },
  }
}

/** What an adapter should never throw may have happened after the call was sent, so its outcome is unknown. */
function providerErrorOf(thrown: unknown, provider: string, expired: ModelServiceError | null): ProviderError {
  const outcome = thrown instanceof ProviderError ? thrown.outcome : 'UNKNOWN'
  // The clock that ran out says more than what the adapter made of its signal.
  if (expired !== null && (thrown === expired || (thrown instanceof ProviderError && thrown.code === expired.code))) {
    return new ProviderError(expired.code, expired.message, { cause: thrown, provider, outcome })
  }
  if (thrown instanceof ProviderError) return thrown
  const error = ModelServiceError.from(thrown)
  return new ProviderError(error.code, error.message, { cause: thrown, provider, outcome })
}
