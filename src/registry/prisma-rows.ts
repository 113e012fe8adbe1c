/** Between the rows of the registry's tables and the definitions of the contract. */
import type {
  Limits,
  ModelDefinition,
  PriceOverride,
  ProviderDefinition,
  RequestType,
  RouteCondition,
  RouteDefinition,
  RouteStrategy,
  RouteTarget,
} from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Stored } from '../model-service/ports/registry.ts'
import {
  type Model as ModelRow,
  Prisma,
  type Provider as ProviderRow,
  type Route as RouteRow,
} from './generated/client.ts'

/** Version and times of a row, as Prisma writes them. */
export interface RowDates {
  version: bigint
  createdAt: Date
  updatedAt: Date
}

/** A model as it is stored. */
export function modelFromRow(row: ModelRow): Stored<ModelDefinition> {
  const { id, provider, providerModel, displayName, description, status, contextWindow, maxOutputTokens } = row
  return stored(row, {
    id,
    provider,
    providerModel,
    displayName,
    description,
    capabilities: row.capabilities as RequestType[],
    status,
    contextWindow,
    maxOutputTokens,
    price: row.price as PriceOverride | null,
    defaultParameters: row.defaultParameters as Record<string, string>,
    metadata: row.metadata as Record<string, string>,
    taskTypes: row.taskTypes,
  })
}

/** The row of a model. @throws INVALID_REQUEST when the status is UNSPECIFIED, which is for readers of newer records only */
export function modelToRow(definition: ModelDefinition, dates: RowDates): Prisma.ModelCreateInput {
  const { price, status, ...rest } = definition
  if (status === 'UNSPECIFIED') {
    throw new ModelServiceError(
      'INVALID_REQUEST',
      `The model ${definition.id} needs the status ACTIVE, INACTIVE or DEPRECATED`,
    )
  }
  return { ...rest, ...dates, status, price: json(price) }
}

/** A provider as it is stored. */
export function providerFromRow(row: ProviderRow): Stored<ProviderDefinition> {
  const { id, kind, baseUrl, keyReferences, defaultModel } = row
  return stored(row, {
    id,
    kind,
    baseUrl,
    keyReferences,
    defaultModel,
    limits: row.limits as Limits | null,
    metadata: row.metadata as Record<string, string>,
  })
}

/** The row of a provider. */
export function providerToRow(definition: ProviderDefinition, dates: RowDates): Prisma.ProviderCreateInput {
  return { ...definition, ...dates, limits: json(definition.limits) }
}

/** A route as it is stored. */
export function routeFromRow(row: RouteRow): Stored<RouteDefinition> {
  const { id, otherwise, onContextLength, onContentFilter } = row
  return stored(row, {
    id,
    strategy: row.strategy as RouteStrategy,
    targets: row.targets as unknown as RouteTarget[],
    conditions: row.conditions as unknown as RouteCondition[],
    otherwise,
    onContextLength,
    onContentFilter,
    metadata: row.metadata as Record<string, string>,
  })
}

/** The row of a route. */
export function routeToRow(definition: RouteDefinition, dates: RowDates): Prisma.RouteCreateInput {
  const { targets, conditions, ...rest } = definition
  return {
    ...rest,
    ...dates,
    targets: targets as unknown as Prisma.InputJsonArray,
    conditions: conditions as unknown as Prisma.InputJsonArray,
  }
}

/** A value for a nullable jsonb column, where JSON's null is another thing than SQL's. */
export function json(value: object | null): Prisma.InputJsonValue | typeof Prisma.DbNull {
  return value === null ? Prisma.DbNull : (value as Prisma.InputJsonObject)
}

function stored<TDefinition>(row: RowDates, definition: TDefinition): Stored<TDefinition> {
  return {
    definition,
    version: Number(row.version),
    createdAt: row.createdAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  }
}
