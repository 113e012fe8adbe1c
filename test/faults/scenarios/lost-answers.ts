/** Requests and answers that are lost on the wire between a worker and the broker or the database. */

import { insertClaims, markPublished, settleClaims } from '../../../src/delivery/sql/ledger-statements.ts'
import { startAnswerLosingProxy } from '../answer-losing-proxy.ts'
import type { FaultRun, Scenario } from '../fault-run.ts'
import { isCommit, isTransactional, kafkaApis, type ProxyRule, startKafkaProxy } from '../kafka-proxy.ts'

/** A worker behind a proxy that loses frames by the rule, a few times, under load; another one without. */
function lostFrames(name: string, options: { shows: string; rule: ProxyRule; rounds?: number }): Scenario {
  const { shows, rule, rounds = 3 } = options
  return {
    name,
    shows,
    async run(run) {
      const proxy = await startKafkaProxy(run.env['KAFKA_BROKERS'] ?? '')
      run.defer(() => proxy.close())
      await run.startWorker({ env: { KAFKA_BROKERS: proxy.address } })
      await run.startWorker()
      const count = Math.ceil(300 / rounds)
      let hits = 0
      for (let round = 0; round < rounds; round++) {
        const load = run.load.run({ count, perSecond: 40, models: ['quick', 'middling', 'slow'] })
        const active = proxy.add(rule)
        await load
        active.remove()
        hits += active.hits
        await run.untilQuiet(60_000)
      }
      if (hits === 0) run.problem('the proxy lost nothing')
    },
  }
}

/** All scenarios of this kind. */
export const lostAnswers = {
  commitAnswer: lostFrames('lost-commit-answer', {
    shows: 'the broker commits a transaction, and its answer is lost with the connection',
    rule: { api: kafkaApis.endTxn, on: 'response', matches: isCommit, act: 'cut', times: 1 },
  }),
  commitAnswerSilently: lostFrames('silent-commit-answer', {
    shows: 'the broker commits a transaction, and its answer never comes',
    rule: { api: kafkaApis.endTxn, on: 'response', matches: isCommit, act: 'lose', times: 1 },
  }),
  commitRequest: lostFrames('lost-commit-request', {
    shows: 'a commit is lost on its way to the broker',
    rule: { api: kafkaApis.endTxn, on: 'request', matches: isCommit, act: 'cut', times: 1 },
  }),
  lateCommit: lostFrames('late-commit', {
    shows: 'a commit reaches the broker only after the worker has given it up',
    rule: { api: kafkaApis.endTxn, on: 'request', matches: isCommit, act: { delayMs: 7_000 }, times: 1 },
  }),
  produceAnswer: lostFrames('lost-produce-answer', {
    shows: 'records are appended, and the answer is lost with the connection',
    rule: { api: kafkaApis.produce, on: 'response', matches: isTransactional, act: 'cut', times: 1 },
  }),
  produceAnswers: lostFrames('all-produce-answers-lost', {
    shows: 'records are appended, and every answer is lost until the client gives up',
    rule: { api: kafkaApis.produce, on: 'response', matches: isTransactional, act: 'cut', times: 1_000_000 },
    rounds: 1,
  }),
  lateOffsetCommit: lostFrames('late-offset-commits', {
    shows: 'offset commits reach the broker late, over a rebalance',
    rule: { api: kafkaApis.offsetCommit, on: 'request', act: { delayMs: 3_000 }, times: 20 },
  }),
}

/** Statements of the ledger whose answers are lost. */
const ledgerStatements = { claim: insertClaims, settle: settleClaims, mark: markPublished } as const

/** The database carries a statement out, and the worker never hears of it. */
export function lostDatabaseAnswers(statement: keyof typeof ledgerStatements): Scenario {
  return {
    name: `lost-${statement}-answer`,
    shows: `the database carries out a ${statement} and its answer is lost, ten times, while workers come and go`,
    async run(run) {
      const proxy = await startAnswerLosingProxy(new URL(run.env['DATABASE_URL'] ?? '').host)
      run.defer(() => proxy.close())
      await run.startWorker({ env: { DATABASE_URL: behind(run, proxy.address) } })
      await run.startWorker()
      for (let round = 0; round < 10; round++) {
        proxy.loseAnswersOf(ledgerStatements[statement], 1)
        await run.load.run({ count: 30, perSecond: 100, models: ['quick', 'middling'] })
      }
      // A new member takes partitions over while claims may be without a job.
      await run.startWorker()
      await run.load.run({ count: 30, perSecond: 100 })
      if (proxy.lostCount === 0) run.problem('the proxy lost no answer')
    },
  }
}

function behind(run: FaultRun, address: string): string {
  const url = new URL(run.env['DATABASE_URL'] ?? '')
  url.host = address
  return url.href
}
