import { expect, test } from 'vitest'
import { eventId } from '../../../src/events/cloud-events.ts'

test('an event id is what it was in every version', () => {
  expect(eventId('acme', 'r-1', 'ModelCompletion', 0)).toBe('426d1283-8362-51b0-8dc5-a4d3f9c73319')
})

test('no two lists of parts look alike', () => {
  const ids = [eventId('ab', 'c'), eventId('a', 'bc'), eventId('abc'), eventId('ab', 'c', ''), eventId('2:ab1:c')]
  expect(new Set(ids).size).toBe(ids.length)
})
