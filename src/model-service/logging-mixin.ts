import { ModelServiceError } from '../errors/model-service-error.ts'
import { makeOutcome } from './make-outcome.ts'
import type { AbstractConstructor } from './mixin.ts'
import type { LogFields, ModelServiceBase, Operation } from './model-service-base.ts'
import type { Outcome } from './ports/outcome.ts'
import { ClaimRefused } from './ports/request-context.ts'

/** What the service tells of its work. */
export interface Logging {
  /** Operations begun and not yet ended. */
  readonly runningOperationCount: number
}

/**
 * Adds {@link Logging}; comes last, so that it sees the operations of all other mixins. It times and logs each, and hands the
 * outcome of a request to the event bus: its only write. A logger or tracker that throws changes nothing.
 */
export function LoggingMixin<TBase extends AbstractConstructor<ModelServiceBase>>(
  Base: TBase,
): TBase & AbstractConstructor<Logging> {
  abstract class WithLogging extends Base implements Logging {
    #runningCount = 0

    get runningOperationCount(): number {
      return this.#runningCount
    }

    protected override async track<TResult>(
      operation: Operation<TResult>,
      run: () => Promise<TResult>,
    ): Promise<TResult> {
      const startedAt = this.clock.now()
      this.#runningCount += 1
      try {
        const result = await super.track(operation, run)
        const product = operation.product?.(result)
        if (product !== undefined) {
          const outcome = makeOutcome(product)
          await this.deps.eventBus.publish(outcome)
          this.#remember(outcome)
        }
        const report = product === undefined ? operation.report?.(result) : reportOutcome(product.completion)
        this.#write('info', operation, { ...report, durationMs: this.clock.now() - startedAt })
        return result
      } catch (error) {
        const durationMs = this.clock.now() - startedAt
        if (error instanceof ClaimRefused) this.#write('debug', operation, { refused: error.message, durationMs })
        else this.#write(levelOf(error), operation, { code: codeOf(error), durationMs, err: error })
        throw error
      } finally {
        this.#runningCount -= 1
      }
    }

    #remember(outcome: Outcome): void {
      const failed = (error: unknown) => this.#write('warn', { name: 'track performance', fields: {} }, { err: error })
      try {
        void Promise.resolve(this.deps.performanceTracker?.record(outcome)).catch(failed)
      } catch (error) {
        failed(error)
      }
    }

    #write(
      level: 'debug' | 'info' | 'warn' | 'error',
      operation: Pick<Operation<unknown>, 'name' | 'fields'>,
      fields: LogFields,
    ): void {
      try {
        this.log[level]({ operation: operation.name, ...operation.fields, ...fields }, `${operation.name} ended`)
      } catch {
        // The message in hand matters more than its log line.
      }
    }
  }
  return WithLogging
}

function reportOutcome(completion: Outcome['completion']): LogFields {
  const { status, model, provider, error, attempts, cost } = completion
  return {
    status,
    model,
    provider,
    ...(error === null ? {} : { code: error.code }),
    attempts: attempts.length,
    cost: cost.amount,
    currency: cost.currency,
  }
}

/** Refusals are the caller's matter, everything else is ours. */
function levelOf(error: unknown): 'info' | 'error' {
  return error instanceof ModelServiceError && !error.retryable ? 'info' : 'error'
}

function codeOf(error: unknown): string {
  return ModelServiceError.from(error).code
}
