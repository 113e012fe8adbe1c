/**
 * What was taken in the last minute, in slots of one second. Unlike a bucket that refills it keeps a limit in every minute, however
 * bursts fall, and still lets all of it be taken at once after a quiet minute. Whatever provider counts by a bucket of the same
 * size takes what this lets through.
 */
export class MinuteWindow {
  // One more than a minute has seconds: what was taken late in a second must stay for a whole minute, too.
  readonly #slots = new Float64Array(slotCount)
  #second = Number.NEGATIVE_INFINITY
  #total = 0

  /** How much counts now. `now` is in ms and never goes back. */
  used(now: number): number {
    this.#moveTo(Math.floor(now / 1_000))
    return Math.max(0, this.#total)
  }

  /** Takes an amount as of a time; what is too old to count is left out. A negative amount gives back. */
  add(amount: number, at: number, now: number): void {
    this.#moveTo(Math.floor(now / 1_000))
    const second = Math.floor(at / 1_000)
    if (!Number.isFinite(amount) || second > this.#second || second <= this.#second - slotCount) return
    this.#slots[indexOf(second)] = (this.#slots[indexOf(second)] ?? 0) + amount
    this.#total += amount
  }

  /** In how many ms an amount can be taken; 0 is now. More than the limit can be taken when nothing else counts. */
  waitMs(amount: number, limit: number, now: number): number {
    let over = this.used(now) + Math.min(amount, limit) - limit
    if (over <= 0) return 0
    for (let second = this.#second - slotCount + 1; second <= this.#second; second += 1) {
      over -= this.#slots[indexOf(second)] ?? 0
      if (over <= 0) return Math.max(1, (second + slotCount) * 1_000 - now)
    }
    return slotCount * 1_000
  }

  #moveTo(second: number): void {
    if (second <= this.#second) return
    if (second - this.#second >= slotCount) {
      this.#slots.fill(0)
      this.#total = 0
    } else {
      for (let passed = this.#second + 1; passed <= second; passed += 1) {
        this.#total -= this.#slots[indexOf(passed)] ?? 0
        this.#slots[indexOf(passed)] = 0
      }
    }
    this.#second = second
  }
}

const slotCount = 61

function indexOf(second: number): number {
  return ((second % slotCount) + slotCount) % slotCount
}
