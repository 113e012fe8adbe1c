interface Link<T> {
  item: T
  next: Link<T> | undefined
}

/** A queue whose two ends cost the same however long it is; an array's first item costs a move of all others. */
export class LinkedQueue<T> {
  #first: Link<T> | undefined
  #last: Link<T> | undefined
  #count = 0

  get count(): number {
    return this.#count
  }

  /** The item at the front; undefined when there is none. */
  get first(): T | undefined {
    return this.#first?.item
  }

  /** Adds at the back. */
  push(item: T): void {
    const link: Link<T> = { item, next: undefined }
    if (this.#last === undefined) this.#first = link
    else this.#last.next = link
    this.#last = link
    this.#count += 1
  }

  /** Adds at the front. */
  unshift(item: T): void {
    this.#first = { item, next: this.#first }
    this.#last ??= this.#first
    this.#count += 1
  }

  /** Takes from the front. */
  shift(): T | undefined {
    const link = this.#first
    if (link === undefined) return undefined
    this.#first = link.next
    if (link.next === undefined) this.#last = undefined
    this.#count -= 1
    return link.item
  }

  /** Takes out all items of which this is true; looks at every item. */
  removeWhere(isUnwanted: (item: T) => boolean): T[] {
    const removed: T[] = []
    for (let left = this.#count; left > 0; left--) {
      const item = this.shift() as T
      if (isUnwanted(item)) removed.push(item)
      else this.push(item)
    }
    return removed
  }
}
