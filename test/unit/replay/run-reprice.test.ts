import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkFile } from '../../../src/replay/work-file.ts'
import { append, makeWorld, rewriteCompletion, worldStartMs } from '../../support/replay-world.ts'
import { repriceOf } from '../../support/reprice-of.ts'
import { seeded } from '../../support/seeded.ts'

const completions = 'model.completions'
const nextDay = worldStartMs + 86_400_000

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reprice-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Whole millionths and millionths of millionths, as the report writes them. */
const decimal = (picos: number) =>
  `${picos < 0 ? '-' : ''}0.${String(Math.abs(picos)).padStart(12, '0')}`.replace(/0+$/, '')

/** In a world of 40, requests that were called: their first attempt consumed (100 + i) and 10 tokens and cost (i + 1) · 10⁻¹². */
const indexes = Array.from({ length: 40 }, (_, index) => index)
const failed = indexes.filter((index) => index % 7 === 3)
const answered = indexes.filter((index) => index % 7 !== 3 && index % 11 !== 5 && index % 13 !== 6)

function row(model: string, of: readonly number[]): object {
  const recorded = of.reduce((sum, index) => sum + index + 1, 0)
  const computed = of.reduce((sum, index) => sum + (100 + index + 2 * 10) * 1_000_000, 0)
  return {
    model,
    currency: 'USD',
    attemptCount: of.length,
    recorded: decimal(recorded),
    computed: decimal(computed),
    difference: decimal(computed - recorded),
  }
}

describe('prices of then', () => {
  it('are added up exactly, and each that differs is found', async () => {
    const report = await repriceOf(makeWorld(40), { exampleCount: 2 })
    expect(report).toEqual({
      clean: false,
      asOf: null,
      requestCount: 40,
      attemptCount: 40,
      // Which model a failed attempt was for is not recorded, only its name at the provider.
      byModel: [row('house-model', answered), row('llama-3', failed)],
      totals: [row('total', [...answered, ...failed])],
      differenceCount: answered.length + failed.length,
      differences: [0, 3].map((index, offset) => ({
        tenant: index % 2 === 0 ? 'acme' : 'globex',
        requestId: `request-${String(index).padStart(6, '0')}`,
        attempt: 1,
        place: { topic: completions, partition: 0, offset: offset },
        recorded: `${decimal(index + 1)} USD`,
        computed: `${decimal((120 + index) * 1_000_000)} USD`,
      })),
      notPriced: [{ reason: 'NOT_CHARGED', count: 6 }],
      notReproducible: [],
      becameKnown: 0,
      becameUnknown: 0,
      unreadableCount: 0,
    })
  })

  it('are in order where each is what was recorded', async () => {
    const world = makeWorld(3)
    for (const index of [0, 1, 2]) {
      rewriteCompletion(world, index, ({ attempts }) => ({
        attempts: attempts.map((attempt) => ({
          ...attempt,
          cost: { ...attempt.cost, amount: attempt.usage === null ? '0' : decimal((120 + index) * 1_000_000) },
        })),
      }))
    }
    expect(await repriceOf(world)).toMatchObject({ clean: true, differenceCount: 0, differences: [] })
  })
})

describe('prices of another day', () => {
  it('keep currencies apart, and what became unknown or cannot be read out of the sums', async () => {
    const world = makeWorld(3)
    rewriteCompletion(world, 1, ({ attempts }) => ({
      attempts: attempts.map((made) => ({ ...made, provider: 'gone' })),
    }))
    rewriteCompletion(world, 2, ({ attempts }) => ({
      attempts: attempts.map((made) => ({
        ...made,
        cost: { ...made.cost, amount: null, unknownReason: 'PRICE_UNKNOWN' },
      })),
    }))
    append(world, completions, { value: Buffer.from('no Avro at all') })
    expect(await repriceOf(world, { asOf: nextDay })).toMatchObject({
      clean: true,
      asOf: '2026-06-01T08:00:00.000Z',
      requestCount: 3,
      attemptCount: 3,
      byModel: [
        {
          model: 'house-model',
          currency: 'USD',
          recorded: '0.000000000001',
          computed: '0',
          difference: '-0.000000000001',
        },
        { model: 'house-model', currency: 'EUR', recorded: '0', computed: '0.00034', difference: '0.00034' },
      ],
      differenceCount: 3,
      becameKnown: 1,
      becameUnknown: 1,
      unreadableCount: 1,
    })
  })
})

it('lists the most frequent reasons alone, however many somebody makes up', async () => {
  const world = makeWorld(0)
  const cheap = makeWorld(1)
  rewriteCompletion(cheap, 0, (completion) => {
    const [attempt] = completion.attempts
    if (attempt === undefined) throw new Error('there is an attempt')
    const made = (index: number) => ({
      ...attempt,
      number: index + 1,
      outcome: 'FAILED' as const,
      model: `made-up-${index}`,
    })
    const priced = Array.from({ length: 1_100 }, (_, index) => ({
      ...made(index),
      cost: { ...attempt.cost, currency: index < 1_050 ? 'USD' : `C${index}`, amount: '1' },
    }))
    const unknown = Array.from({ length: 300 }, (_, index) => ({
      ...made(index),
      cost: { ...attempt.cost, amount: null, unknownReason: `made-up-${index}` },
    }))
    return { attempts: [...priced, ...unknown] }
  })
  append(world, completions, { value: cheap.records.get(completions)?.[0]?.value ?? null })
  const then = await repriceOf(world)
  expect(then.notPriced.length).toBe(101)
  expect(then.notPriced.at(-1)).toEqual({ reason: '(others)', count: 200 })
  expect(then.notReproducible).toEqual([{ reason: 'registry version 4 had no such model', count: 1_100 }])
})

describe('a run that was broken off', () => {
  it('goes on to the same report, wherever that was and in whichever order partitions are read', async () => {
    const expected = await repriceOf(makeWorld(25))
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 3 }), async (seed, breaks) => {
        const path = join(folder, `run-${run++}.sqlite`)
        const open = () => openWorkFile({ path, question: 'test' })
        for (const breakAt of breaks) {
          await repriceOf(makeWorld(25), { random: seeded(seed + breakAt), breakAt, file: open() }).catch(() => {})
        }
        expect(await repriceOf(makeWorld(25), { random: seeded(seed), file: open() })).toEqual(expected)
      }),
      { numRuns: 15 },
    )
  })

  it('by its signal keeps what it has read', async () => {
    const path = join(folder, 'stopped.sqlite')
    const stop = new AbortController()
    const random = () => {
      stop.abort()
      return 0
    }
    const stopped = repriceOf(makeWorld(25), {
      random,
      signal: stop.signal,
      file: openWorkFile({ path, question: 'test' }),
    })
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' })
    let readCount = 0
    const counting = () => {
      readCount += 1
      return 0
    }
    await repriceOf(makeWorld(25), { random: counting, file: openWorkFile({ path, question: 'test' }) })
    expect(readCount).toBe(24)
  })
})
