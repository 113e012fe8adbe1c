/** How avsc builds types here: guarded collections and registered logical types everywhere, our value forms for readers. */
import avsc from 'avsc'
import { GuardedArrayType, GuardedMapType } from './guarded-collections.ts'
import {
  BytesLikeType,
  DecimalType,
  TaggedUnionType,
  TimestampMicrosType,
  TimestampMillisType,
} from './logical-types.ts'

const { types } = avsc
/** `Type.forSchema`'s options; avsc does not export their type. */
type ForSchemaOptions = NonNullable<Parameters<typeof avsc.Type.forSchema>[1]>

const logicalTypes = {
  decimal: DecimalType,
  'timestamp-millis': TimestampMillisType,
  'timestamp-micros': TimestampMicrosType,
} as unknown as NonNullable<ForSchemaOptions['logicalTypes']>

/** Options for the type of a schema of our own, whose values have the shapes of src/contract/types.ts. */
export function readerOptions(): ForSchemaOptions {
  return { logicalTypes, omitRecordMethods: true, assertLogicalTypes: true, typeHook: hook(true) }
}

/** Options for the type of somebody else's schema, from which ours is read. */
export function writerOptions(): ForSchemaOptions {
  return { logicalTypes, omitRecordMethods: true, typeHook: hook(false) }
}

function hook(own: boolean): NonNullable<ForSchemaOptions['typeHook']> {
  return (schema, options) => {
    if (schema === 'bytes') return own ? new BytesLikeType(options) : undefined
    if (typeof schema !== 'object' || 'logicalType' in schema) return undefined
    if (Array.isArray(schema)) {
      const several = schema.filter((branch) => branch !== 'null').length > 1
      return own && several ? new TaggedUnionType(schema, options) : undefined
    }
    switch ((schema as { type: unknown }).type) {
      case 'array':
        return new GuardedArrayType(schema, options)
      case 'map':
        return new GuardedMapType(schema, options)
      case 'bytes':
        return own ? new BytesLikeType(options) : undefined
      case 'enum':
        return withoutInherited(new types.EnumType(schema, options), '_indices')
      case 'record':
        return withoutInherited(new types.RecordType(schema, options), '_fieldsByName')
      default:
        return undefined
    }
  }
}

/** avsc looks symbols and fields up in plain objects, where `constructor` would be found. */
function withoutInherited<TType extends avsc.Type>(type: TType, table: '_indices' | '_fieldsByName'): TType {
  Object.setPrototypeOf((type as unknown as Record<string, object>)[table] ?? {}, null)
  return type
}
