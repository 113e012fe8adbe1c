/**
 * Splits a total into parts and the rest. Parts that exceed what is left of the total are cut: vendors count a token in two of
 * their details at times (cached audio), and classes that do not add up to the total would charge it twice.
 */
export function splitTotal<const TParts extends Readonly<Record<string, number>>>(
  total: number,
  parts: TParts,
): { rest: number } & { [TName in keyof TParts]: number } {
  let rest = total
  const taken = Object.entries(parts).map(([name, count]) => {
    const part = Math.min(count, rest)
    rest -= part
    return [name, part]
  })
  return { ...Object.fromEntries(taken), rest }
}
