import { expect, it } from 'vitest'
import { renderPage } from '../../../../../src/cli/replay/page/render-page.ts'
import { compareRuns, rowOf, sideOf } from '../../../../../src/cli/replay/rerun/compare-runs.ts'
import { rerunPage } from '../../../../../src/cli/replay/rerun/rerun-page.ts'
import { completeDraft } from '../../../../../src/codec/contract-type.ts'

const facts = { runId: 'run', target: 'new<model>', shadowTopic: 'shadow', spent: '0.05' }

function side(text: string, finishedAt: number) {
  return sideOf(
    completeDraft('ModelCompletion', { status: 'COMPLETED', chat: { text }, timings: { claimedAt: 0, finishedAt } }),
  )
}

const row = (requestId: string, original: string, rerun: string | null) =>
  rowOf({ tenant: 'acme', requestId }, 'id', {
    original: side(original, 400),
    rerun: rerun === null ? null : side(rerun, 100),
  })

it('shows both sides, and only the requests whose answers differ', () => {
  const page = rerunPage(compareRuns([row('same', 'a', 'a'), row('other', 'a', 'b')]), facts)
  expect(page.verdict).toEqual({ isGood: true, text: 'Every request has both outcomes' })
  expect(page.tiles).toContainEqual({ label: 'Same answers', value: '1 of 2' })
  const [totals, latency, different] = page.sections
  expect(totals?.table.rows).toContainEqual(['half within', '400 ms', '100 ms', '-75 %'])
  expect(latency?.chart).toMatchObject({
    kind: 'bars',
    bars: [{ value: 400 }, { value: 100 }, { value: 400 }, { value: 100 }],
  })
  expect(different?.table.rows).toEqual([['acme/other', 'COMPLETED → COMPLETED', '400 → 100', '? → ?', 'a', 'b']])
})

it('says which requests lack an outcome', () => {
  const page = rerunPage(compareRuns([row('one', 'a', 'a'), row('two', 'a', null)]), facts)
  expect(page.verdict).toEqual({ isGood: false, text: '1 requests lack an outcome' })
})

it('shows five hundred of many', () => {
  const rows = Array.from({ length: 501 }, (_, index) => row(`r${index}`, 'a', 'b'))
  const page = rerunPage(compareRuns(rows), facts)
  expect(page.sections.at(-1)).toMatchObject({ lead: 'The first 500 of 501.' })
  expect(page.sections.at(-1)?.table.rows).toHaveLength(500)
})

it('escapes what others have written', () => {
  const html = renderPage(rerunPage(compareRuns([row('<script>alert(1)</script>', '<img src=x>', 'b')]), facts))
  expect(html).not.toContain('<script>')
  expect(html).not.toContain('<img')
  expect(html).toContain('&lt;script&gt;')
  expect(html).toContain('new&lt;model&gt;')
})
