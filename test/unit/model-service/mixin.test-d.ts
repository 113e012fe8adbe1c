/** Compiled with everything else, never run: what must not compile is marked, and a mark without an error is one. */
import type { AssertNever, SharedKeys } from '../../../src/model-service/mixin.ts'
import type { NamesSharedByMixins } from '../../../src/model-service/model-service.ts'
import { ModelServiceBase } from '../../../src/model-service/model-service-base.ts'

interface Walks {
  walk(): void
}
interface Talks {
  talk(): void
}
interface Strolls {
  stroll(): void
  walk(): string
}

export type Apart = AssertNever<SharedKeys<[Walks, Talks]>>
// @ts-expect-error walk is in both, one beside the other
export type Together = AssertNever<SharedKeys<[Walks, Strolls]>>
// @ts-expect-error walk is in the first and in the last
export type TogetherFarApart = AssertNever<SharedKeys<[Walks, Talks, Strolls]>>
export type TheServiceItself = AssertNever<NamesSharedByMixins>

/** A hook is overridden, never by accident. */
export class Misspelt extends ModelServiceBase {
  // @ts-expect-error there is no such hook
  protected override onStrat(): void {}
}
