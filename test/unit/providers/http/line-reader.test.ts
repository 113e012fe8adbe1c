import { describe, expect, it } from 'vitest'
import { LineReader } from '../../../../src/providers/http/line-reader.ts'

/** What a reader hands over, and what it answers, when it is fed these pieces. */
function read(pieces: readonly (string | Uint8Array)[], options: { maxLength?: number; last?: string } = {}) {
  const { maxLength = 100, last } = options
  const lines: string[] = []
  const reader = new LineReader({
    provider: 'acme',
    maxLength,
    onItem: (line) => lines.push(line) > 0 && line === last,
  })
  const answers = pieces.map((piece) => reader.feed(Buffer.from(piece)))
  reader.end()
  return { lines, answers }
}

describe('LineReader', () => {
  it.each([
    ['LF', '{"a":1}\n{"b":"ö🌟"}\n'],
    ['CRLF', '{"a":1}\r\n{"b":"ö🌟"}\r\n'],
    ['no end of the last line', '{"a":1}\n{"b":"ö🌟"}'],
    ['blank lines', '\n\n{"a":1}\n \r\n\n{"b":"ö🌟"}\n\n'],
    ['a byte order mark', '\uFEFF{"a":1}\n{"b":"ö🌟"}\n'],
  ])('reads the same lines wherever they are cut, with %s', (_name, text) => {
    const bytes = Buffer.from(text)
    for (let offset = 0; offset <= bytes.length; offset += 1) {
      const { lines } = read([bytes.subarray(0, offset), bytes.subarray(offset)])
      expect(lines, `cut at ${offset}`).toEqual(['{"a":1}', '{"b":"ö🌟"}'])
    }
    expect(read([...bytes].map((byte) => Buffer.of(byte))).lines).toHaveLength(2)
  })

  it('hands over nothing after the line that was the last', () => {
    const { lines, answers } = read(['1\n2', '\n3\n4\n', '5\n'], { last: '3' })
    expect(lines).toEqual(['1', '2', '3'])
    expect(answers).toEqual([false, true, true])
  })

  it.each(['{"a":1', '{"a":"', '<html>', ' '])('passes over a last line that was cut: %s', (rest) => {
    expect(read([`1\n${rest}`]).lines).toEqual(['1'])
  })

  it('takes bytes that are no UTF-8 for U+FFFD', () => {
    expect(read([Uint8Array.of(0x22, 0xff, 0xc3), Uint8Array.of(0x22, 0x0a)]).lines).toEqual(['"\uFFFD\uFFFD"'])
  })

  it.each([
    ['as it grows without an end', Array.from({ length: 1000 }, () => 'x'.repeat(10)), 11],
    ['in one piece', [`${'x'.repeat(101)}\n`], 1],
    ['after good ones', [`1\n2\n${'x'.repeat(101)}`], 1],
  ])('refuses a line that is too long, %s', (_name, pieces, fedCount) => {
    let fed = 0
    const feedAll = () => {
      const reader = new LineReader({ provider: 'acme', maxLength: 100, onItem: () => false })
      for (const piece of pieces) {
        fed += 1
        reader.feed(Buffer.from(piece))
      }
    }
    expect(feedAll).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }))
    expect(fed).toBe(fedCount)
  })

  it('takes a long line in many small pieces in linear time', () => {
    const pieces = Array.from({ length: 200_000 }, () => 'xxxxx')
    const begun = performance.now()
    expect(read([...pieces, '\n'], { maxLength: 1_000_000 }).lines[0]).toHaveLength(1_000_000)
    // Looking through it anew at each piece would be 10^11 characters.
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  it('lets through what its receiver throws', () => {
    const reader = new LineReader({
      provider: 'acme',
      maxLength: 100,
      onItem: () => {
        throw new RangeError('no')
      },
    })
    expect(() => reader.feed(Buffer.from('1\n'))).toThrow(RangeError)
  })
})
