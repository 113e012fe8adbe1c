import kafkajs, { type Admin, type AdminConfig } from 'kafkajs'
import { expect, test } from 'vitest'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { withAdmin } from '../../../src/events/with-admin.ts'

/** A client whose steps are written down; a step may fail. */
function fakeKafka(failing: { connect?: Error; disconnect?: Error } = {}) {
  const steps: string[] = []
  const configs: (AdminConfig | undefined)[] = []
  const step = (name: 'connect' | 'disconnect') => async () => {
    steps.push(name)
    if (failing[name] !== undefined) throw failing[name]
  }
  const client: Pick<Admin, 'connect' | 'disconnect'> = { connect: step('connect'), disconnect: step('disconnect') }
  const kafka = {
    admin: (config?: AdminConfig) => {
      configs.push(config)
      return client as Admin
    },
  }
  return { kafka, steps, configs }
}

test('it is connected before, disconnected after, and the result is given back', async () => {
  const { kafka, steps, configs } = fakeKafka()
  const retry = { retries: 0 }
  const use = async (): Promise<number> => {
    steps.push('use')
    return 7
  }
  expect(await withAdmin(kafka, use, { retry })).toBe(7)
  expect(steps).toEqual(['connect', 'use', 'disconnect'])
  expect(configs).toEqual([{ retry }])
})

test('a client that cannot connect is disconnected, and nothing is run', async () => {
  const { kafka, steps } = fakeKafka({ connect: new kafkajs.KafkaJSConnectionError('refused') })
  const use = async () => steps.push('use')
  await expect(withAdmin(kafka, use)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  expect(steps).toEqual(['connect', 'disconnect'])
})

test.each([
  ['KafkaJSNumberOfRetriesExceeded', {}, 'BROKER_UNAVAILABLE'],
  ['KafkaJSProtocolError', { type: 'UNKNOWN_TOPIC_OR_PARTITION' }, 'TOPIC_MISSING'],
])('%s %j becomes %s', async (name, fields, code) => {
  const { kafka, steps } = fakeKafka()
  const cause = Object.assign(new Error('no answer'), { name, ...fields })
  const outcome = withAdmin(kafka, () => Promise.reject(cause))
  await expect(outcome).rejects.toMatchObject({ code, cause })
  expect(steps.at(-1)).toBe('disconnect')
})

test('what is thrown by others passes through, also when the client cannot be disconnected', async () => {
  const { kafka } = fakeKafka({ disconnect: new Error('gone') })
  const ours = new ModelServiceError('CANCELLED', 'Stopped.')
  await expect(withAdmin(kafka, () => Promise.reject(ours))).rejects.toBe(ours)
  const foreign = new TypeError('no function')
  await expect(withAdmin(kafka, () => Promise.reject(foreign))).rejects.toBe(foreign)
  expect(await withAdmin(kafka, async () => 'done')).toBe('done')
})
