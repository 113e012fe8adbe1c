import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ChunkListeners } from '../../../src/client/chunk-listeners.ts'
import { CompletionListeners } from '../../../src/client/completion-listeners.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import type { ModelCompletionDraft } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ConnectionDouble } from './client-doubles.ts'

const encodeChunk = recordEncoder('ModelChunk', 1)
const encodeCompletion = recordEncoder('ModelCompletion', 2)

let connection: ConnectionDouble
beforeEach(() => {
  connection = new ConnectionDouble()
})

describe('chunks', () => {
  const chunk = (requestId: string, index: number, tenant = 'acme', key = requestId) =>
    connection.receive('p.chunks', {
      key,
      value: encodeChunk({ requestId, tenant, token: 1, attempt: 1, index, kind: 'TEXT', text: 'x' }),
    })

  it('come to those who follow their request and tenant, until they stop; those of others are not decoded', async () => {
    const listeners = new ChunkListeners(connection.asConnection)
    const [first, twin, stranger] = [vi.fn(), vi.fn(), vi.fn()]
    const unfollow = listeners.follow({ tenant: 'acme', requestId: 'r' }, first)
    const unfollowTwin = listeners.follow({ tenant: 'acme', requestId: 'r' }, twin)
    const unfollowStranger = listeners.follow({ tenant: 'other', requestId: 'r' }, stranger)
    await chunk('r', 0)
    expect(first).toHaveBeenCalledWith(expect.objectContaining({ index: 0 }))
    expect(twin).toHaveBeenCalledTimes(1)
    expect(stranger).not.toHaveBeenCalled()
    // A key says nothing that the chunk does not say itself.
    await chunk('another', 0, 'acme', 'r')
    expect(first).toHaveBeenCalledTimes(1)
    unfollow()
    await chunk('r', 1)
    expect(first).toHaveBeenCalledTimes(1)
    expect(twin).toHaveBeenCalledTimes(2)
    unfollowTwin()
    unfollowStranger()
    const before = connection.decodedCount.value
    await chunk('r', 2)
    await chunk('somebody', 0)
    expect(connection.decodedCount.value).toBe(before)
  })

  it('that cannot be read are passed over', async () => {
    const listeners = new ChunkListeners(connection.asConnection)
    const take = vi.fn()
    listeners.follow({ tenant: 'acme', requestId: 'r' }, take)
    await connection.receive('p.chunks', { key: 'r', value: Buffer.from('junk') })
    await chunk('r', 0)
    expect(take).toHaveBeenCalledTimes(1)
  })

  it('are not followed where they cannot be read at all', async () => {
    connection.startFailure = new ModelServiceError('TOPIC_MISSING', 'no chunks')
    const listeners = new ChunkListeners(connection.asConnection)
    await expect(listeners.start()).rejects.toBe(connection.startFailure)
  })
})

describe('completions', () => {
  const completion = (draft: ModelCompletionDraft) =>
    connection.receive('p.completions', { value: encodeCompletion({ status: 'COMPLETED', ...draft }) })

  it('come to those whose filter they fit, one after the other, until they stop', async () => {
    const listeners = new CompletionListeners(connection.asConnection)
    const [all, some] = [[] as string[], [] as string[]]
    const stop = await listeners.listen({}, ({ requestId }) => void all.push(requestId))
    await listeners.listen({ tenant: 'acme', status: 'COMPLETED', model: undefined } as never, async (each) => {
      await Promise.resolve()
      some.push(each.requestId)
    })
    await completion({ requestId: 'a', tenant: 'acme' })
    await completion({ requestId: 'b', tenant: 'other' })
    await completion({ requestId: 'c', tenant: 'acme', status: 'FAILED' })
    expect(all).toEqual(['a', 'b', 'c'])
    expect(some).toEqual(['a'])
    stop()
    await completion({ requestId: 'd', tenant: 'acme' })
    expect(all).toEqual(['a', 'b', 'c'])
    expect(some).toEqual(['a', 'd'])
  })

  it('come to the others when one handler fails, which is told', async () => {
    const error = vi.fn()
    Object.assign(connection.log, { error })
    const listeners = new CompletionListeners(connection.asConnection)
    const heard = vi.fn()
    await listeners.listen({}, () => {
      throw new Error('a handler')
    })
    await listeners.listen({}, heard)
    await completion({ requestId: 'a' })
    await connection.receive('p.completions', { value: Buffer.from('junk') })
    await completion({ requestId: 'b' })
    expect(heard).toHaveBeenCalledTimes(2)
    expect(error).toHaveBeenCalledTimes(2)
  })

  it('are not decoded where nobody listens', async () => {
    const listeners = new CompletionListeners(connection.asConnection)
    const stop = await listeners.listen({}, () => {})
    stop()
    await completion({ requestId: 'a' })
    expect(connection.decodedCount.value).toBe(0)
  })
})
