import type { CallContext, ChatDelta } from '../provider.ts'

/** Hands the deltas of one attempt on, and tells the time (`now`, Unix ms) at which the first one came. */
export function deltaListener(
  context: Pick<CallContext, 'onDelta' | 'onFirstContent'>,
  now: () => number,
): (delta: ChatDelta) => void {
  let isFirst = true
  return (delta) => {
    if (isFirst) context.onFirstContent?.(now())
    isFirst = false
    context.onDelta?.(delta)
  }
}
