/** Metrics of a worker as it tells them: `name{label="value",…}` or `name` to value. @throws when it does not answer */
export async function scrape(healthUrl: string): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`${healthUrl}/metrics`, { signal: AbortSignal.timeout(5_000) })
  if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`)
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}
