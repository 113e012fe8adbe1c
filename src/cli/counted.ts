/** A number and what it counts: `1 provider`, `2 providers`. The plural has an s where it is not given. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}
