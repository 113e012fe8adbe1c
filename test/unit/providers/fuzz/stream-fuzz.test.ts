/**
 * Streams as a hostile or broken server sends them, in all four formats: whatever comes, an answer or an error of the
 * catalogue comes out, and nothing grows without bound. `FUZZ_SECONDS` (4 by default) says how long all properties run
 * together, `FUZZ_SEED` with which seed; it is printed.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finishReasonSymbols } from '../../../../src/contract/types.ts'
import { errorCatalogue } from '../../../../src/errors/catalogue.ts'
import { ProviderError } from '../../../../src/providers/provider.ts'
import { maxLength, readStream, type StreamFormat, type StreamResult, streamFormats } from './stream-formats.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 4)
const propertyCount = 5 * streamFormats.length
const limits = {
  seed,
  numRuns: Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: (seconds * 1000) / propertyCount,
  markInterruptAsFailure: false,
}
const timeoutMs = 10_000 + seconds * 1000
console.info(`stream fuzz: FUZZ_SEED=${seed} FUZZ_SECONDS=${seconds}`)

const pickedFrom = ({ recorded }: StreamFormat) => fc.constantFrom(...recorded.map(({ body }) => body))
/** Where a body is cut, as parts of a million of its length. */
const cuts = fc.array(fc.nat(1_000_000), { maxLength: 12 })

function cutAt(body: Uint8Array, places: readonly number[]): Uint8Array[] {
  const offsets = [...new Set(places.map((place) => Math.floor((place * body.length) / 1_000_000)))].sort(
    (a, b) => a - b,
  )
  return [...offsets, body.length].map((offset, index) => body.subarray(offsets[index - 1] ?? 0, offset))
}

/** An error without its stack, so that two can be compared. */
function comparable(result: StreamResult) {
  if (!('error' in result)) return result
  const { code, message, outcome } = result.error as ProviderError
  return { code, message, outcome }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heldBytes(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** What holds of every result. */
function expectSound(result: StreamResult): void {
  if ('error' in result) {
    expect(result.error).toBeInstanceOf(ProviderError)
    const error = result.error as ProviderError
    expect(errorCatalogue).toHaveProperty(error.code)
    expect(error.message.length).toBeLessThan(500)
    expect(error.message).not.toContain('secret-key-1')
    return
  }
  const { answer, deltas } = result
  const { output, usage, finishReason } = answer
  expect(finishReasonSymbols).toContain(finishReason)
  expect(typeof output.text).toBe('string')
  for (const text of [output.refusal, output.reasoning]) expect(text === null || text.length > 0).toBe(true)
  expect(output.toolCalls.every(({ id, name, arguments: json }) => id && name && typeof json === 'string')).toBe(true)
  const counts = usage === null ? [] : Object.values(usage).filter((value) => typeof value === 'number')
  expect(counts.every((count) => Number.isSafeInteger(count) && count >= 0)).toBe(true)
  // Blocks whose pieces come mixed, as nobody sends them, are put in order in the answer alone.
  const sorted = (text: string) => [...text].sort().join('')
  const joined = (kind: string) => deltas.map((one) => (one.kind === kind && 'text' in one ? one.text : '')).join('')
  expect(sorted(joined('TEXT'))).toBe(sorted(output.text))
  expect(sorted(joined('REASONING'))).toBe(sorted(output.reasoning ?? ''))
}

/** Any value in place of one, anywhere in it. */
function replaced(value: unknown, path: readonly number[], by: unknown): unknown {
  const [first, ...rest] = path
  if (first === undefined || typeof value !== 'object' || value === null) return by
  if (Array.isArray(value)) {
    if (value.length === 0) return by
    return value.map((item, index) => (index === first % value.length ? replaced(item, rest, by) : item))
  }
  const names = Object.keys(value)
  if (names.length === 0) return by
  const chosen = names[first % names.length]
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, name === chosen ? replaced(item, rest, by) : item]),
  )
}

const hostile = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    null,
    -1,
    1e308,
    0.5,
    '',
    [],
    {},
    [null],
    'stop',
    '{}',
    true,
    Number.MAX_SAFE_INTEGER,
    '\u0000',
    '🌟',
  ),
)

describe.each(streamFormats)('streams of $name', (format) => {
  it('are recorded', () => {
    expect(format.recorded.length).toBeGreaterThan(1)
    for (const { body } of format.recorded) expectSound(readStream(format, [body]))
  })

  it.each(format.recorded)('read the same when $name is split in two at any byte', ({ body }) => {
    const whole = comparable(readStream(format, [body]))
    for (let offset = 1; offset < body.length; offset += 1) {
      const result = readStream(format, [body.subarray(0, offset), body.subarray(offset)])
      expect(comparable(result), `split at ${offset}`).toEqual(whole)
    }
  })

  it(
    'read the same in any pieces, with any line ends, comments and blank lines',
    () => {
      const isLines = format.name === 'ollama'
      const end = fc.constantFrom(...(isLines ? ['\n', '\r\n', '\n\n', '\n \r\n'] : ['\n', '\r\n', '\r']))
      const filler = fc.constantFrom(
        '',
        ...(isLines ? [] : [': ping\n\n', ':\n', 'retry: 3\n', 'unknown: x\n', 'id: 7\n\n']),
      )
      fc.assert(
        fc.property(pickedFrom(format), end, filler, cuts, (body, lineEnd, between, places) => {
          const text = body.toString('utf8').replaceAll('\r\n', '\n')
          const filled = between === '' ? text : text.replaceAll(/\n\n/g, `\n\n${between}`)
          const changed = Buffer.from(filled.replaceAll('\n', lineEnd))
          expect(comparable(readStream(format, cutAt(changed, places)))).toEqual(comparable(readStream(format, [body])))
        }),
        limits,
      )
    },
    timeoutMs,
  )

  it(
    'stay sound when bytes are lost, doubled or exchanged',
    () => {
      const change = fc.tuple(fc.nat(1_000_000), fc.nat(1_000_000), fc.uint8Array({ maxLength: 8 }))
      fc.assert(
        fc.property(
          pickedFrom(format),
          fc.array(change, { minLength: 1, maxLength: 6 }),
          cuts,
          (body, changes, places) => {
            let bytes: Buffer = body
            for (const [from, to, insert] of changes) {
              const [start, stop] = [from, to].map((place) => Math.floor((place * bytes.length) / 1_000_000)) as [
                number,
                number,
              ]
              // Where the end lies before the beginning, what is between comes twice.
              bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(stop)])
            }
            expectSound(readStream(format, cutAt(bytes, places)))
          },
        ),
        limits,
      )
    },
    timeoutMs,
  )

  it(
    'stay sound when any value is another, or another type',
    () => {
      const change = fc.tuple(fc.nat(), fc.array(fc.nat(20), { maxLength: 6 }), hostile)
      fc.assert(
        fc.property(pickedFrom(format), fc.array(change, { minLength: 1, maxLength: 4 }), (body, changes) => {
          const lines = body.toString('utf8').split(/\r?\n/)
          for (const [place, path, by] of changes) {
            const index = place % lines.length
            const [, prefix = '', json = ''] = /^(data: ?)?(\{.*\})$/.exec(lines[index] ?? '') ?? []
            if (json !== '') lines[index] = prefix + JSON.stringify(replaced(JSON.parse(json), path, by))
          }
          expectSound(readStream(format, [Buffer.from(lines.join('\n'))]))
        }),
        limits,
      )
    },
    timeoutMs,
  )

  it(
    'stay sound when chunks are shuffled, lost or repeated',
    () => {
      const order = fc.array(fc.nat(), { maxLength: 40 })
      fc.assert(
        fc.property(pickedFrom(format), order, (body, places) => {
          const mark = format.name === 'ollama' ? '\n' : '\n\n'
          const chunks = body.toString('utf8').replaceAll('\r\n', '\n').split(mark)
          const text = places.map((place) => chunks[place % chunks.length]).join(mark)
          expectSound(readStream(format, [Buffer.from(text + mark)]))
        }),
        limits,
      )
    },
    timeoutMs,
  )

  it(
    'stay sound when they are anything at all',
    () => {
      const line = fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.json(),
        fc.constantFrom('data: {}', 'data: [DONE]', 'event: x', ':', '{"done":true}', '\r'),
      )
      const bytes = fc.oneof(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
        fc.array(
          line.map((text) => Buffer.from(`data: ${text}\n\n${text}\n`)),
          { maxLength: 20 },
        ),
      )
      fc.assert(
        fc.property(bytes, (pieces) => expectSound(readStream(format, pieces))),
        limits,
      )
    },
    timeoutMs,
  )
})

// What the reader holds does not depend on the format that is read with it.
describe.each(streamFormats.filter(({ name }) => name === 'openai' || name === 'ollama'))(
  'streams of $name',
  (format) => {
    it.each([
      ['a line without end', 'data: x', 'x'],
      ['an event without end', 'data: x\n', 'data: x\n'],
      ['a line of JSON without end', '{"a":"', 'x'],
      ['a field without end', 'event: ', 'x'],
      ['an unknown field without end', 'x', 'x'],
      ['a comment without end', ':', ' ping'],
      ['comments without end', ':\n', ': ping\n'],
      ['blank lines without end', '\n', '\r\n'],
    ])('end or are passed over, and are not kept, with %s', (_name, first, more) => {
      const piece = Buffer.from(more.repeat(8000 / more.length))
      const before = heldBytes()
      let fedBytes = 0
      let held = 0
      function* pieces() {
        yield Buffer.from(first)
        for (let count = 0; count < 2000; count += 1) {
          fedBytes += piece.length
          yield piece
        }
        held = heldBytes() - before
      }
      const result = readStream(format, pieces())
      expectSound(result)
      expect(result).toHaveProperty('error')
      // 16 MB are offered. What would be kept is refused at the limit; what goes on is not kept.
      const isRefused = (result as { error: ProviderError }).error.code === 'PAYLOAD_TOO_LARGE'
      // Of `data: x` only the x and its line end are kept.
      if (isRefused) expect(fedBytes).toBeLessThanOrEqual(4 * maxLength + 2 * piece.length)
      else expect(held).toBeLessThan(4_000_000)
    })
  },
)
