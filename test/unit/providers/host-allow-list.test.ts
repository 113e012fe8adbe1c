import { expect, it } from 'vitest'
import { createHostMatcher, isLoopback } from '../../../src/providers/host-allow-list.ts'

it.each([
  ['example.org', 'https://example.org/x', true],
  ['example.org', 'https://EXAMPLE.org.:8443/x', true],
  ['example.org', 'https://www.example.org/', false],
  ['example.org:8443', 'https://example.org:8443/', true],
  ['example.org:8443', 'https://example.org/', false],
  ['example.org:443', 'https://example.org/', true],
  ['*.example.org', 'https://a.b.example.org/', true],
  ['*.example.org', 'https://example.org/', false],
  ['*.example.org', 'https://badexample.org/', false],
  ['[::1]:9000', 'http://[::1]:9000/', true],
])('%s and %s: %s', (entry, url, expected) => {
  expect(createHostMatcher([entry])(new URL(url))).toBe(expected)
})

it.each([
  ['http://localhost:1', true],
  ['http://a.localhost', true],
  ['http://127.0.0.1', true],
  ['http://127.8.9.1', true],
  ['http://[::1]', true],
  ['http://2130706433', true],
  ['http://127.0.0.1.example.org', false],
  ['http://10.0.0.1', false],
])('%s is this machine: %s', (url, expected) => {
  expect(isLoopback(new URL(url))).toBe(expected)
})
