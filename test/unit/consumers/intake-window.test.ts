import { expect, it } from 'vitest'
import { IntakeWindow } from '../../../src/consumers/intake-window.ts'

it('closes at the count and opens again below 70 % of it', () => {
  const window = new IntakeWindow({ windowCount: 10, windowBytes: 1_000 })
  for (let n = 0; n < 9; n++) window.add(1)
  expect(window.isFull).toBe(false)
  window.add(1)
  expect(window.isFull).toBe(true)
  for (let n = 0; n < 3; n++) window.remove(1)
  expect(window).toMatchObject({ count: 7, isFull: true })
  window.remove(1)
  expect(window).toMatchObject({ count: 6, bytes: 6, isFull: false })
})

it('closes at the bytes, and stays closed while either limit is near', () => {
  const window = new IntakeWindow({ windowCount: 10, windowBytes: 1_000 })
  window.add(900)
  expect(window.isFull).toBe(false)
  window.add(100)
  expect(window.isFull).toBe(true)
  window.remove(100)
  expect(window.isFull).toBe(true)
  window.remove(900)
  expect(window.isFull).toBe(false)
})
