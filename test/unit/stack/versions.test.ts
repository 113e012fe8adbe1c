import { describe, expect, it } from 'vitest'
import { parseJavaVersion } from '../../../src/stack/java.ts'
import { isSupportedPython, parsePythonVersion } from '../../../src/stack/python.ts'

describe('the version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['openjdk version "22-ea" 2024-03-19', 22],
    ['The operation couldn’t be completed. Unable to locate a Java Runtime.', undefined],
  ])('of %j is %j', (text, version) => {
    expect(parseJavaVersion(text)).toBe(version)
  })
})

describe('the version of Python', () => {
  it.each([
    ['Python 3.9.2', false],
    ['Python 3.10.0', true],
    ['Python 3.14.0rc1', true],
    ['Python 3.15.0', false],
    ['Python 2.7.18', false],
  ])('%s is supported: %j', (text, supported) => {
    const version = parsePythonVersion(text)
    expect(version !== undefined && isSupportedPython(version)).toBe(supported)
  })

  it('is unknown in other text', () => {
    expect(parsePythonVersion('PyPy')).toBeUndefined()
  })
})
