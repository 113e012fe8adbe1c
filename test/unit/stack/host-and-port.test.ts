import { expect, it } from 'vitest'
import { composeProject } from '../../../src/stack/compose.ts'
import { hostAndPort } from '../../../src/stack/stack.ts'

it.each([
  ['127.0.0.1:9092', '127.0.0.1', 9092],
  ['one:1,two:2', 'one', 1],
  ['http://127.0.0.1:8081/apis/ccompat/v7', '127.0.0.1', 8081],
  ['https://registry.example/x', 'registry.example', 443],
  ['postgresql://db.example/model_service', 'db.example', 5432],
  ['[::1]:9092', '::1', 9092],
])('knocks for %s at %s port %d', (address, host, port) => {
  expect(hostAndPort(address)).toEqual({ host, port })
})

it('gives each data directory its own Compose project', () => {
  expect(composeProject('/a')).toMatch(/^model-service-[0-9a-f]{10}$/)
  expect(composeProject('/a')).not.toBe(composeProject('/b'))
})
