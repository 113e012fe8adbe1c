import { describe, expect, it } from 'vitest'
import { kafkaProperties, newClusterId } from '../../../src/stack/kafka.ts'

describe('the configuration of the broker', () => {
  const lines = kafkaProperties({ brokerPort: 1111, controllerPort: 2222, dataDirectory: '/data/k' }).trim().split('\n')
  const properties = new Map(lines.map((line) => line.split(/=(.*)/s, 2) as [string, string]))

  it('listens on loopback only', () => {
    expect(properties.get('listeners')).toBe('BROKER://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222')
    expect(properties.get('advertised.listeners')).toBe('BROKER://127.0.0.1:1111')
    expect(properties.get('controller.quorum.voters')).toBe('1@127.0.0.1:2222')
  })

  it('takes records of 8 MiB and creates no topic by accident', () => {
    expect(Number(properties.get('message.max.bytes'))).toBeGreaterThan(8 * 1024 * 1024)
    expect(properties.get('replica.fetch.max.bytes')).toBe(properties.get('message.max.bytes'))
    expect(properties.get('auto.create.topics.enable')).toBe('false')
  })

  it('escapes what the properties format would read as an escape', () => {
    const text = kafkaProperties({ brokerPort: 1, controllerPort: 2, dataDirectory: '/odd\\name' })
    expect(text).toContain('log.dirs=/odd\\\\name\n')
  })
})

describe('a cluster id', () => {
  it('has 22 characters and never begins with a dash', () => {
    const draws = [Buffer.alloc(16, 0xf8), Buffer.alloc(16, 1)]
    expect(draws[0]?.toString('base64url')).toMatch(/^-/)
    const id = newClusterId(() => draws.shift() ?? Buffer.alloc(16, 2))
    expect(draws).toEqual([])
    expect(id).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
  })
})
