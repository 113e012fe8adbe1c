import { describe, expect, it, vi } from 'vitest'
import { decodeRecord } from '../../../src/consumers/decode-record.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ManualTimers } from './manual-timers.ts'

const away = () => new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')

function options(decode: (value: Buffer | null) => string | Promise<string>) {
  const timers = new ManualTimers()
  const ending = new AbortController()
  return {
    timers,
    ending,
    decoder: { decode },
    retry: { firstMs: 100, maxMs: 1_000 },
    signal: ending.signal,
    onRegistryAway: vi.fn(),
  }
}

describe('decodeRecord', () => {
  it('decodes at once where the decoder can', () => {
    expect(
      decodeRecord(
        null,
        options(() => 'decoded'),
      ),
    ).toBe('decoded')
  })

  it('refuses at once what cannot be decoded, also when the decoder itself breaks', () => {
    const refusal = new ModelServiceError('DECODE_FAILED', 'no')
    const throwing = (error: Error) =>
      options(() => {
        throw error
      })
    expect(() => decodeRecord(null, throwing(refusal))).toThrow(refusal)
    expect(() => decodeRecord(null, throwing(new RangeError('x')))).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED' }),
    )
  })

  it.each(['thrown', 'rejected'])('waits for the registry as long as it takes (%s)', async (how) => {
    let tries = 0
    const setup = options(() => {
      tries += 1
      if (tries > 6) return 'decoded'
      if (how === 'thrown') throw away()
      return Promise.reject(away())
    })
    const decoded = decodeRecord(null, setup)
    await setup.timers.advance(100 + 200 + 400 + 800 + 1_000 + 999)
    expect(tries).toBe(6)
    await setup.timers.advance(1)
    await expect(decoded).resolves.toBe('decoded')
    expect(setup.onRegistryAway).toHaveBeenCalledTimes(6)
  })

  it('stops waiting when it is told to', async () => {
    const setup = options(() => Promise.reject(away()))
    const decoded = decodeRecord(null, setup)
    await setup.timers.advance(50)
    setup.ending.abort(new Error('stopping'))
    await expect(decoded).rejects.toThrow('stopping')
    expect(setup.timers.pendingCount).toBe(0)
  })
})
