import { describe, expect, it } from 'vitest'
import { misspeltSettings } from '../../../src/config/misspelt-settings.ts'

describe('misspeltSettings', () => {
  it.each([
    ['KAFKA_BROKER', 'KAFKA_BROKERS'],
    ['kafka_brokers', 'KAFKA_BROKERS'],
    ['KAFKA_SESSION_TIMEOUT', 'KAFKA_SESSION_TIMEOUT_MS'],
    ['DRAIN_TIMEOUT_SECONDS', undefined],
    ['WINDOWS_BYTES', 'WINDOW_BYTES'],
    ['DATABASE_ULR', 'DATABASE_URL'],
    ['DATABASE_URL_FLIE', 'DATABASE_URL_FILE'],
  ])('%s → %s', (given, meant) => {
    expect(misspeltSettings({ [given]: 'x' }).map((found) => found.meant)).toEqual(meant === undefined ? [] : [meant])
  })

  it('lets known settings and the variables of other programs be', () => {
    const env = {
      KAFKA_BROKERS: 'a:1',
      DATABASE_URL_FILE: '/x',
      KAFKA_OPTS: '-X',
      KAFKA_HOME: '/k',
      PATH: '/bin',
      HOME: '/',
    }
    expect(misspeltSettings(env)).toEqual([])
  })
})
