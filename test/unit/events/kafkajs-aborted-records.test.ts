import { describe, expect, it } from 'vitest'
import { type FetchedPartition, type FetchedRecord, markAborted } from '../../../src/events/kafkajs-aborted-records.ts'

const record = (offset: number, producerId: string, inTransaction = true): FetchedRecord => ({
  offset: String(offset),
  key: Buffer.alloc(4),
  isControlRecord: false,
  batchContext: { producerId, inTransaction },
})
const control = (offset: number, producerId: string, type: 0 | 1): FetchedRecord => ({
  ...record(offset, producerId),
  key: Buffer.from([0, 0, 0, type]),
  isControlRecord: true,
})
const abort = (offset: number, producerId: string) => control(offset, producerId, 0)
const commit = (offset: number, producerId: string) => control(offset, producerId, 1)

/** Offsets of the records that a reader gets. */
function readable(messages: FetchedRecord[], aborted: [producerId: string, firstOffset: number][]): number[] {
  const partition: FetchedPartition = {
    abortedTransactions: aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset: String(firstOffset) })),
    messages,
  }
  markAborted(partition)
  expect(partition.abortedTransactions).toEqual([])
  return partition.messages.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset))
}

describe('markAborted', () => {
  it('leaves out one aborted transaction and keeps what the producer commits before and after', () => {
    const messages = [
      record(0, 'a'),
      commit(1, 'a'),
      record(2, 'a'),
      record(3, 'a'),
      abort(4, 'a'),
      record(5, 'a'),
      commit(6, 'a'),
    ]
    expect(readable(messages, [['a', 2]])).toEqual([0, 5])
  })

  it('takes overlapping transactions in the order in which they began, not ended', () => {
    const messages = [record(0, 'a'), record(1, 'a'), record(2, 'b'), abort(3, 'b'), record(4, 'a'), abort(5, 'a')]
    // The broker lists b first, for it ended first.
    const listed: [string, number][] = [
      ['b', 2],
      ['a', 0],
    ]
    expect(readable(messages, listed)).toEqual([])
  })

  it('begins in the middle of several transactions', () => {
    const messages = [
      record(10, 'b'),
      record(11, 'a'),
      record(12, 'c'),
      abort(13, 'a'),
      abort(14, 'b'),
      record(15, 'a'),
      commit(16, 'a'),
      commit(17, 'c'),
    ]
    const listed: [string, number][] = [
      ['a', 3],
      ['b', 5],
    ]
    expect(readable(messages, listed)).toEqual([12, 15])
  })

  it('keeps what comes after the end of a transaction of which nothing was fetched but the end', () => {
    const messages = [abort(3, 'a'), abort(4, 'b'), record(5, 'a'), record(6, 'b'), commit(7, 'a'), commit(8, 'b')]
    const listed: [string, number][] = [
      ['a', 0],
      ['b', 1],
    ]
    expect(readable(messages, listed)).toEqual([5, 6])
  })

  it('keeps records outside of transactions, whoever wrote them, and a key that looks like the end of one', () => {
    const messages = [record(0, 'a'), record(1, '-1', false), record(2, 'a', false), abort(3, 'a')]
    expect(readable(messages, [['a', 0]])).toEqual([1, 2])
  })

  it('compares offsets as numbers', () => {
    const messages = [
      record(9, 'a'),
      abort(10, 'a'),
      record(11, 'a'),
      commit(12, 'a'),
      record(100, 'a'),
      abort(101, 'a'),
    ]
    const listed: [string, number][] = [
      ['a', 9],
      ['a', 100],
    ]
    expect(readable(messages, listed)).toEqual([11])
  })

  it('leaves a partition without aborted transactions, and old records without a batch, as they are', () => {
    const messages = [{ offset: '0', key: null }]
    const partition: FetchedPartition = { abortedTransactions: null, messages }
    markAborted(partition)
    expect(partition).toEqual({ abortedTransactions: null, messages })
    expect(readable(messages, [['a', 0]])).toEqual([0])
  })
})
