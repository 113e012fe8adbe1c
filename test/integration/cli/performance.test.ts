/** `performance` and `feedback` as a user runs them, on what a real worker has served. */
import { PassThrough, Readable } from 'node:stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../../src/cli/program.ts'
import { withService } from '../../support/service.ts'

const service = withService()

/** In this process: starting another takes longer than what it does. */
async function cli(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const exitCode = await runCli(args, {
    ...{ stdin: Readable.from([]), stdout, stderr, cwd: process.cwd(), color: false },
    env: { USER: 'tester', ...service.env },
    signal: new AbortController().signal,
  })
  return { exitCode, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

const ids = (model: string) => Array.from({ length: 5 }, (_, index) => `${model}-${index}`)
const today = new Date().toISOString().slice(0, 10)

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({
    quick: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-400' },
  })
  for (const model of ['quick', 'slow']) {
    for (const requestId of ids(model)) {
      await service.send(service.chat(model, { requestId, tenant: 'acme', taskType: 'summary' }))
    }
  }
  await service.completions([...ids('quick'), ...ids('slow')])
})

describe('feedback', () => {
  it('is sent to the workers, counts, and leaves as an event without words', async () => {
    const given = await cli('feedback', 'quick-0', '--tenant', 'acme', '--score', '0.25', '--correction', 'tell-tale')
    expect(given).toMatchObject({ exitCode: 0, out: expect.stringContaining('APPLIED  RecordFeedback') })
    // The latest score of the same user counts.
    const again = await cli('feedback', 'quick-0', '--tenant', 'acme', '--score', '0', '--json')
    expect(JSON.parse(again.out)).toMatchObject({ status: 'APPLIED', entityId: 'quick-0' })
    const { rows } = await service.sql.query(
      'SELECT actor, score, correction, counted FROM model_feedback ORDER BY score',
    )
    expect(rows).toEqual([
      { actor: 'tester', score: 0, correction: null, counted: true },
      { actor: 'tester', score: 0.25, correction: 'tell-tale', counted: false },
    ])
    const events = (await service.readRecords('performance')).filter(({ record }) => record.kind === 'FEEDBACK')
    expect(events.map(({ record }) => [record.model, record.taskType, record.score])).toEqual([
      ['quick', 'summary', 0.25],
      ['quick', 'summary', 0],
    ])
    expect(events[0]?.headers).toMatchObject({ ce_type: 'model.feedback.received', ce_subject: 'quick-0' })
    expect(events[0]?.key?.toString()).toBe('quick')
    expect(events[0]?.value?.includes('tell-tale')).toBe(false)
  })

  it('on a request that is not there is refused with a code, and ends with 1', async () => {
    const refused = await cli('feedback', 'quick-0', '--score', '1')
    expect(refused).toMatchObject({ exitCode: 1, out: expect.stringContaining('REQUEST_NOT_FOUND') })
  })
})

describe('performance', () => {
  it('show tells of all models, or of one', async () => {
    const all = await cli('performance', 'show')
    expect(all.out).toMatch(/^model +requests +success +average time +average cost +total cost +quality\n/)
    expect(all.out).toMatch(/^quick +5 +100 % +\d+(\.\d)? ms .* 0\.643 \(weight 7\)$/m)
    expect(all.out).toMatch(/^slow +5 +100 % +\d+ ms .* 0\.9 \(weight 5\)$/m)
    const one = JSON.parse((await cli('performance', 'show', 'slow', '--task-type', 'summary', '--json')).out)
    expect(one).toMatchObject({ model: 'slow', requestCount: 5, successRate: 1, quality: 0.9 })
    expect(one.averageLatencyMs).toBeGreaterThanOrEqual(400)
    const few = await cli('performance', 'show', 'slow', '--min-samples', '6')
    expect(few).toMatchObject({ exitCode: 0, err: expect.stringContaining('fewer than 6 requests') })
  })

  it('history tells the same by period', async () => {
    const { out } = await cli('performance', 'history', 'slow', '--by', 'day')
    expect(out).toMatch(new RegExp(`^${today} +5 +100 %`, 'm'))
    const months = JSON.parse((await cli('performance', 'history', 'slow', '--by', 'month', '--json')).out)
    expect(months).toMatchObject([{ period: today.slice(0, 7), requestCount: 5 }])
  })

  it('best names the models that are good enough, best first', async () => {
    const byQuality = JSON.parse((await cli('performance', 'best', 'summary', '--json')).out)
    expect(byQuality.map(({ model }: { model: string }) => model)).toEqual(['slow', 'quick'])
    const byTime = await cli('performance', 'best', 'summary', '--by', 'latency', '--json')
    const times = JSON.parse(byTime.out).map((each: { averageLatencyMs: number }) => each.averageLatencyMs)
    expect(times).toEqual([...times].sort((left, right) => left - right))
    const table = await cli('performance', 'best', 'summary')
    expect(table.out).toMatch(/^1 +slow .*\n2 +quick /m)
    const chosen = JSON.parse(
      (await cli('performance', 'best', 'summary', '--by', 'latency', '--min-quality', '0.8', '--json')).out,
    )
    expect(chosen.map(({ model }: { model: string }) => model)).toEqual(['slow'])
    const none = await cli('performance', 'best', 'nothing')
    expect(none).toMatchObject({
      exitCode: 1,
      out: '(none)\n',
      err: expect.stringContaining('No model has 5 requests'),
    })
  })
})
