/** Our forms of Avro values: decimals as strings, timestamps as Unix ms, bytes from any Uint8Array, tagged unions. */
import avsc from 'avsc'
import { type CheckHook, internals, type OpenResolver, type Tap } from './avro-internals.ts'
import { type AvroDefinition, simpleName } from './contract-schemas.ts'
import { decimalText, unscaledDecimal } from './decimal.ts'

const { Type, types } = avsc
type Type = avsc.Type
type ResolverOptions = { ignoreNamespaces: boolean }

/** `decimal` over bytes ↔ a decimal string such as '0.000012', without superfluous zeros. */
export class DecimalType extends types.LogicalType {
  readonly precision: number
  readonly scale: number
  /** The last decimal that was written: an amount is written several times over, and checked before each time. */
  #lastText: string | undefined
  #lastBytes: Buffer | undefined

  constructor(schema: AvroDefinition, options?: unknown) {
    super(schema as avsc.Schema, options)
    this.precision = schema.precision ?? 0
    this.scale = schema.scale ?? 0
    if (!Type.isType(this.underlyingType, 'bytes') || !(this.precision > 0) || this.scale > this.precision) {
      throw new Error('a decimal needs bytes, a precision, and a scale not above it')
    }
  }

  protected override _fromValue(value: unknown): string {
    return decimalText(value as Buffer, this)
  }

  protected override _toValue(value: unknown): Buffer | undefined {
    if (typeof value !== 'string') return undefined
    if (value !== this.#lastText) {
      this.#lastBytes = unscaledDecimal(value, this)
      this.#lastText = value
    }
    return this.#lastBytes
  }

  /** A writer with fewer decimals is read by its own scale; with more it is incompatible, never rounded. */
  protected override _resolve(writer: Type): ((value: unknown) => unknown) | undefined {
    if (writer instanceof DecimalType) {
      if (writer.scale > this.scale) return undefined
      return (value) => decimalText(unscaledDecimal(value as string, this) ?? Buffer.alloc(0), this)
    }
    return Type.isType(writer, 'bytes') ? (value) => this._fromValue(value) : undefined
  }
}

/** `timestamp-millis` over long ↔ Unix ms as a safe integer. */
export class TimestampMillisType extends types.LogicalType {
  protected override _fromValue(value: unknown): unknown {
    return value
  }

  protected override _toValue(value: unknown): number | undefined {
    return Number.isSafeInteger(value) ? (value as number) : undefined
  }

  protected override _resolve(writer: Type): ((value: unknown) => unknown) | undefined {
    if (writer instanceof TimestampMicrosType) return (value) => Math.floor((value as number) / 1000)
    return writer instanceof TimestampMillisType || Type.isType(writer, 'long', 'int') ? (value) => value : undefined
  }
}

/** `timestamp-micros` as writers may use it; {@link TimestampMillisType} reads it to the millisecond. */
export class TimestampMicrosType extends TimestampMillisType {}

/** Bytes that may be written from any Uint8Array; read as Buffers of their own. */
export class BytesLikeType extends types.LogicalType {
  constructor(options?: unknown) {
    super({ type: 'bytes', logicalType: 'bytes-like' } as avsc.Schema, options)
  }

  protected override _fromValue(value: unknown): unknown {
    return value
  }

  protected override _toValue(value: unknown): Buffer | undefined {
    if (Buffer.isBuffer(value)) return value
    return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : undefined
  }

  protected override _resolve(writer: Type): ((value: unknown) => unknown) | undefined {
    return Type.isType(writer, 'bytes') ? (value) => value : undefined
  }
}

/** A union of several records ↔ an object tagged by `type`, the record's simple name. */
export class TaggedUnionType extends types.LogicalType {
  readonly #branches = new Map<string, Type>()

  constructor(schema: unknown[], options?: unknown) {
    // The mark tells the type hook that this union is in the making.
    super(Object.assign([...schema], { logicalType: 'tagged-union' }) as unknown as avsc.Schema, options)
    for (const branch of (this.underlyingType as avsc.types.WrappedUnionType).types) {
      if (Type.isType(branch, 'null')) continue
      if (!Type.isType(branch, 'record')) throw new Error('a tagged union holds records only')
      if ((branch as avsc.types.RecordType).fields.some((field) => field.name === 'type')) {
        throw new Error(`${branch.name} has a field named type, which the tag of its union would hide`)
      }
      this.#branches.set(simpleName(branch.name ?? ''), branch)
    }
  }

  /** The tags, in the order of the schema. */
  get tags(): string[] {
    return [...this.#branches.keys()]
  }

  protected override _fromValue(value: unknown): unknown {
    if (value === null) return null
    const [[name, record] = ['', {}]] = Object.entries(value as Record<string, object>)
    return { type: simpleName(name), ...record }
  }

  protected override _toValue(value: unknown): unknown {
    if (value === null) return null
    const { branch, record } = this.#split(value)
    return branch === undefined ? undefined : { [branch.name ?? '']: record }
  }

  protected override _resolve(): undefined {
    return undefined
  }

  _check(value: unknown, flags: number, hook?: CheckHook, path?: string[]): boolean {
    if (value === null) return internals(this.underlyingType)._check(value, flags, hook, path)
    const { branch, record } = this.#split(value)
    if (branch !== undefined) return internals(branch)._check(record, flags, hook, path)
    hook?.(value, this)
    return false
  }

  /**
   * Only the branch that a value really uses must be readable: a writer whose union knows a record more than ours is
   * refused at the values that hold it, not at all of them.
   */
  override createResolver(writer: Type, options: Partial<ResolverOptions> = {}): ReturnType<Type['createResolver']> {
    if (!Type.isType(writer, 'union')) return super.createResolver(writer, options)
    const readers = (writer as avsc.types.WrappedUnionType).types.map((branch) => {
      try {
        return internals(super.createResolver(branch, options))
      } catch (error) {
        const _read = (): never => {
          throw error
        }
        return { _read }
      }
    })
    return Object.freeze({
      _readerType: this,
      _read(tap: Tap): unknown {
        const reader = readers[tap.readLong()]
        if (reader === undefined) throw new Error('the union has no such branch')
        return reader._read(tap)
      },
    }) as unknown as ReturnType<Type['createResolver']>
  }

  _update(resolver: OpenResolver, writer: Type, options: ResolverOptions): void {
    const reader = internals(this.underlyingType.createResolver(writer, options))
    resolver._read = (tap) => this._fromValue(reader._read(tap))
  }

  #split(value: unknown): { branch: Type | undefined; record: unknown } {
    if (typeof value !== 'object' || value === null) return { branch: undefined, record: undefined }
    const { type, ...record } = value as { type?: unknown }
    return { branch: typeof type === 'string' ? this.#branches.get(type) : undefined, record }
  }
}
