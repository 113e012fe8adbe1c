import { beforeEach, expect, test, vi } from 'vitest'
import { LeaseKeeper } from '../../../src/delivery/lease-keeper.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'
import { silentLog } from './silent-log.ts'

let timers: ManualTimers
const renew = vi.fn<() => Promise<'renewed' | 'lost'>>()
const onLost = vi.fn()
let keeper: LeaseKeeper

beforeEach(async () => {
  timers = new ManualTimers()
  renew.mockReset().mockResolvedValue('renewed')
  onLost.mockReset()
  keeper = new LeaseKeeper({ lease: { open: async () => {}, renew }, leaseMs: 20_000, log: silentLog, onLost, timers })
  await keeper.start()
})

test('renews every five seconds and stays alive', async () => {
  await timers.advance(60_000)
  expect(renew).toHaveBeenCalledTimes(12)
  expect(keeper.isAlive(14_000)).toBe(true)
  expect(keeper.isAlive(20_000)).toBe(false)
})

test('tries more often after a failure, and is not alive once the lease may have lapsed', async () => {
  renew.mockRejectedValue(new Error('away'))
  await timers.advance(10_000)
  expect(renew).toHaveBeenCalledTimes(6)
  expect(keeper.isAlive()).toBe(true)
  await timers.advance(10_000)
  expect(keeper.isAlive()).toBe(false)
  expect(onLost).not.toHaveBeenCalled()
  renew.mockResolvedValue('renewed')
  await timers.advance(1_000)
  expect(keeper.isAlive(15_000)).toBe(true)
})

test('the lease counts from when the renewal was sent, not answered', async () => {
  renew.mockImplementation(
    () =>
      new Promise((resolve) => {
        timers.after(4_000, () => resolve('renewed'))
      }),
  )
  await timers.advance(9_000)
  expect(keeper.isAlive(15_999)).toBe(true)
  expect(keeper.isAlive(16_000)).toBe(false)
})

test('lost is final and told once', async () => {
  renew.mockResolvedValue('lost')
  await timers.advance(60_000)
  expect(onLost).toHaveBeenCalledTimes(1)
  expect(renew).toHaveBeenCalledTimes(1)
  expect(keeper.isAlive()).toBe(false)
})

test('nothing is renewed after stop', async () => {
  keeper.stop()
  await timers.advance(60_000)
  expect(renew).not.toHaveBeenCalled()
})
