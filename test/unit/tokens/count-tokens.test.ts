import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countTokens } from '../../../src/tokens/count-tokens.ts'
import { sliceLength, splitText } from '../../../src/tokens/split-text.ts'
import { wholeCount } from './in-process-counter.ts'

const encodings = ['o200k_base', 'cl100k_base'] as const

const prose = {
  English: "It's the reader's choice, isn't it? We'll see; they've said so. ",
  German: 'Die Größe der Übergrößenträger überraschte, „so sagte man“, alle. ',
  Chinese: '知识就是力量，时间就是金钱。他说：“我们走吧！”于是大家出发了。',
  Hindi: 'ज्ञान ही शक्ति है, और समय ही धन है। उसने कहा: चलो! ',
  Arabic: 'المعرفة قوة، والوقت من ذهب؛ قال: هيا بنا! ',
  Thai: 'ความรู้คืออำนาจ และเวลาเป็นเงินเป็นทอง ',
  code: 'if (x_1 !== null) {\n\t\treturn fooBar(x_1, "y")  // TODO: it\'s 0x1F\n}\r\n',
  emoji: 'nice 👩‍👩‍👧‍👦 work 🎉🎉, see you 👋🏽 soon ',
} as const

/** Texts of the pieces that make tokenizers stumble. */
const piece = fc.constantFrom(
  ...'aZ é ß 漢 ก 😀 1 \n \r\n \t \' ’ . , - / \u0301 \u200d " s re ll'.split(' '),
  ' ',
  ' the',
  ' über',
  'ا',
  'है',
  '\ud800',
)
const anyText = fc
  .array(piece, { minLength: sliceLength, maxLength: 4 * sliceLength, size: 'max' })
  .map((parts) => parts.join(''))

describe('a text in slices', () => {
  test.each(Object.entries(prose))('of %s has exactly the tokens of the whole', (_name, sentence) => {
    const text = sentence.repeat(400)
    const slices = [...splitText(text)]
    expect(slices.length).toBeGreaterThan(10)
    expect(slices.filter(({ isHardCut }) => isHardCut)).toEqual([])
    for (const encoding of encodings) {
      const whole = wholeCount(text, encoding)
      expect(countTokens([text], (slice) => wholeCount(slice, encoding))).toEqual({ tokens: whole, atLeast: whole })
    }
  })

  test('is the text again, in bounded pieces, no character torn', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const slices = [...splitText(text)]
        expect(slices.map((slice) => slice.text).join('')).toBe(text)
        expect(Math.max(...slices.map((slice) => slice.text.length))).toBeLessThanOrEqual(sliceLength)
        const torn = slices.slice(0, -1).filter((slice) => /[\ud800-\udbff]$/u.test(slice.text))
        expect(torn.filter((slice) => text.includes('\ud800') === false && slice)).toEqual([])
      }),
      { numRuns: 50 },
    )
  })

  test('has the tokens of the whole where no cut was hard, and never fewer than promised', () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom(...encodings), (text, encoding) => {
        const { tokens, atLeast } = countTokens([text], (slice) => wholeCount(slice, encoding))
        const whole = wholeCount(text, encoding)
        expect(atLeast).toBeLessThanOrEqual(whole)
        if (![...splitText(text)].some(({ isHardCut }) => isHardCut)) expect(tokens).toBe(whole)
      }),
      { numRuns: 50 },
    )
  })
})

describe('counting', () => {
  test('adds up texts', () => {
    const count = countTokens(['Hello', '', ' world'], (slice) => wholeCount(slice, 'o200k_base'))
    expect(count).toEqual({ tokens: 2, atLeast: 2 })
  })

  test('knows the vector of the vocabulary', () => {
    expect(wholeCount('hello world', 'o200k_base')).toBe(2)
  })

  test('projects what one endless word goes on with, and does no more work for it', () => {
    let sliceCount = 0
    const count = countTokens(['a'.repeat(10_000_000)], (slice) => {
      sliceCount += 1
      return slice.length / 8
    })
    expect(sliceCount).toBe(128)
    expect(count.tokens).toBe(1_250_000)
    expect(count.atLeast).toBe((128 * 1_024) / 8 - 128 * 4)
  })
})
