import { describe, expect, it } from 'vitest'
import { type Check, exitCodeOf, failure, fine, NotLookedAt, warning } from '../../../../src/cli/doctor/finding.ts'
import { runChecks } from '../../../../src/cli/doctor/run-checks.ts'
import { ModelServiceError } from '../../../../src/errors/model-service-error.ts'

const check = (name: string, run: Check['run']): Check => ({ name, run })

describe('runChecks', () => {
  it('gives the findings in the order of the checks, whatever fails', async () => {
    const found = await runChecks([
      check('slow', async () => {
        await Promise.resolve()
        return [fine('a'), warning('b', 'do b')]
      }),
      check('away', () => Promise.reject(new ModelServiceError('DATABASE_UNAVAILABLE', 'gone'))),
      check('broken', () => Promise.reject(new Error('oops'))),
      check('wrong', () => Promise.reject(new ModelServiceError('DATABASE_VERSION', 'old'))),
      check('unasked', () => Promise.reject(new NotLookedAt('no settings'))),
      check('quick', async () => [failure('c', 'do c')]),
    ])
    expect(found.map(({ check: name, status }) => [name, status])).toEqual([
      ['slow', 'ok'],
      ['slow', 'warn'],
      ['away', 'away'],
      ['broken', 'fail'],
      ['wrong', 'fail'],
      ['unasked', 'skipped'],
      ['quick', 'fail'],
    ])
    expect(
      found.filter(({ status }) => status === 'fail' || status === 'away').every(({ action }) => action !== ''),
    ).toBe(true)
  })

  it('gives up a check that does not answer, and waits for no timer else', async () => {
    const waiting: (() => void)[] = []
    const timers = {
      now: () => 0,
      after: (_: number, run: () => void) => {
        waiting.push(run)
        return () => waiting.splice(waiting.indexOf(run), 1)
      },
    }
    const run = runChecks([check('hangs', () => new Promise(() => {})), check('fine', async () => [fine('a')])], {
      timeoutMs: 50,
      timers,
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(waiting).toHaveLength(1)
    waiting[0]?.()
    expect(await run).toMatchObject([
      { check: 'hangs', status: 'away', what: 'no answer within 50 ms' },
      { status: 'ok' },
    ])
  })

  it('takes secrets of known shape out of foreign messages', async () => {
    const error = new Error('failed with sk-abcdefghijklmnopqrstuvwxyz0123456789')
    const [found] = await runChecks([check('leaky', () => Promise.reject(error))])
    expect(found?.what).not.toContain('abcdefghijklmnop')
  })
})

describe('the exit code', () => {
  it.each<[string[], number]>([
    [['ok', 'warn', 'skipped'], 0],
    [['ok', 'fail'], 1],
    [['fail', 'away'], 3],
    [[], 0],
  ])('of %j is %d', (given, code) => {
    const findings = given.map((status) => ({ status, what: '', action: '' }) as ReturnType<typeof fine>)
    expect(exitCodeOf(findings)).toBe(code)
  })
})
