/**
 * The order inside a key or a partition: records of one line are served strictly one after the other, lines side by side.
 *
 *   joins ──► queued ──► first ──leaves──► (the next is first)
 *
 * A line that holds many records because its first one takes long pauses its partition, so that it leaves the window to
 * others; Kafka gives no smaller unit to pause, so other keys of that partition wait with it then.
 */

import { LinkedQueue } from '../queues/linked-queue.ts'
import { partitionKey } from './assignment.ts'
import { IntakeWindow, type WindowLimits } from './intake-window.ts'
import type { TopicPartition } from './record-intake.ts'

/** A place in a line. */
export interface LinePlace extends TopicPartition {
  /** Bytes of the key; null or left out for the line of all others, or of the whole partition. */
  key?: Buffer | null
  /** What it counts in the window of its line. */
  bytes: number
}

/** What lines are made with. */
export interface OrderedLinesOptions {
  /** How much one line may hold until its partition is paused; it is resumed below 70 % of both. */
  limits: WindowLimits
  pause(partition: TopicPartition): void
  resume(partition: TopicPartition): void
}

interface Line<T> {
  readonly name: string
  readonly at: TopicPartition
  readonly items: LinkedQueue<T>
  readonly window: IntakeWindow
  isFull: boolean
}

/** See the head of the file. */
export class OrderedLines<T extends { readonly place: LinePlace }> {
  readonly #options: OrderedLinesOptions
  readonly #lines = new Map<string, Line<T>>()
  /** Full lines by partition. */
  readonly #fullCounts = new Map<string, number>()

  constructor(options: OrderedLinesOptions) {
    this.#options = options
  }

  /** Lines that hold something. */
  get count(): number {
    return this.#lines.size
  }

  /** Goes to the end of its line. True when it is first. */
  join(item: T): boolean {
    const { topic, partition, bytes } = item.place
    const name = nameOf(item.place)
    let line = this.#lines.get(name)
    if (line === undefined) {
      const window = new IntakeWindow(this.#options.limits)
      line = { name, at: { topic, partition }, items: new LinkedQueue(), window, isFull: false }
      this.#lines.set(name, line)
    }
    line.items.push(item)
    line.window.add(bytes)
    this.#judge(line)
    return line.items.first === item
  }

  /** The first of a line leaves it. Gives the one that is first now. */
  leave(item: T): T | undefined {
    const line = this.#lines.get(nameOf(item.place))
    if (line === undefined || line.items.first !== item) throw new Error('Only the first of a line can leave it')
    line.items.shift()
    line.window.remove(item.place.bytes)
    return this.#settle(line)
  }

  /** Takes out all of which this is true. Gives those that are first by it. */
  removeWhere(isUnwanted: (item: T) => boolean): T[] {
    const next: T[] = []
    for (const line of [...this.#lines.values()]) {
      const before = line.items.first
      for (const { place } of line.items.removeWhere(isUnwanted)) line.window.remove(place.bytes)
      const first = this.#settle(line)
      if (first !== undefined && first !== before) next.push(first)
    }
    return next
  }

  #settle(line: Line<T>): T | undefined {
    this.#judge(line)
    if (line.items.count === 0) this.#lines.delete(line.name)
    return line.items.first
  }

  #judge(line: Line<T>): void {
    if (line.window.isFull === line.isFull) return
    line.isFull = line.window.isFull
    const partition = partitionKey(line.at.topic, line.at.partition)
    const count = (this.#fullCounts.get(partition) ?? 0) + (line.isFull ? 1 : -1)
    if (count > 0) this.#fullCounts.set(partition, count)
    else this.#fullCounts.delete(partition)
    if (line.isFull && count === 1) this.#options.pause(line.at)
    if (!line.isFull && count === 0) this.#options.resume(line.at)
  }
}

/** Keys are bytes: Latin-1 keeps them apart as they are. */
function nameOf({ topic, partition, key }: LinePlace): string {
  const name = partitionKey(topic, partition)
  return key == null ? name : `${name}/${key.toString('latin1')}`
}
