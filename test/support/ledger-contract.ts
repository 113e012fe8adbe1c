/** What every ledger must do, as one suite: run it on each implementation with `describeLedger`. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ClaimRequest, Ledger, SettleRequest } from '../../src/delivery/ledger.ts'
import type { RequestLogRow } from '../../src/model-service/ports/outcome.ts'

/** A store that several incarnations share. */
export interface LedgerFixture {
  /** The ledger as a fresh incarnation with a living lease sees it. */
  join(workerId: string): Promise<Ledger>
  /** Makes the incarnation count as dead: its lease expired and marked so. */
  kill(workerId: string): Promise<void>
  /** Gives back what the fixture holds. */
  close(): Promise<void>
}

const hash = `v1:${'a'.repeat(64)}`

/** A claim as the dispatcher asks for it. */
export function claimRequest(requestId: string, changes: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    tenant: 'default',
    requestId,
    payloadHash: hash,
    onUncertain: 'RETRY',
    source: { topic: 'model.requests', partition: 0, offset: 7 },
    retry: 0,
    inPlace: false,
    attempts: [],
    ...changes,
  }
}

/** An outcome as delivery settles it. */
export function settleRequest(
  requestId: string,
  token: number,
  changes: Partial<SettleRequest> = {},
): SettleRequest & { log: RequestLogRow } {
  return {
    tenant: 'default',
    requestId,
    token,
    retry: null,
    outcome: Buffer.from('outcome'),
    attemptCount: 1,
    attempts: [],
    log: {
      tenant: 'default',
      requestId,
      requestType: 'CHAT',
      taskType: null,
      model: 'm',
      provider: 'p',
      status: 'COMPLETED',
      errorCode: null,
      attemptCount: 1,
      confidence: null,
      usage: null,
      cost: {
        amount: null,
        currency: 'USD',
        unknownReason: 'NO_PRICE',
        priceSource: null,
        priceCardVersion: null,
        reportedUsd: null,
      },
      startedAt: 1_700_000_000_000,
      finishedAt: 1_700_000_000_100,
      durationMs: 100,
      registryVersion: null,
      source: { topic: 'model.requests', partition: 0, offset: 7 },
      calledModels: [],
    },
    bodies: { request: Buffer.from('request'), completion: null },
    ...changes,
  } as SettleRequest & { log: RequestLogRow }
}

/** The suite. `makeFixture` gives an empty store for each test. */
export function describeLedger(name: string, makeFixture: () => Promise<LedgerFixture>): void {
  describe(`${name} keeps the ledger contract`, () => {
    let fixture: LedgerFixture
    beforeEach(async () => {
      fixture = await makeFixture()
    })
    afterEach(async () => {
      await fixture.close()
    })

    async function claimOne(ledger: Ledger, request: ClaimRequest) {
      const [result] = await ledger.claim([request])
      if (result === undefined) throw new Error('a claim must have one result per request')
      return result
    }

    test('a new request is claimed with token 1', async () => {
      const a = await fixture.join('a')
      expect(await claimOne(a, claimRequest('r'))).toMatchObject({ kind: 'claimed', token: 1, attemptBase: 0 })
    })

    test('results come in the order of the requests', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('held')])
      const results = await b.claim([claimRequest('z'), claimRequest('held'), claimRequest('c')])
      expect(results.map((result) => result.kind)).toEqual(['claimed', 'held', 'claimed'])
    })

    test('tenants do not share ids', async () => {
      const a = await fixture.join('a')
      await a.claim([claimRequest('r')])
      expect((await claimOne(a, claimRequest('r', { tenant: 'other' }))).kind).toBe('claimed')
    })

    test('what a living owner has is held', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      expect(await claimOne(b, claimRequest('r'))).toEqual({ kind: 'held', owner: 'a' })
    })

    test('what a dead owner had claimed is taken over with a higher token', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      await fixture.kill('a')
      expect(await claimOne(b, claimRequest('r'))).toMatchObject({ kind: 'claimed', token: 2 })
    })

    test('a dead owner and onUncertain FAIL give uncertain, ours to settle', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r', { onUncertain: 'FAIL' })])
      await fixture.kill('a')
      expect(await claimOne(b, claimRequest('r', { onUncertain: 'FAIL' }))).toMatchObject({
        kind: 'uncertain',
        token: 2,
      })
      expect(await b.settle([settleRequest('r', 2)])).toEqual(['settled'])
    })

    test('the same id with other content is a mismatch', async () => {
      const a = await fixture.join('a')
      await a.claim([claimRequest('r')])
      expect(await claimOne(a, claimRequest('r', { payloadHash: `v1:${'b'.repeat(64)}` }))).toEqual({
        kind: 'mismatch',
      })
    })

    test('claimed, settled, marked: then it is published for everybody', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      expect(await a.settle([settleRequest('r', 1)])).toEqual(['settled'])
      expect((await claimOne(b, claimRequest('r'))).kind).toBe('held')
      await a.mark([{ tenant: 'default', requestId: 'r', token: 1 }])
      expect(await claimOne(b, claimRequest('r'))).toEqual({ kind: 'published' })
    })

    test('settling again under the same claim is the lost answer, not a loss', async () => {
      const a = await fixture.join('a')
      await a.claim([claimRequest('r')])
      await a.settle([settleRequest('r', 1)])
      expect(await a.settle([settleRequest('r', 1)])).toEqual(['settled'])
    })

    test('a zombie whose request was taken over cannot settle', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      await fixture.kill('a')
      await b.claim([claimRequest('r')])
      expect(await a.settle([settleRequest('r', 1)])).toEqual(['lost'])
      expect(await b.settle([settleRequest('r', 2)])).toEqual(['settled'])
    })

    test('an owner that counts as dead settles what nobody has taken', async () => {
      const a = await fixture.join('a')
      await a.claim([claimRequest('r')])
      await fixture.kill('a')
      expect(await a.settle([settleRequest('r', 1)])).toEqual(['settled'])
    })

    test('an incarnation without a lease claims nothing', async () => {
      const a = await fixture.join('a')
      await fixture.kill('a')
      expect(await claimOne(a, claimRequest('r'))).toEqual({ kind: 'lease-lost' })
    })

    test('what is settled by a dead owner is held until it is recovered, never called again', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      await a.settle([settleRequest('r', 1)])
      await fixture.kill('a')
      expect((await claimOne(b, claimRequest('r'))).kind).toBe('held')
    })

    test('a released claim is free, with a higher token', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      await a.release([{ tenant: 'default', requestId: 'r', token: 1, attemptCount: 0 }])
      const result = await claimOne(b, claimRequest('r'))
      expect(result.kind).toBe('claimed')
      expect(result).toHaveProperty(
        'token',
        expect.toSatisfy((token: number) => token > 1),
      )
      expect(await a.settle([settleRequest('r', 1)])).toEqual(['lost'])
    })

    test('releasing with a wrong token changes nothing', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      await a.release([{ tenant: 'default', requestId: 'r', token: 9, attemptCount: 0 }])
      expect((await claimOne(b, claimRequest('r'))).kind).toBe('held')
    })

    test('settling what was never claimed is lost', async () => {
      const a = await fixture.join('a')
      expect(await a.settle([settleRequest('never', 1)])).toEqual(['lost'])
    })

    test('marking what is not settled changes nothing', async () => {
      const [a, b] = [await fixture.join('a'), await fixture.join('b')]
      await a.claim([claimRequest('r')])
      await a.mark([{ tenant: 'default', requestId: 'r', token: 1 }])
      expect((await claimOne(b, claimRequest('r'))).kind).toBe('held')
    })

    test('two claims of one id in one batch give one owner', async () => {
      const a = await fixture.join('a')
      const kinds = (await a.claim([claimRequest('r'), claimRequest('r')])).map((result) => result.kind)
      expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1)
    })

    test('empty batches are fine', async () => {
      const a = await fixture.join('a')
      expect(await a.claim([])).toEqual([])
      expect(await a.settle([])).toEqual([])
      await a.mark([])
      await a.release([])
    })
  })
}
