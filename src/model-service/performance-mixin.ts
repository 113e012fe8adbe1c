import { randomUUID } from 'node:crypto'
import { completeDraft } from '../codec/contract-type.ts'
import { commandDigest } from '../codec/payload-hash.ts'
import type { CommandResult, RecordFeedback } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { ModelPerformance, PerformancePeriod } from '../performance/summarize.ts'
import { answerCommand, type CommandRun, refusalOf, reportResult, unappliedResult } from './carry-out-command.ts'
import type { AbstractConstructor } from './mixin.ts'
import type { ChangeOptions } from './model-management-mixin.ts'
import type { ModelServiceBase } from './model-service-base.ts'
import type { CommandEnvelope } from './ports/command-bus.ts'
import type { PerformanceStore } from './ports/performance-store.ts'
import {
  type BestModelOptions,
  type HistoryOptions,
  type PerformanceOptions,
  rankModelsForTask,
  readModelPerformance,
  readPerformanceHistory,
} from './read-performance.ts'
import { validateFeedback } from './validate-feedback.ts'

/** What somebody thinks of an answer; at least one of score, correction and comment. */
export interface FeedbackDraft {
  requestId: string
  /** Default `default`. */
  tenant?: string
  /** 0 to 1. */
  score?: number
  /** What the answer should have been; at most 100,000 characters. */
  correction?: string
  /** At most 10,000 characters. */
  comment?: string
}

/**
 * Tells how well models do, and takes people's judgement of answers. Everything rejects with COMMAND_NOT_SUPPORTED when the
 * service was given no `db.performance`, with INVALID_REQUEST for options that cannot be, and with DATABASE_UNAVAILABLE.
 */
export interface PerformanceInsights {
  /** How well a model did, over all task types and days unless told otherwise. */
  getModelPerformance(model: string, options?: PerformanceOptions): Promise<ModelPerformance>
  /** The best model for a task type; null when none has enough requests and is good enough. */
  getBestModelForTask(taskType: string, options?: BestModelOptions): Promise<ModelPerformance | null>
  /** How a model did in each day, ISO week or month with requests, oldest first. */
  getPerformanceHistory(model: string, options?: HistoryOptions): Promise<PerformancePeriod[]>
  /**
   * Records feedback; the latest score of an actor counts. Resolves with APPLIED.
   * @throws REQUEST_NOT_FOUND, COMMAND_ID_REUSED
   */
  recordFeedback(feedback: FeedbackDraft, options?: ChangeOptions): Promise<CommandResult>
}

/** Adds {@link PerformanceInsights}, and carries out RecordFeedback commands once the service is started. */
export function PerformanceMixin<TBase extends AbstractConstructor<ModelServiceBase>>(
  Base: TBase,
): TBase & AbstractConstructor<PerformanceInsights> {
  abstract class WithPerformance extends Base implements PerformanceInsights {
    protected override onStart(): void {
      super.onStart()
      this.deps.commandBus.handle('RecordFeedback', (body, envelope) => this.#carryOut(body, envelope))
    }

    getModelPerformance(model: string, options?: PerformanceOptions): Promise<ModelPerformance> {
      const operation = { name: 'getModelPerformance', fields: { model }, report: reportPerformance }
      return this.track(operation, async () => readModelPerformance(this.#store, model, options))
    }

    getBestModelForTask(taskType: string, options?: BestModelOptions): Promise<ModelPerformance | null> {
      const report = (best: ModelPerformance | null) => (best === null ? { model: null } : reportPerformance(best))
      return this.track({ name: 'getBestModelForTask', fields: { taskType }, report }, async () => {
        const sources = { store: this.#store, registry: await this.deps.db.registry.snapshot() }
        const [best] = await rankModelsForTask(sources, taskType, options)
        return best ?? null
      })
    }

    getPerformanceHistory(model: string, options?: HistoryOptions): Promise<PerformancePeriod[]> {
      const report = (periods: PerformancePeriod[]) => ({ periodCount: periods.length })
      return this.track({ name: 'getPerformanceHistory', fields: { model }, report }, async () =>
        readPerformanceHistory(this.#store, model, options),
      )
    }

    async recordFeedback(
      { requestId, tenant = 'default', score, correction, comment }: FeedbackDraft,
      { commandId = randomUUID(), actor }: ChangeOptions = {},
    ): Promise<CommandResult> {
      const texts = { correction: correction ?? null, comment: comment ?? null }
      const body = { type: 'RecordFeedback' as const, requestId, requestTenant: tenant, score: score ?? null, ...texts }
      const command = completeDraft('ModelCommand', { commandId, actor: actor ?? null, command: body })
      const envelope = { commandId, actor: command.actor, digest: commandDigest(command) }
      const result = await this.#carryOut(body, envelope)
      if (result.status === 'REJECTED') throw refusalOf(result)
      return result
    }

    get #store(): PerformanceStore {
      const { performance } = this.deps.db
      if (performance !== undefined) return performance
      throw new ModelServiceError(
        'COMMAND_NOT_SUPPORTED',
        'Nothing remembers how well models do here. Give the service db.performance.',
      )
    }

    #carryOut(body: RecordFeedback, envelope: CommandEnvelope): Promise<CommandResult> {
      const { requestId, requestTenant: tenant, score, correction, comment } = body
      const { commandId, actor, digest } = envelope
      const subject = { kind: 'UNSPECIFIED' as const, id: requestId }
      const fields = { commandId, actor, tenant, requestId, score }
      return this.track({ name: 'recordFeedback', fields, report: reportResult }, async () => {
        const { registry } = this.deps.db
        const now = this.clock.now()
        const run: CommandRun = {
          ...{ registry, providers: this.deps.providerFactory, envelope, name: 'RecordFeedback', now },
        }
        return answerCommand(run, subject, async () => {
          validateFeedback(body, actor)
          const words = { score, correction, comment }
          await this.#store.recordFeedback({ tenant, requestId, commandId, digest, actor, ...words, occurredAt: now })
          const result = { ...unappliedResult('UNCHANGED', run, subject), status: 'APPLIED' as const }
          return registry.recordResult(result, digest, envelope.headers)
        })
      })
    }
  }
  return WithPerformance
}

function reportPerformance({ model, requestCount, successRate, quality }: ModelPerformance) {
  return { model, requestCount, successRate, quality }
}
