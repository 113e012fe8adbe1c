import { expect, it } from 'vitest'
import { LinkedQueue } from '../../../src/queues/linked-queue.ts'

function drained<T>(queue: LinkedQueue<T>): T[] {
  const items: T[] = []
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item)
  return items
}

it('agrees with an array, whatever is done to both', () => {
  const queue = new LinkedQueue<number>()
  let model: number[] = []
  for (let step = 0; step < 5_000; step++) {
    const action = (step * 7919) % 11
    if (action < 5) {
      queue.push(step)
      model.push(step)
    } else if (action < 7) {
      queue.unshift(step)
      model.unshift(step)
    } else if (action < 10) {
      expect(queue.shift()).toBe(model.shift())
    } else if (step % 100 === 0) {
      expect(queue.removeWhere((item) => item % 3 === 0)).toEqual(model.filter((item) => item % 3 === 0))
      model = model.filter((item) => item % 3 !== 0)
    }
    expect(queue.count).toBe(model.length)
    expect(queue.first).toBe(model[0])
  }
  expect(drained(queue)).toEqual(model)
})

it('is usable again after it was empty', () => {
  const queue = new LinkedQueue<string>()
  queue.push('a')
  expect(drained(queue)).toEqual(['a'])
  queue.unshift('b')
  queue.push('c')
  expect(drained(queue)).toEqual(['b', 'c'])
  expect(queue.first).toBeUndefined()
})
