/** Decimal strings ↔ the unscaled two's-complement bytes of Avro's `decimal`. */

/** Digits in all, and how many of them after the point. */
export interface DecimalShape {
  precision: number
  scale: number
}

const decimalPattern = /^(-?)(\d{1,64})(?:\.(\d{1,64}))?$/

/** The bytes of a decimal string, as few as possible; undefined when it is not a decimal or does not fit. */
export function unscaledDecimal(text: string, shape: DecimalShape): Buffer | undefined {
  const match = decimalPattern.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = ''] = match
  const digits = fraction.replace(/0+$/, '')
  if (digits.length > shape.scale) return undefined
  const magnitude = BigInt(whole + digits.padEnd(shape.scale, '0'))
  if (magnitude >= 10n ** BigInt(shape.precision)) return undefined
  const unscaled = sign === '-' ? -magnitude : magnitude
  let byteCount = 1
  while (BigInt.asIntN(byteCount * 8, unscaled) !== unscaled) byteCount++
  const hex = BigInt.asUintN(byteCount * 8, unscaled).toString(16)
  return Buffer.from(hex.padStart(byteCount * 2, '0'), 'hex')
}

/** The decimal string of unscaled bytes, without superfluous zeros. @throws Error when the bytes do not fit the shape */
export function decimalText(bytes: Buffer, shape: DecimalShape): string {
  // 32 bytes leave room for writers that pad; more would make the conversion itself expensive.
  if (bytes.length === 0 || bytes.length > 32) throw new Error(`a decimal has ${bytes.length} bytes`)
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  const magnitude = unscaled < 0n ? -unscaled : unscaled
  if (magnitude >= 10n ** BigInt(shape.precision)) {
    throw new Error(`a decimal has more than ${shape.precision} digits`)
  }
  const digits = magnitude.toString().padStart(shape.scale + 1, '0')
  const whole = digits.slice(0, digits.length - shape.scale)
  const fraction = digits.slice(digits.length - shape.scale).replace(/0+$/, '')
  return `${unscaled < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
