/**
 * The registry in PostgreSQL, through Prisma.
 *
 * A change is one transaction: lock, earlier result, checks, revision, entity, outbox, result. The lock is registry-wide, so
 * versions become visible in their order and the outbox leaves in that order; changes are rare, readers do not take it.
 */
import type { CommandResult, ProviderDefinition, RegistryEvent, RouteDefinition } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type {
  ModelPage,
  ModelQuery,
  Registry,
  RegistryChange,
  RegistryEntities,
  RegistryKind,
  RegistrySnapshot,
  Stored,
} from '../model-service/ports.ts'
import { Prisma, type PrismaClient } from './generated/client.ts'
import { findEntity, writeEntity } from './prisma-entities.ts'
import { isWriteConflict, toRegistryError } from './prisma-errors.ts'
import { json, modelFromRow, providerFromRow, routeFromRow } from './prisma-rows.ts'
import {
  checkChange,
  checkProviderUnused,
  checkSameCommand,
  pageOf,
  toCommandResult,
  toRegistryEvent,
} from './registry-rules.ts'
import { buildSnapshot } from './registry-snapshot.ts'

/** Turns what the registry announces into Kafka records; null when it is not to be announced. */
export interface RegistryEncoders {
  encodeRegistryEvent(event: RegistryEvent): OutgoingRecord | null
  encodeCommandResult(result: CommandResult): OutgoingRecord | null
}

/** What {@link PrismaRegistry} is given. */
export interface PrismaRegistryOptions {
  prisma: PrismaClient
  encoders: RegistryEncoders
  /** Age up to which a snapshot is given without asking the database, in ms; default 1,000. 0 always asks. */
  snapshotMaxAgeMs?: number
  /** Unix time in ms; default `Date.now`. */
  now?: () => number
}

/** "msregist" as a number, as the other locks are: no two may be equal. */
const REGISTRY_LOCK = 7886773152308097908n
const TRANSACTION_LIMITS = { maxWait: 5_000, timeout: 10_000 }
const MAX_CONFLICT_RETRIES = 3

type Transaction = Prisma.TransactionClient

/** See the head of the file. */
export class PrismaRegistry implements Registry {
  private readonly prisma: PrismaClient
  private readonly encoders: RegistryEncoders
  private readonly snapshotMaxAgeMs: number
  private readonly now: () => number
  private latest: { snapshot: RegistrySnapshot; checkedAt: number } | undefined
  private refreshing: Promise<RegistrySnapshot> | undefined
  /** Counts the changes made here: a look that began before one must not hide it. */
  private changeCount = 0

  constructor(options: PrismaRegistryOptions) {
    this.prisma = options.prisma
    this.encoders = options.encoders
    this.snapshotMaxAgeMs = options.snapshotMaxAgeMs ?? 1_000
    this.now = options.now ?? Date.now
  }

  async snapshot(): Promise<RegistrySnapshot> {
    const { latest } = this
    if (latest !== undefined) {
      const age = this.now() - latest.checkedAt
      if (age >= 0 && age < this.snapshotMaxAgeMs) return latest.snapshot
    }
    // Callers at the same time share one look.
    if (this.refreshing === undefined) {
      const refreshing = this.refresh().finally(() => {
        if (this.refreshing === refreshing) this.refreshing = undefined
      })
      this.refreshing = refreshing
    }
    return await this.refreshing
  }

  async find<TKind extends RegistryKind>(kind: TKind, id: string): Promise<Stored<RegistryEntities[TKind]> | null> {
    return await ask(() => findEntity(this.prisma, kind, id))
  }

  async listModels(query: ModelQuery): Promise<ModelPage> {
    const { page, pageSize, skip } = pageOf(query)
    const where = modelFilter(query)
    const [rows, totalCount] = await ask(() =>
      this.prisma.$transaction([
        this.prisma.model.findMany({ where, orderBy: { id: 'asc' }, skip, take: pageSize }),
        this.prisma.model.count({ where }),
      ]),
    )
    return { models: rows.map(modelFromRow), page, pageSize, totalCount }
  }

  async listProviders(): Promise<Stored<ProviderDefinition>[]> {
    return (await ask(() => this.prisma.provider.findMany({ orderBy: { id: 'asc' } }))).map(providerFromRow)
  }

  async listRoutes(): Promise<Stored<RouteDefinition>[]> {
    return (await ask(() => this.prisma.route.findMany({ orderBy: { id: 'asc' } }))).map(routeFromRow)
  }

  async commit(change: RegistryChange): Promise<CommandResult> {
    const result = await this.change(change.command.commandId, change.command.digest, async (transaction) => {
      const current = await findEntity(transaction, change.kind, change.id)
      checkChange(change, current?.version ?? null)
      if (change.kind === 'PROVIDER' && change.action === 'DELETED') {
        const where = { provider: change.id }
        const models = await transaction.model.findMany({
          where,
          select: { id: true },
          orderBy: { id: 'asc' },
          take: 6,
        })
        checkProviderUnused(
          change.id,
          models.map(({ id }) => id),
        )
      }
      const occurredAt = this.now()
      const revision = await transaction.registryRevision.create({
        data: {
          kind: change.kind,
          entityId: change.id,
          action: change.action,
          state: json(change.definition),
          commandId: change.command.commandId,
          actor: change.command.actor,
          createdAt: new Date(occurredAt),
        },
        select: { version: true },
      })
      await writeEntity(transaction, change, {
        version: revision.version,
        createdAt: new Date(current?.createdAt ?? occurredAt),
        updatedAt: new Date(occurredAt),
      })
      const version = Number(revision.version)
      await send(transaction, () => this.encoders.encodeRegistryEvent(toRegistryEvent(change, version, occurredAt)))
      return toCommandResult(change, version, occurredAt)
    })
    this.changeCount++
    this.latest = undefined
    this.refreshing = undefined
    return result
  }

  async recordResult(result: CommandResult, digest: string): Promise<CommandResult> {
    if (result.error?.code === 'COMMAND_ID_REUSED') {
      await ask(() => send(this.prisma, () => this.encoders.encodeCommandResult(result)))
      return result
    }
    return await this.change(result.commandId, digest, async () => result)
  }

  /** Runs what a command does, once, and keeps and announces its result in the same transaction. */
  private async change(
    commandId: string,
    digest: string,
    run: (transaction: Transaction) => Promise<CommandResult>,
  ): Promise<CommandResult> {
    return await ask(() =>
      this.prisma.$transaction(async (transaction) => {
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${REGISTRY_LOCK})`
        const earlier = await transaction.registryCommand.findUnique({ where: { commandId } })
        if (earlier !== null) {
          checkSameCommand(commandId, digest, earlier.digest)
          const result = earlier.result as unknown as CommandResult
          // Whoever asks again waits for an answer again.
          await send(transaction, () => this.encoders.encodeCommandResult(result))
          return result
        }
        const result = await run(transaction)
        await send(transaction, () => this.encoders.encodeCommandResult(result))
        await transaction.registryCommand.create({
          data: {
            commandId,
            digest,
            result: result as unknown as Prisma.InputJsonObject,
            createdAt: new Date(this.now()),
          },
        })
        return result
      }, TRANSACTION_LIMITS),
    )
  }

  private async refresh(): Promise<RegistrySnapshot> {
    const checkedAt = this.now()
    const { changeCount } = this
    const known = this.latest?.snapshot
    if (known !== undefined && (await ask(() => currentVersion(this.prisma))) === known.version) {
      if (changeCount === this.changeCount) this.latest = { snapshot: known, checkedAt }
      return known
    }
    const snapshot = await ask(() =>
      this.prisma.$transaction(
        async (transaction) =>
          buildSnapshot({
            version: await currentVersion(transaction),
            models: (await transaction.model.findMany()).map((row) => modelFromRow(row).definition),
            providers: (await transaction.provider.findMany()).map((row) => providerFromRow(row).definition),
            routes: (await transaction.route.findMany()).map((row) => routeFromRow(row).definition),
            deletedIds: await deletedIds(transaction),
          }),
        { ...TRANSACTION_LIMITS, isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead },
      ),
    )
    if (changeCount === this.changeCount) this.latest = { snapshot, checkedAt }
    return snapshot
  }
}

async function deletedIds(transaction: Transaction): Promise<string[]> {
  const rows = await transaction.$queryRaw<{ id: string }[]>`
    SELECT DISTINCT entity_id AS id FROM registry_revisions
    WHERE action = 'DELETED' AND kind IN ('MODEL', 'ROUTE')
      AND entity_id NOT IN (SELECT id FROM models) AND entity_id NOT IN (SELECT id FROM routes)`
  return rows.map(({ id }) => id)
}

async function currentVersion(transaction: Transaction): Promise<number> {
  const { _max } = await transaction.registryRevision.aggregate({ _max: { version: true } })
  return Number(_max.version ?? 0)
}

async function send(transaction: Transaction, encode: () => OutgoingRecord | null): Promise<void> {
  let record: OutgoingRecord | null
  try {
    record = encode()
  } catch (error) {
    // Made ours here, before it can be taken for an error of the database.
    throw ModelServiceError.from(error)
  }
  if (record === null) return
  const { topic, key, partition, headers, value } = record
  await transaction.outbox.create({
    data: {
      topic,
      key: new Uint8Array(key),
      partition: partition ?? null,
      headers,
      value: value === null ? null : new Uint8Array(value),
    },
  })
}

function modelFilter({ provider, capability, status, search }: ModelQuery): Prisma.ModelWhereInput {
  // Prisma hands the text to ILIKE as it is; a user who looks for an underscore means one.
  const contains = search?.replaceAll(/[\\%_]/g, String.raw`\$&`)
  const text = { contains: contains ?? '', mode: 'insensitive' } as const
  return {
    ...(provider !== undefined && { provider }),
    ...(capability !== undefined && { capabilities: { has: capability } }),
    // Nothing is stored as UNSPECIFIED, so nothing is found.
    ...(status === 'UNSPECIFIED' ? { id: { in: [] } } : status !== undefined && { status }),
    ...(search !== undefined && { OR: [{ id: text }, { displayName: text }, { description: text }] }),
  }
}

/** @throws DATABASE_UNAVAILABLE, DATABASE_VERSION, INVALID_REQUEST instead of Prisma's errors */
async function ask<T>(run: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await run()
    } catch (error) {
      if (!isWriteConflict(error) || retries === MAX_CONFLICT_RETRIES) throw toRegistryError(error)
    }
  }
}
