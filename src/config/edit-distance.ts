/** Whether one text becomes the other by so many insertions, deletions and replacements at most (Levenshtein's distance). */
export function isWithinDistance(left: string, right: string, limit: number): boolean {
  if (Math.abs(left.length - right.length) > limit) return false
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const substituted = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return (previous[right.length] ?? limit + 1) <= limit
}

/** The known name that was probably meant: the first that is a letter or two away, or differs in upper and lower case. */
export function nearName(given: string, known: readonly string[]): string | undefined {
  const plain = given.toLowerCase()
  const limit = plain.length < 5 ? 1 : 2
  return known.find((name) => isWithinDistance(plain, name.toLowerCase(), limit))
}
