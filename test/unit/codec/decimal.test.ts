import { describe, expect, test } from 'vitest'
import { decimalText, unscaledDecimal } from '../../../src/codec/decimal.ts'

const shape = { precision: 38, scale: 12 }
const largest = `${'9'.repeat(26)}.${'9'.repeat(12)}`

describe('a decimal', () => {
  test.each([
    ['0', '00', '0'],
    ['-0', '00', '0'],
    ['0.000012', '00b71b00', '0.000012'],
    ['1.50', '015d3ef79800', '1.5'],
    ['-1', 'ff172b5af000', '-1'],
    ['007', '065dd0837000', '7'],
    ['0.000000000001', '01', '0.000000000001'],
    ['-0.000000000001', 'ff', '-0.000000000001'],
    ['0.000000000128', '0080', '0.000000000128'],
    ['-0.000000000128', '80', '-0.000000000128'],
    ['1.000000000000000', '00e8d4a51000', '1'],
    [largest, '4b3b4ca85a86c47a098a223fffffffff', largest],
  ])('%s has the bytes %s and reads back as %s', (text, hex, normalised) => {
    const bytes = unscaledDecimal(text, shape)
    expect(bytes?.toString('hex')).toBe(hex)
    expect(decimalText(bytes ?? Buffer.alloc(0), shape)).toBe(normalised)
  })

  test.each(['', '.5', '1.', '1e3', '+1', ' 1', '0x1', 'NaN', '1,5', '0.0000000000001', `1${'0'.repeat(26)}`])(
    '%j does not fit',
    (text) => {
      expect(unscaledDecimal(text, shape)).toBeUndefined()
    },
  )

  test.each(['', '4b3b4ca85a86c47a098a224000000000', 'ff'.repeat(33)])('the bytes %j are refused', (hex) => {
    expect(() => decimalText(Buffer.from(hex, 'hex'), shape)).toThrow(/decimal/)
  })

  test('padded bytes of another writer are read', () => {
    expect(decimalText(Buffer.from(`${'ff'.repeat(10)}80`, 'hex'), shape)).toBe('-0.000000000128')
  })
})
