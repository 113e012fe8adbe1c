/** The past of the registry: its revisions, each with the full state after a change. */
import { completeDraft } from '../codec/contract-type.ts'
import { definitionNames } from '../contract/definition-names.ts'
import type {
  RegistryEntities,
  RegistryKind,
  RegistryMoment,
  RegistryRevision,
  Stored,
} from '../model-service/ports/registry.ts'
import { Prisma } from './generated/client.ts'
import { versionAt } from './registry-rules.ts'

/** Entities of one kind, as they were. */
export type StoredOf<TKind extends RegistryKind> = Stored<RegistryEntities[TKind]>

interface NewestRow {
  version: bigint
  state: object
  registered_at: Date | null
  changed_at: Date
}

/** The version that a moment means. @throws INVALID_REQUEST as {@link versionAt} */
export async function findVersionAt(
  transaction: Prisma.TransactionClient,
  asOf: RegistryMoment,
  now: number,
): Promise<number> {
  // A time that cannot be is refused before the database is asked for it.
  const isTime = 'time' in asOf && asOf.time >= 0 && asOf.time <= now
  const [range, atTime] = await Promise.all([
    transaction.registryRevision.aggregate({ _min: { version: true, createdAt: true }, _max: { version: true } }),
    isTime
      ? transaction.registryRevision.aggregate({
          where: { createdAt: { lte: new Date(asOf.time) } },
          _max: { version: true },
        })
      : null,
  ])
  const { version: oldest, createdAt: since } = range._min
  const newest = range._max.version
  const newestAtTime = atTime?._max.version ?? null
  const past =
    oldest === null || newest === null || since === null
      ? null
      : {
          oldest: Number(oldest),
          newest: Number(newest),
          since: since.getTime(),
          newestAtTime: newestAtTime === null ? null : Number(newestAtTime),
        }
  return versionAt(asOf, past, now)
}

/** The entities of a kind as of a version, ordered by id; with `id`, that one alone. */
export async function entitiesAt<TKind extends RegistryKind>(
  transaction: Prisma.TransactionClient,
  kind: TKind,
  { version, id }: { version: number; id?: string },
): Promise<StoredOf<TKind>[]> {
  const ofId = id === undefined ? Prisma.empty : Prisma.sql`AND entity_id = ${id}`
  const rows = await transaction.$queryRaw<NewestRow[]>`
    SELECT newest.version, newest.state, newest.created_at AS changed_at, registered.created_at AS registered_at
    FROM (
      SELECT DISTINCT ON (entity_id) entity_id, version, action, state, created_at
      FROM registry_revisions
      WHERE kind = ${kind} AND version <= ${version}::bigint ${ofId}
      ORDER BY entity_id, version DESC
    ) AS newest
    LEFT JOIN LATERAL (
      SELECT created_at FROM registry_revisions
      WHERE kind = ${kind} AND entity_id = newest.entity_id AND version <= newest.version AND action = 'REGISTERED'
      ORDER BY version DESC LIMIT 1
    ) AS registered ON true
    WHERE newest.action <> 'DELETED'
    ORDER BY newest.entity_id`
  return rows.map((row) => ({
    definition: definitionOf(kind, row.state),
    version: Number(row.version),
    createdAt: (row.registered_at ?? row.changed_at).getTime(),
    updatedAt: row.changed_at.getTime(),
  }))
}

/** The changes of an entity, the newest first. */
export async function revisionsOf<TKind extends RegistryKind>(
  transaction: Prisma.TransactionClient,
  kind: TKind,
  { id, limit }: { id: string; limit: number },
): Promise<RegistryRevision<TKind>[]> {
  const rows = await transaction.registryRevision.findMany({
    where: { kind, entityId: id },
    orderBy: { version: 'desc' },
    take: limit,
  })
  return rows.map(({ version, action, state, commandId, actor, createdAt }) => ({
    version: Number(version),
    action: action as RegistryRevision['action'],
    definition: state === null ? null : definitionOf(kind, state as object),
    commandId,
    actor,
    changedAt: createdAt.getTime(),
  }))
}

/** A state that another version may have written: fields that it did not know get their defaults, unknown ones fall away. */
function definitionOf<TKind extends RegistryKind>(kind: TKind, state: object): RegistryEntities[TKind] {
  const defaults = completeDraft(definitionNames[kind], {})
  const given: Record<string, unknown> = { ...state }
  const definition = Object.entries(defaults).map(([name, value]) => [
    name,
    Object.hasOwn(given, name) ? given[name] : value,
  ])
  return Object.fromEntries(definition) as RegistryEntities[TKind]
}
