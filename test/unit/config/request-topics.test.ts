import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../../src/config/load-settings.ts'
import { parseRequestTopics } from '../../../src/config/request-topics.ts'
import { delays, weights } from '../../../src/config/setting.ts'

const kafka = (REQUEST_TOPICS?: string) =>
  loadSettings({ KAFKA_BROKERS: '127.0.0.1:9092', ...(REQUEST_TOPICS === undefined ? {} : { REQUEST_TOPICS }) }, [
    'kafka',
  ]).kafka.requestTopics

describe('REQUEST_TOPICS', () => {
  it('is the topic of the contract, unordered and for all tenants, when not set', () => {
    expect(kafka()).toEqual([{ name: 'model.requests', order: 'none', tenant: null }])
  })

  it('names topics with their order and tenant; spaces and empty items do not count', () => {
    expect(kafka('model.requests, chats;order=key , acme.jobs ; tenant=acme; order=partition,')).toEqual([
      { name: 'model.requests', order: 'none', tenant: null },
      { name: 'chats', order: 'key', tenant: null },
      { name: 'acme.jobs', order: 'partition', tenant: 'acme' },
    ])
  })

  it.each([
    ['', 'no topic is named'],
    [';order=key', '"" is no topic name'],
    ['a b', '"a b" is no topic name'],
    ['..', '".." is no topic name'],
    ['model.commands', 'model.commands holds something else than requests'],
    ['model.requests.retry.10s', 'model.requests.retry.10s holds something else than requests'],
    ['a,b,a;order=key', 'a is named twice'],
    ['a;order=random', 'a has order=random'],
    ['a;order=key;order=none', 'a has order twice'],
    ['a;tenant=', 'a has tenant=, which is no tenant id'],
    ['a;fast', 'a has "fast", which is neither order= nor tenant='],
  ])('%j: %s', (text, problem) => {
    expect(parseRequestTopics(text).problems).toEqual([problem])
  })

  it('tells all that is wrong with it at once', () => {
    expect(() => kafka('a;order=x,model.commands')).toThrow(
      /a has order=x; model\.commands holds something else than requests/,
    )
  })
})

describe('weights', () => {
  it('are read by name; names may hold =', () => {
    expect(weights('tenants').schema.parse('acme=3, b=c=100')).toEqual(
      new Map([
        ['acme', 3],
        ['b=c', 100],
      ]),
    )
  })

  it.each(['acme', 'acme=0', 'acme=101', '=3', 'acme=1.5', 'acme=1,acme=1'])('refuse %j', (text) => {
    expect(weights('tenants').schema.safeParse(text).success).toBe(false)
  })
})

describe('delays', () => {
  it.each([
    ['10, 20', [10, 20]],
    ['none', []],
  ])('%j are %j', (text, values) => {
    expect(delays(1, 1_000).schema.parse(text)).toEqual(values)
  })

  it.each(['', '0', '10,', '1001', '1e2'])('refuse %j', (text) => {
    expect(delays(1, 1_000).schema.safeParse(text).success).toBe(false)
  })
})
