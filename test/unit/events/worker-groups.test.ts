import { expect, test } from 'vitest'
import { workerGroups } from '../../../src/events/worker-groups.ts'

test('each kind of topic has a group of its own, named after that of the requests', () => {
  const requestTopics = [{ name: 'model.requests' }, { name: 'orders' }]
  expect(workerGroups({ groupId: 'workers', topicPrefix: 'x.', requestTopics })).toEqual({
    requests: { groupId: 'workers', topics: ['x.model.requests', 'x.orders'] },
    retries: {
      groupId: 'workers.retry',
      topics: ['x.model.requests.retry.10s', 'x.model.requests.retry.1m', 'x.model.requests.retry.10m'],
    },
    commands: { groupId: 'workers.commands', topics: ['x.model.commands'] },
  })
})
