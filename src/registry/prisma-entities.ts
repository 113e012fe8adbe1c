/** One entity of the registry, of whichever kind, in its own table. */
import type { RegistryChange, RegistryEntities, RegistryKind, Stored } from '../model-service/ports/registry.ts'
import type { Prisma } from './generated/client.ts'
import {
  modelFromRow,
  modelToRow,
  providerFromRow,
  providerToRow,
  type RowDates,
  routeFromRow,
  routeToRow,
} from './prisma-rows.ts'
import { stateOf } from './registry-rules.ts'

/** Reads one entity of any kind. */
export async function findEntity<TKind extends RegistryKind>(
  transaction: Prisma.TransactionClient,
  kind: TKind,
  id: string,
): Promise<Stored<RegistryEntities[TKind]> | null> {
  const where = { id }
  const finders: { [K in RegistryKind]: () => Promise<Stored<RegistryEntities[K]> | null> } = {
    MODEL: async () => whenFound(await transaction.model.findUnique({ where }), modelFromRow),
    PROVIDER: async () => whenFound(await transaction.provider.findUnique({ where }), providerFromRow),
    ROUTE: async () => whenFound(await transaction.route.findUnique({ where }), routeFromRow),
  }
  return await finders[kind]()
}

/** Stores the state after a change, or deletes the entity when there is none. */
export async function writeEntity(
  transaction: Prisma.TransactionClient,
  change: RegistryChange,
  dates: RowDates,
): Promise<void> {
  const { kind, id } = change
  const where = { id }
  switch (kind) {
    case 'MODEL': {
      const definition = stateOf(kind, change)
      if (definition === null) await transaction.model.delete({ where })
      else {
        const row = modelToRow(definition, dates)
        await transaction.model.upsert({ where, create: row, update: row })
      }
      return
    }
    case 'PROVIDER': {
      const definition = stateOf(kind, change)
      if (definition === null) await transaction.provider.delete({ where })
      else {
        const row = providerToRow(definition, dates)
        await transaction.provider.upsert({ where, create: row, update: row })
      }
      return
    }
    case 'ROUTE': {
      const definition = stateOf(kind, change)
      if (definition === null) await transaction.route.delete({ where })
      else {
        const row = routeToRow(definition, dates)
        await transaction.route.upsert({ where, create: row, update: row })
      }
      return
    }
    default: {
      const unknown: never = kind
      throw new TypeError(`Unknown kind of registry entity: ${unknown}`)
    }
  }
}

function whenFound<TRow, T>(row: TRow | null, map: (row: TRow) => T): T | null {
  return row === null ? null : map(row)
}
