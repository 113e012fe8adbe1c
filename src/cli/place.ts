/** A place in a topic. */
export interface Place {
  topic: string
  partition: number
  offset: number
}

/** The place as text: `topic/partition/offset`. */
export function placeText({ topic, partition, offset }: Place): string {
  return `${topic}/${partition}/${offset}`
}

/** The place in a text; null when there is none. */
export function parsePlace(text: string): Place | null {
  const [, topic, partition, offset] = /^([A-Za-z0-9._-]{1,249})\/(\d{1,9})\/(\d{1,15})$/.exec(text) ?? []
  if (topic === undefined) return null
  return { topic, partition: Number(partition), offset: Number(offset) }
}
