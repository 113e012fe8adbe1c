import { expect, test } from 'vitest'
import { MemoryLedgerStore } from '../../../src/delivery/memory-ledger.ts'
import { claimRequest, describeLedger, settleRequest } from '../../support/ledger-contract.ts'

describeLedger('the ledger in memory', async () => {
  const store = new MemoryLedgerStore()
  return {
    join: async (workerId) => store.join(workerId),
    kill: async (workerId) => store.kill(workerId),
    close: async () => {},
  }
})

test('the oldest of too many finished requests is forgotten', async () => {
  const ledger = new MemoryLedgerStore({ maxPublishedCount: 2 }).join('a')
  for (const id of ['1', '2', '3']) {
    await ledger.claim([claimRequest(id)])
    await ledger.settle([settleRequest(id, 1)])
    await ledger.mark([{ tenant: 'default', requestId: id, token: 1 }])
  }
  const kinds = (await ledger.claim(['3', '2', '1'].map((id) => claimRequest(id)))).map(({ kind }) => kind)
  expect(kinds).toEqual(['published', 'published', 'claimed'])
})
