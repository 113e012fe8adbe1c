import { expect, it } from 'vitest'
import { isGoogleFile } from '../../../../src/providers/gemini/to-content-part.ts'

it.each([
  ['https://generativelanguage.googleapis.com/v1beta/files/abc', true],
  ['https://www.youtube.com/watch?v=9hE5-98ZeCg', true],
  ['https://youtu.be/9hE5-98ZeCg', true],
  ['http://generativelanguage.googleapis.com/v1beta/files/abc', false],
  ['https://generativelanguage.googleapis.com/v1beta/files/', false],
  ['https://generativelanguage.googleapis.com/v1beta/models', false],
  ['https://generativelanguage.googleapis.com.example.org/v1beta/files/abc', false],
  ['https://generativelanguage.googleapis.com:8443/v1beta/files/abc', false],
  ['https://user@generativelanguage.googleapis.com/v1beta/files/abc', false],
  ['https://www.youtube.com/redirect?q=http://10.0.0.1/&v=1', false],
  ['https://example.org/watch?v=1', false],
  ['no address', false],
])('%s is a file that Google has: %s', (url, expected) => {
  expect(isGoogleFile(url)).toBe(expected)
})
