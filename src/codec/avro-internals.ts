/**
 * The parts of avsc 5.7.9 that its type definitions leave out and that our own types override. The version is pinned;
 * test/unit/codec fails when one of these changes.
 */
import type { Type } from 'avsc'

/** A cursor over the bytes of one value. */
export interface Tap {
  buf: Buffer
  pos: number
  /** Ours: items of collections read so far in this value. */
  itemCount?: number
  readLong(): number
  /** Undefined when the string would reach beyond the end. */
  readString(): string | undefined
  skipString(): void
}

/** What reads: a type, or a resolver from a writer's type. */
export interface Reader {
  _read(tap: Tap): unknown
}

/** A resolver while it is being made. */
export interface OpenResolver {
  _read?: (tap: Tap) => unknown
}

/** Reports a value that does not fit; called by `_check` with the path as it stands. */
export type CheckHook = (value: unknown, type: Type) => void

/** A type with the methods that avsc calls among its types. */
export interface InternalType extends Reader {
  _skip(tap: Tap): void
  _check(value: unknown, flags: number, hook?: CheckHook, path?: string[]): boolean
}

/** The internal side of a type. */
export function internals(type: unknown): InternalType {
  return type as InternalType
}
