/** What a promise rejects with; `nothing` when it resolves. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'nothing',
    (error: unknown) => error,
  )
}
