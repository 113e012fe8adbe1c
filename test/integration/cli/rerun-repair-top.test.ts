/** `replay --mode rerun`, `replay --mode repair` and `top`, beside a real worker whose calls are counted; as processes where they are ended. */
import { type ChildProcess, execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RerunRow } from '../../../src/cli/replay/rerun/compare-runs.ts'
import { rerunId } from '../../../src/cli/replay/rerun/rerun-request.ts'
import { runCommand } from '../../support/run-command.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'rerun-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const service = withService()
const originals = ['one', 'two', 'three', 'four', 'five', 'six']
const price = { inputPerMillionTokens: '1', outputPerMillionTokens: '2' }

interface Run {
  exitCode: number
  out: string
  err: string
}

/** As a process. */
function start(args: string[], settings: Record<string, string> = {}): { child: ChildProcess; ended: Promise<Run> } {
  const ended = Promise.withResolvers<Run>()
  const env = { ...process.env, ...service.env, ...settings }
  const child = execFile(
    process.execPath,
    [main, ...args],
    { env, cwd: folder, timeout: 30_000, killSignal: 'SIGKILL' },
    (error, out, err) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      ended.resolve({ exitCode, out, err })
    },
  )
  return { child, ended: ended.promise }
}

const cli = (...args: string[]) => runCommand(args, service.env, { cwd: folder })
const completionCount = async (): Promise<number> => (await service.readAll('completions')).length

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({
    old: { capabilities: ['CHAT'], price },
    new: { capabilities: ['CHAT'], price },
    slow: { capabilities: ['CHAT'], price, providerModel: 'double-delay-400' },
    broken: { capabilities: ['CHAT'], price, providerModel: 'double-status-503' },
    unpriced: { capabilities: ['CHAT'] },
    vectors: { capabilities: ['EMBEDDING'], price },
  })
  for (const requestId of originals) {
    await service.send(service.chat('old', { requestId, tenant: 'acme' }), requestId, { 'correlation-id': requestId })
  }
  await service.completions(originals)
})

describe('replay --mode rerun', () => {
  const rerun = (model: string, ...rest: string[]) =>
    cli(
      'replay',
      '--mode',
      'rerun',
      '--model',
      model,
      '--shadow-topic',
      `shadow.${service.env['KAFKA_GROUP_ID']}`,
      ...rest,
    )
  const shadow = () => service.readAll({ name: `shadow.${service.env['KAFKA_GROUP_ID']}` })

  it('foretells what it would do, and calls nobody', async () => {
    const before = service.double.ledger.list().length
    const { exitCode, out } = await rerun('new', '--create-topic', '--dry-run', '--json')
    expect(JSON.parse(out)).toMatchObject({ runId: 'new', chosenCount: 6, calledCount: 0, comparedCount: 0, end: null })
    expect(exitCode).toBe(0)
    expect(service.double.ledger.list()).toHaveLength(before)
  })

  it('refuses what it could not keep, before anybody is called', async () => {
    const before = service.double.ledger.list().length
    const refused = await Promise.all([
      rerun('unpriced'),
      rerun('unpriced', '--create-topic'),
      rerun('unpriced', '--create-topic', '--max-cost', '1'),
      rerun('no-such-model'),
    ])
    expect(refused.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 1])
    const messages = [
      'does not exist: create it, or add --create-topic',
      '--yes',
      '--max-cost cannot be kept',
      'MODEL_NOT_FOUND',
    ]
    for (const [index, message] of messages.entries()) expect(refused[index]?.err).toContain(message)
    expect(service.double.ledger.list()).toHaveLength(before)
  })

  it('calls old requests again and sets both answers beside each other', async () => {
    const terminalRecords = await completionCount()
    const csv = path.join(folder, 'rows.csv')
    const { exitCode, out } = await rerun('new', '--create-topic', '--limit', '4', '--csv', csv, '--json', '--yes')
    expect(exitCode).toBe(0)
    const report = JSON.parse(out)
    expect(report).toMatchObject({ end: 'done', calledCount: 4, comparedCount: 4, answeredTwiceCount: 4 })
    expect(report.original).toMatchObject({ statusCounts: { COMPLETED: 4 }, unknownCostCount: 0 })
    expect(report.rerun).toMatchObject({ statusCounts: { COMPLETED: 4 }, costs: { USD: report.spentUsd } })
    const [first]: RerunRow[] = report.rows
    expect(first).toMatchObject({ tenant: 'acme', original: { model: 'old' }, rerun: { model: 'new' } })
    expect(service.double.ledger.countOf('new')).toBe(4)
    expect(readFileSync(csv, 'utf8').split('\r\n')).toHaveLength(6)

    const records = await shadow()
    expect(records).toHaveLength(4)
    for (const { headers, key, value } of records) {
      const { requestId, tenant, model } = await service.session.decode('ModelCompletion', value)
      const original = headers['rerun-of'] ?? ''
      expect(String(key)).toBe(original)
      expect({ requestId, tenant, model }).toEqual({
        requestId: rerunId('new', { tenant: 'acme', requestId: original }),
        tenant: 'acme',
        model: 'new',
      })
      expect(headers).toMatchObject({ 'rerun-run-id': 'new', 'correlation-id': original })
    }
    expect(await completionCount(), 'terminal records of the service').toBe(terminalRecords)
  })

  it('goes on where it was, and pays nothing twice', async () => {
    const { exitCode, out } = await rerun('new', '--yes')
    expect(out).toContain('4 are in the shadow topic already and are not called again')
    expect(out).toContain('2 called now')
    expect(out).toContain('6 of 6 requests have both an original and a rerun:')
    expect(exitCode).toBe(0)
    expect(service.double.ledger.countOf('new')).toBe(6)
    expect(await shadow()).toHaveLength(6)
  })

  it('pays only what it had under way again after kill -9, and writes each result once', async () => {
    const concurrency = 2
    const args = ['--run-id', 'killed', '--concurrency', String(concurrency), '--yes']
    const topic = `shadow.${service.env['KAFKA_GROUP_ID']}`
    const killed = start(['replay', '--mode', 'rerun', '--model', 'slow', '--shadow-topic', topic, ...args])
    // The first two are written, the next two are under way.
    await until(() => service.double.ledger.countOf('double-delay-400') >= 4, 'calls of the run')
    killed.child.kill('SIGKILL')
    await killed.ended
    const again = await rerun('slow', ...args, '--json')
    expect(again.exitCode).toBe(0)
    expect(JSON.parse(again.out)).toMatchObject({ comparedCount: 6, calledCount: 4 })
    const ids = (await shadow())
      .filter(({ headers }) => headers['rerun-run-id'] === 'killed')
      .map(({ headers }) => headers['ce_id'])
    expect(ids).toHaveLength(6)
    expect(new Set(ids).size).toBe(6)
    const calls = service.double.ledger.list().filter(({ model }) => model === 'double-delay-400')
    expect(calls.length).toBeLessThanOrEqual(6 + concurrency)
    // A provider that knows idempotency keys sees the same one again.
    expect(new Set(calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(6)
  })

  it('keeps to the cost that it may have, to the kinds that a model serves, and writes no trouble that may pass', async () => {
    const before = (await shadow()).length
    const [capped, vectors, broken] = await Promise.all([
      rerun('new', '--run-id', 'capped', '--max-cost', '0.000001', '--yes'),
      rerun('vectors', '--dry-run', '--json'),
      rerun('broken', '--limit', '2', '--yes'),
    ])
    expect(capped).toMatchObject({ exitCode: 1, out: expect.stringContaining('0 called now') })
    expect(capped.err).toContain('the next call would go beyond --max-cost; the same command goes on')
    expect(JSON.parse(vectors.out)).toMatchObject({ chosenCount: 0, recordCount: 6 })
    expect(broken).toMatchObject({ exitCode: 1, out: expect.stringContaining('0 called now') })
    expect(broken.err).toContain('2 ended in a trouble that may pass')
    expect(await shadow()).toHaveLength(before)
  })
})

describe('top', () => {
  it('says what the workers do, once, as JSON', async () => {
    let isLooking = true
    const looking = cli('top', '--once', '--for', '2000', '--json').finally(() => {
      isLooking = false
    })
    for (let count = 1; isLooking; count += 1) {
      await service.send(service.chat('old', { requestId: `seen-${count}` }))
    }
    const { exitCode, out } = await looking
    expect(exitCode).toBe(0)
    const seen = JSON.parse(out)
    expect(seen.requestCount).toBeGreaterThan(0)
    expect(seen.models[0]).toMatchObject({ model: 'old', failedCount: 0, unknownCostCount: 0 })
    expect(seen.workers.value).toMatchObject([{ state: 'serving' }])
    expect(seen.lags.value.map(({ topic }: { topic: string }) => topic)).toContain(service.topic('requests'))
  })

  it('ends where topics are missing, though the lags of some were asked for', async () => {
    const { ended } = start(['top', '--once', '--no-database'], { TOPIC_PREFIX: 'nowhere.' })
    // A process that is killed by the limit of 30 s has no exit code of its own.
    expect(await ended).toMatchObject({ exitCode: 1, err: expect.stringContaining('TOPIC_MISSING') })
  })

  it('prints views one below the other where there is no terminal, until it is stopped', async () => {
    const { child, ended } = start(['top', '--interval', '200', '--no-database'])
    let out = ''
    child.stdout?.on('data', (text) => {
      out += text
    })
    await until(() => out.split('model-service top').length > 3, 'three views')
    child.kill('SIGINT')
    expect((await ended).exitCode).toBe(0)
    expect(out).not.toContain('\u001b')
    expect(out).toContain('! not asked for: the database is left out')
  })
})

describe('replay --mode repair', () => {
  const repair = (...rest: string[]) => cli('replay', '--mode', 'repair', ...rest)

  it('finds nothing to repair where everything is finished', async () => {
    await service.offsetsAtEnd('requests')
    const { exitCode, out } = await repair()
    expect(out).toContain('nothing to repair')
    expect(exitCode).toBe(0)
  })

  it('leaves alone what the workers have yet to come to', async () => {
    await Promise.all(service.workers.map((worker) => worker.stop()))
    await service.send(service.chat('old', { requestId: 'gap', tenant: 'acme' }), 'gap', { 'correlation-id': 'kept' })
    await service.sendBytes('requests', { key: 'gap', value: Buffer.from('no request') })
    const { exitCode, out } = await repair('--dry-run', '--json')
    expect(JSON.parse(out)).toMatchObject({ missingCounts: { waiting: 1, lost: 0 }, unreadableCount: 1 })
    expect(exitCode).toBe(0)
  })

  it('finds a request that the offsets have passed over, and sends nothing unless told to', async () => {
    const admin = service.session.kafka.admin()
    await admin.connect()
    const topic = service.topic('requests')
    const groupId = service.env['KAFKA_GROUP_ID'] ?? ''
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.setOffsets({
      groupId,
      topic,
      partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
    })
    await admin.disconnect()
    await service.startWorker()
    const dry = await repair('--dry-run')
    expect(dry.out).toContain(
      'lost: 1 are in no ledger and behind the committed offset: nobody serves them\n  acme/gap\n',
    )
    expect(dry.exitCode).toBe(1)
    expect((await repair()).exitCode).toBe(2)
    expect(
      (await service.readAll('requests')).filter(({ headers }) => headers['correlation-id'] === 'kept'),
    ).toHaveLength(1)
  })

  it('sends it again as it is, waits for its terminal record, and has nothing finished called again', async () => {
    const calls = service.double.ledger.list().length
    const terminalRecords = await completionCount()
    const { exitCode, out } = await repair('--yes', '--json')
    expect(JSON.parse(out)).toMatchObject({ sentCount: 1, repairedCount: 1, unanswered: [] })
    expect(exitCode).toBe(0)
    const sent = (await service.readAll('requests')).filter(({ headers }) => headers['correlation-id'] === 'kept')
    expect(sent).toHaveLength(2)
    const [first, second] = sent.map(({ key, value, headers, partition }) => ({ key, value, headers, partition }))
    expect(second).toEqual(first)
    expect(service.double.ledger.list()).toHaveLength(calls + 1)
    expect(await completionCount()).toBe(terminalRecords + 1)
    expect(await repair()).toMatchObject({ exitCode: 0, out: expect.stringContaining('nothing to repair') })
  })
})
