/** An id for a tool call that came without one: the same for the same place, streamed or not. */
export function madeUpId(index: number): string {
  return `call_${index}`
}
