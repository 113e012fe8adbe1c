/**
 * Arrays and maps that do not trust the counts in the data. avsc reads as many items as a block announces, so a value of
 * eight bytes can ask for 10^8 items and hold the process for a minute. Here a block may not announce more items than
 * the bytes left could hold, and a value may not hold more than `maxItemCount` items in all, which also bounds items that
 * take no bytes. Both hold for values that are skipped because the reader does not know the field.
 */
import avsc from 'avsc'
import { type InternalType, internals, type OpenResolver, type Reader, type Tap } from './avro-internals.ts'

/** Items that all arrays and maps of one value may have together; numbers do not count, their bytes bound them. */
const maxItemCount = 200_000

const { Type, types } = avsc
type Type = avsc.Type
type ResolverOptions = { ignoreNamespaces: boolean }

/** An array with guarded counts. */
export class GuardedArrayType extends types.ArrayType {
  _read(tap: Tap): unknown[] {
    return readArray(tap, internals(this.itemsType), this.itemsType)
  }

  _skip(tap: Tap): void {
    skipBlocks(tap, this.itemsType, 0, (items) => items._skip(tap))
  }

  _update(resolver: OpenResolver, writer: Type, options: ResolverOptions): void {
    if (!Type.isType(writer, 'array')) return
    const { itemsType } = writer as avsc.types.ArrayType
    const items = internals(this.itemsType.createResolver(itemsType, options))
    resolver._read = (tap) => readArray(tap, items, itemsType)
  }
}

/** A map with guarded counts, read into an object without prototype, so that no key is special. */
export class GuardedMapType extends types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    return readMap(tap, internals(this.valuesType), this.valuesType)
  }

  _skip(tap: Tap): void {
    skipBlocks(tap, this.valuesType, 1, (values) => {
      tap.skipString()
      values._skip(tap)
    })
  }

  _update(resolver: OpenResolver, writer: Type, options: ResolverOptions): void {
    if (!Type.isType(writer, 'map')) return
    const valuesType = (writer as avsc.types.MapType).valuesType as Type
    const values = internals((this.valuesType as Type).createResolver(valuesType, options))
    resolver._read = (tap) => readMap(tap, values, valuesType)
  }
}

function readArray(tap: Tap, reader: Reader, written: Type): unknown[] {
  const items: unknown[] = []
  const free = isNumber(written)
  for (let count = readCount(tap, written, 0, free); count > 0; count = readCount(tap, written, 0, free)) {
    for (let index = 0; index < count; index++) items.push(reader._read(tap))
  }
  return items
}

function readMap(tap: Tap, reader: Reader, written: Type): Record<string, unknown> {
  const values = Object.create(null) as Record<string, unknown>
  for (let count = readCount(tap, written, 1, false); count > 0; count = readCount(tap, written, 1, false)) {
    for (let index = 0; index < count; index++) {
      const key = tap.readString()
      if (key === undefined) throw new Error('a map key reaches beyond the end of the value')
      values[key] = reader._read(tap)
    }
  }
  return values
}

function skipBlocks(tap: Tap, written: Type, keyWidth: 0 | 1, skipItem: (type: InternalType) => void): void {
  const type = internals(written)
  const free = keyWidth === 0 && isNumber(written)
  for (let count = readCount(tap, written, keyWidth, free); count > 0; ) {
    for (let index = 0; index < count; index++) skipItem(type)
    count = readCount(tap, written, keyWidth, free)
  }
}

/** Reads the head of a block: its count, or the negated count and a size in bytes, of which we make no use. */
function readCount(tap: Tap, written: Type, keyWidth: 0 | 1, free: boolean): number {
  const announced = tap.readLong()
  if (announced === 0) return 0
  if (announced < 0) tap.readLong()
  const width = keyWidth + minimumWidth(written)
  const count = Math.abs(announced)
  const left = tap.buf.length - tap.pos
  if (left < 0 || count * width > left) {
    throw new Error(`a collection announces ${count} items, more than the ${Math.max(left, 0)} bytes left could hold`)
  }
  if (!free) {
    tap.itemCount = (tap.itemCount ?? 0) + count
    if (tap.itemCount > maxItemCount) throw new Error(`the value holds more than ${maxItemCount} items`)
  }
  return count
}

function isNumber(type: Type): boolean {
  return Type.isType(type, 'int', 'long', 'float', 'double')
}

const widths = new WeakMap<Type, number>()

/** Fewest bytes that a value of the type takes. A type inside itself counts as 0: only a collection or union ends it. */
function minimumWidth(type: Type): number {
  const known = widths.get(type)
  if (known !== undefined) return known
  widths.set(type, 0)
  const width = computeWidth(type)
  widths.set(type, width)
  return width
}

function computeWidth(type: Type): number {
  if (Type.isType(type, 'logical')) return minimumWidth((type as avsc.types.LogicalType).underlyingType)
  if (Type.isType(type, 'record', 'error')) {
    return (type as avsc.types.RecordType).fields.reduce((sum, field) => sum + minimumWidth(field.type), 0)
  }
  if (Type.isType(type, 'union')) {
    const branches = (type as avsc.types.UnwrappedUnionType).types
    return 1 + Math.min(...branches.map(minimumWidth))
  }
  switch (type.typeName) {
    case 'null':
      return 0
    case 'fixed':
      return (type as avsc.types.FixedType).size
    case 'float':
      return 4
    case 'double':
      return 8
    default:
      return 1
  }
}
