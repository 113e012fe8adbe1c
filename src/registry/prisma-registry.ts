/**
 * The registry in PostgreSQL, through Prisma.
 *
 * A change is one transaction: lock, earlier result, checks, revision, entity, outbox, result. The lock is registry-wide, so
 * checks hold until the change is made, versions become visible in their order and the outbox leaves in that order; changes are
 * rare, readers do not take it.
 */
import type { CommandResult, ProviderDefinition, RegistryEvent, RouteDefinition } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CommandEnvelope } from '../model-service/ports/command-bus.ts'
import type {
  ModelPage,
  ModelQuery,
  ReadOptions,
  Registry,
  RegistryChange,
  RegistryEntities,
  RegistryKind,
  RegistryMoment,
  RegistryRevision,
  RegistrySnapshot,
  RegistryState,
  Stored,
} from '../model-service/ports/registry.ts'
import { Prisma, type PrismaClient } from './generated/client.ts'
import { findEntity, writeEntity } from './prisma-entities.ts'
import { isWriteConflict, toRegistryError } from './prisma-errors.ts'
import { entitiesAt, findVersionAt, revisionsOf, type StoredOf } from './prisma-revisions.ts'
import { json, modelFromRow, providerFromRow, routeFromRow } from './prisma-rows.ts'
import {
  checkChange,
  checkProviderUnused,
  checkSameCommand,
  pageOf,
  pageOfModels,
  toCommandResult,
  toRegistryEvent,
} from './registry-rules.ts'
import { buildSnapshot, contentAfter, type SnapshotContent } from './registry-snapshot.ts'

/** Turns what the registry announces into Kafka records; null when it is not to be announced. */
export interface RegistryEncoders {
  encodeRegistryEvent(event: RegistryEvent): OutgoingRecord | null
  /** `headers` are those of the command's record, if it came in one. */
  encodeCommandResult(result: CommandResult, headers?: CommandEnvelope['headers']): OutgoingRecord | null
  /** A copy of the answer for who asked for one in the headers of the command; none by default. */
  encodeReply?(result: CommandResult, headers: NonNullable<CommandEnvelope['headers']>): OutgoingRecord | null
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
  private latest: Look | undefined
  private refreshing: Promise<RegistrySnapshot> | undefined
  /** Looks at the registry are numbered as they begin. */
  private lookCount = 0
  /** A look that began before this one is not kept: a change made here, or a later look, must not be hidden by it. */
  private leastLook = 0

  constructor(options: PrismaRegistryOptions) {
    this.prisma = options.prisma
    this.encoders = options.encoders
    this.snapshotMaxAgeMs = options.snapshotMaxAgeMs ?? 1_000
    this.now = options.now ?? Date.now
  }

  async snapshot({ fresh = false }: { fresh?: boolean } = {}): Promise<RegistrySnapshot> {
    if (fresh) return await this.refresh()
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

  async find<TKind extends RegistryKind>(
    kind: TKind,
    id: string,
    { asOf }: ReadOptions = {},
  ): Promise<Stored<RegistryEntities[TKind]> | null> {
    if (asOf === undefined) return await ask(() => findEntity(this.prisma, kind, id))
    const [found] = await this.entitiesAt(kind, asOf, id)
    return found ?? null
  }

  async listModels(query: ModelQuery): Promise<ModelPage> {
    const { page, pageSize, skip } = pageOf(query)
    if (query.asOf !== undefined) return pageOfModels(await this.entitiesAt('MODEL', query.asOf), query)
    const where = modelFilter(query)
    if (isBeyondAscii(query.search)) {
      const rows = await ask(() => this.prisma.model.findMany({ where, orderBy: { id: 'asc' } }))
      return pageOfModels(rows.map(modelFromRow), query)
    }
    const [rows, totalCount] = await ask(() =>
      this.prisma.$transaction([
        this.prisma.model.findMany({ where, orderBy: { id: 'asc' }, skip, take: pageSize }),
        this.prisma.model.count({ where }),
      ]),
    )
    return { models: rows.map(modelFromRow), page, pageSize, totalCount }
  }

  async listProviders({ asOf }: ReadOptions = {}): Promise<Stored<ProviderDefinition>[]> {
    if (asOf !== undefined) return await this.entitiesAt('PROVIDER', asOf)
    return (await ask(() => this.prisma.provider.findMany({ orderBy: { id: 'asc' } }))).map(providerFromRow)
  }

  async listRoutes({ asOf }: ReadOptions = {}): Promise<Stored<RouteDefinition>[]> {
    if (asOf !== undefined) return await this.entitiesAt('ROUTE', asOf)
    return (await ask(() => this.prisma.route.findMany({ orderBy: { id: 'asc' } }))).map(routeFromRow)
  }

  async state({ asOf }: ReadOptions = {}): Promise<RegistryState> {
    if (asOf === undefined) return await ask(() => this.atOneMoment(presentState))
    const version = await this.versionAt(asOf)
    // Revisions never change, and those up to a version are there together: no transaction is needed.
    const [models, providers, routes] = await Promise.all([
      ask(() => entitiesAt(this.prisma, 'MODEL', { version })),
      ask(() => entitiesAt(this.prisma, 'PROVIDER', { version })),
      ask(() => entitiesAt(this.prisma, 'ROUTE', { version })),
    ])
    return { version, models, providers, routes }
  }

  async history<TKind extends RegistryKind>(
    kind: TKind,
    id: string,
    limit: number,
  ): Promise<RegistryRevision<TKind>[]> {
    return await ask(() => revisionsOf(this.prisma, kind, { id, limit }))
  }

  async commit(change: RegistryChange): Promise<CommandResult> {
    let made: Look | undefined
    const result = await this.change(change.command, async (transaction) => {
      made = undefined
      const current = await findEntity(transaction, change.kind, change.id)
      checkChange(change, current?.version ?? null)
      const before = change.check === undefined ? undefined : await this.lookWithin(transaction)
      if (before !== undefined) change.check?.(before.snapshot)
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
      const { definition } = change
      if (before !== undefined && definition !== null) {
        made = lookAt(contentAfter(before.content, { ...change, definition }, version), occurredAt)
      }
      await send(transaction, () => this.encoders.encodeRegistryEvent(toRegistryEvent(change, version, occurredAt)))
      return toCommandResult(change, version, occurredAt)
    })
    this.leastLook = this.lookCount + 1
    // Another change of this process may have been made after this one, and kept before.
    const isNewest = made !== undefined && made.content.version > (this.latest?.content.version ?? 0)
    this.latest = isNewest ? made : undefined
    this.refreshing = undefined
    return result
  }

  async recordResult(
    result: CommandResult,
    digest: string,
    headers?: CommandEnvelope['headers'],
  ): Promise<CommandResult> {
    if (result.error?.code === 'COMMAND_ID_REUSED') {
      await ask(() => this.announce(this.prisma, result, headers))
      return result
    }
    return await this.change({ commandId: result.commandId, digest, headers }, async () => result)
  }

  /** Runs what a command does, once, and keeps and announces its result in the same transaction. */
  private async change(
    {
      commandId,
      digest,
      headers,
    }: { commandId: string; digest: string; headers?: CommandEnvelope['headers'] | undefined },
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
          await this.announce(transaction, result, headers)
          return result
        }
        const result = await run(transaction)
        await this.announce(transaction, result, headers)
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

  /** Where the command asked for a reply, a copy goes there. */
  private async announce(
    transaction: Transaction,
    result: CommandResult,
    headers: CommandEnvelope['headers'],
  ): Promise<void> {
    await send(transaction, () => this.encoders.encodeCommandResult(result, headers))
    if (headers !== undefined) await send(transaction, () => this.encoders.encodeReply?.(result, headers) ?? null)
  }

  private async entitiesAt<TKind extends RegistryKind>(
    kind: TKind,
    asOf: RegistryMoment,
    id?: string,
  ): Promise<StoredOf<TKind>[]> {
    const version = await this.versionAt(asOf)
    return await ask(() => entitiesAt(this.prisma, kind, { version, ...(id === undefined ? {} : { id }) }))
  }

  private versionAt(asOf: RegistryMoment): Promise<number> {
    return ask(() => findVersionAt(this.prisma, asOf, this.now()))
  }

  private atOneMoment<T>(read: (transaction: Transaction) => Promise<T>): Promise<T> {
    const isolationLevel = Prisma.TransactionIsolationLevel.RepeatableRead
    return this.prisma.$transaction(read, { ...TRANSACTION_LIMITS, isolationLevel })
  }

  private async refresh(): Promise<RegistrySnapshot> {
    const checkedAt = this.now()
    const look = ++this.lookCount
    const known = this.latest
    if (known !== undefined && (await ask(() => currentVersion(this.prisma))) === known.content.version) {
      this.keep({ ...known, checkedAt }, look)
      return known.snapshot
    }
    const content = await ask(() => this.atOneMoment(presentContent))
    const seen = lookAt(content, checkedAt)
    this.keep(seen, look)
    return seen.snapshot
  }

  /** The registry as it is within a change, whose lock lets nobody else change it: read anew only when it has moved on. */
  private async lookWithin(transaction: Transaction): Promise<Look> {
    const known = this.latest
    if (known !== undefined && known.content.version === (await currentVersion(transaction))) return known
    return lookAt(await presentContent(transaction), this.now())
  }

  private keep(seen: Look, look: number): void {
    if (look < this.leastLook) return
    this.leastLook = look
    this.latest = seen
  }
}

async function presentState(transaction: Transaction): Promise<RegistryState> {
  const orderBy = { id: 'asc' } as const
  return {
    version: await currentVersion(transaction),
    models: (await transaction.model.findMany({ orderBy })).map(modelFromRow),
    providers: (await transaction.provider.findMany({ orderBy })).map(providerFromRow),
    routes: (await transaction.route.findMany({ orderBy })).map(routeFromRow),
  }
}

/** The registry as it was at a time (Unix ms). */
interface Look {
  content: SnapshotContent
  snapshot: RegistrySnapshot
  checkedAt: number
}

function lookAt(content: SnapshotContent, checkedAt: number): Look {
  return { content, snapshot: buildSnapshot(content), checkedAt }
}

async function presentContent(transaction: Transaction): Promise<SnapshotContent> {
  const { version, ...lists } = await presentState(transaction)
  return {
    version,
    models: lists.models.map(({ definition }) => definition),
    providers: lists.providers.map(({ definition }) => definition),
    routes: lists.routes.map(({ definition }) => definition),
    deletedIds: await deletedIds(transaction),
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

/** Of letters beyond ASCII, not every database knows which are the same in another case: these texts are looked for here. */
function isBeyondAscii(search: string | undefined): boolean {
  return search !== undefined && /[^\0-\x7f]/.test(search)
}

function modelFilter({ provider, capability, taskType, status, search }: ModelQuery): Prisma.ModelWhereInput {
  const isText = search !== undefined && !isBeyondAscii(search)
  // Prisma hands the text to ILIKE as it is; a user who looks for an underscore means one.
  const contains = search?.replaceAll(/[\\%_]/g, String.raw`\$&`)
  const text = { contains: contains ?? '', mode: 'insensitive' } as const
  return {
    ...(provider !== undefined && { provider }),
    ...(capability !== undefined && { capabilities: { has: capability } }),
    ...(taskType !== undefined && { taskTypes: { has: taskType } }),
    // Nothing is stored as UNSPECIFIED, so nothing is found.
    ...(status === 'UNSPECIFIED' ? { id: { in: [] } } : status !== undefined && { status }),
    ...(isText && { OR: [{ id: text }, { displayName: text }, { description: text }] }),
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
