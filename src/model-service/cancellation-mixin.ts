import { randomUUID } from 'node:crypto'
import { completeDraft } from '../codec/contract-type.ts'
import { commandDigest } from '../codec/payload-hash.ts'
import type { CancelRequest, CommandResult } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { answerCommand, type CommandRun, refusalOf, reportResult, unappliedResult } from './carry-out-command.ts'
import { refuse, requireId } from './field-rules.ts'
import type { AbstractConstructor } from './mixin.ts'
import type { ChangeOptions } from './model-management-mixin.ts'
import type { ModelServiceBase } from './model-service-base.ts'
import type { CommandEnvelope } from './ports/command-bus.ts'

/** Ends requests that are not wanted any more. */
export interface Cancellation {
  /**
   * Asks that a request end CANCELLED: within about two seconds where its call runs, without a call where it still waits,
   * at its arrival where nobody knows it yet. Resolves with APPLIED, or with UNCHANGED when the request has ended already.
   * @throws INVALID_REQUEST, COMMAND_ID_REUSED, DATABASE_UNAVAILABLE
   * @throws COMMAND_NOT_SUPPORTED when the service was given no `db.cancellations`
   */
  cancelRequest(
    request: { requestId: string; tenant?: string },
    options?: ChangeOptions & { reason?: string },
  ): Promise<CommandResult>
}

const reasonLength = 1_000

/** Adds {@link Cancellation}, and carries out CancelRequest commands once the service is started. */
export function CancellationMixin<TBase extends AbstractConstructor<ModelServiceBase>>(
  Base: TBase,
): TBase & AbstractConstructor<Cancellation> {
  abstract class WithCancellation extends Base implements Cancellation {
    protected override onStart(): void {
      super.onStart()
      this.deps.commandBus.handle('CancelRequest', (body, envelope) => this.#carryOut(body, envelope))
    }

    async cancelRequest(
      { requestId, tenant = 'default' }: { requestId: string; tenant?: string },
      { commandId = randomUUID(), actor, reason }: ChangeOptions & { reason?: string } = {},
    ): Promise<CommandResult> {
      const body = { type: 'CancelRequest' as const, requestId, requestTenant: tenant, reason: reason ?? null }
      const command = completeDraft('ModelCommand', { commandId, actor: actor ?? null, command: body })
      const envelope = { commandId, actor: command.actor, digest: commandDigest(command) }
      const result = await this.#carryOut(body, envelope)
      if (result.status === 'REJECTED') throw refusalOf(result)
      return result
    }

    #carryOut(body: CancelRequest, envelope: CommandEnvelope): Promise<CommandResult> {
      const { requestId, requestTenant: tenant } = body
      const { commandId, actor } = envelope
      const subject = { kind: 'UNSPECIFIED' as const, id: requestId }
      const fields = { commandId, actor, tenant, requestId }
      return this.track({ name: 'cancelRequest', fields, report: reportResult }, async () => {
        const { registry } = this.deps.db
        const providers = this.deps.providerFactory
        const run: CommandRun = { registry, providers, envelope, name: 'CancelRequest', now: this.clock.now() }
        return answerCommand(run, subject, async () => {
          const came = await this.#request(body, envelope)
          const unapplied = unappliedResult('UNCHANGED', run, subject)
          const result = came === 'recorded' ? { ...unapplied, status: 'APPLIED' as const } : unapplied
          return registry.recordResult(result, envelope.digest, envelope.headers)
        })
      })
    }

    #request(
      { requestId, requestTenant: tenant, reason }: CancelRequest,
      { commandId, digest }: CommandEnvelope,
    ): Promise<'recorded' | 'already-ended'> {
      requireId('requestId', requestId)
      requireId('requestTenant', tenant)
      if (reason !== null && (reason.length > reasonLength || /[\u0000-\u001f]/.test(reason))) {
        refuse('reason', `must be at most ${reasonLength} characters without control characters`)
      }
      const { cancellations } = this.deps.db
      if (cancellations !== undefined) return cancellations.request({ tenant, requestId, reason, commandId, digest })
      throw new ModelServiceError(
        'COMMAND_NOT_SUPPORTED',
        'Nothing remembers cancellations here. Run workers with DELIVERY_MODE=ledger, or abort the signal of the run.',
      )
    }
  }
  return WithCancellation
}
