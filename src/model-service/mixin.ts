/** Types of the mixin pattern. The one file in which `any` is allowed: TypeScript demands it of a mixin's constructor. */

/** A class, abstract or not, whose instances are a `T`. */
export type AbstractConstructor<T = object> = abstract new (...args: any[]) => T

/** Names that two or more of the interfaces share; `never` when there are none. */
export type SharedKeys<TInterfaces extends readonly object[]> = TInterfaces extends readonly [
  infer TFirst extends object,
  ...infer TRest extends readonly object[],
]
  ? (keyof TFirst & KeysOfAll<TRest>) | SharedKeys<TRest>
  : never

/** Compiles only for `never`: two mixins with one method name compile silently otherwise, and the last one wins. */
export type AssertNever<T extends never> = T

type KeysOfAll<TInterfaces extends readonly object[]> = TInterfaces[number] extends infer TEach
  ? TEach extends object
    ? keyof TEach
    : never
  : never
