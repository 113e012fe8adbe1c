/**
 * Which offset of a partition may be committed, for one stay of the partition with this worker.
 *
 *   received ──► unfinished ──finished──► forgotten
 *
 * The low watermark is the smallest unfinished offset, or the next one to fetch when nothing is unfinished. What is
 * finished above it need not be remembered: after a restart it is read again and the ledger answers for it. So memory is
 * bounded by the number of unfinished records, however long one of them stays stuck.
 */
export class OffsetTracker {
  /** Received offsets in order; those before `#head` are gone, some after it may be finished. */
  #received: number[] = []
  #head = 0
  readonly #unfinished = new Set<number>()
  #nextFetch: number

  /** `start` is the offset from which the partition is read. */
  constructor(start: number) {
    this.#nextFetch = start
  }

  /** The offset after everything received: where reading goes on. */
  get nextFetch(): number {
    return this.#nextFetch
  }

  /** Records received and not finished. */
  get unfinishedCount(): number {
    return this.#unfinished.size
  }

  /** Offsets held in memory: never more than twice the unfinished ones, or 64. */
  get retainedCount(): number {
    return this.#received.length
  }

  /** Everything below it is finished; it never goes back. This is the offset to commit. */
  get lowWatermark(): number {
    return this.#received[this.#head] ?? this.#nextFetch
  }

  /** Takes note of a record. False when the offset lies below `nextFetch`: the caller was given it before. */
  received(offset: number): boolean {
    if (offset < this.#nextFetch) return false
    this.#received.push(offset)
    this.#unfinished.add(offset)
    this.#nextFetch = offset + 1
    return true
  }

  /** Takes note that offsets below this one hold nothing more for us: control records, aborted or compacted ones. */
  skipTo(offset: number): void {
    if (offset > this.#nextFetch) this.#nextFetch = offset
  }

  /** Takes note that a record is finished. False when it was not unfinished. */
  finished(offset: number): boolean {
    if (!this.#unfinished.delete(offset)) return false
    while (this.#head < this.#received.length && !this.#unfinished.has(this.#received[this.#head] ?? -1)) this.#head++
    this.#compact()
    return true
  }

  /** Rebuilds the list once at least half of it is finished, which makes every step O(1) on average. */
  #compact(): void {
    if (this.#received.length < 64 || this.#received.length < 2 * this.#unfinished.size) return
    this.#received = this.#received.slice(this.#head).filter((offset) => this.#unfinished.has(offset))
    this.#head = 0
  }
}
