import { describe, expect, it } from 'vitest'
import { auditPage } from '../../../../src/cli/replay/audit/audit-page.ts'
import { columnChart } from '../../../../src/cli/replay/page/column-chart.ts'
import { renderPage } from '../../../../src/cli/replay/page/render-page.ts'
import type { AuditReport } from '../../../../src/replay/audit-report.ts'
import { auditOf } from '../../../support/audit-of.ts'
import { makeWorld, rewriteCompletion, takeOut } from '../../../support/replay-world.ts'

const hostile = `<script>alert(1)</script>"'&<%= it %>`

const page = (report: AuditReport) => renderPage(auditPage(report))

async function hostileReport(): Promise<AuditReport> {
  const world = makeWorld(10)
  rewriteCompletion(world, 0, () => ({ model: hostile }))
  const report = await auditOf(world)
  return {
    ...report,
    range: { ...report.range, requestTopics: [hostile] },
    findings: report.findings.map((group) => ({
      ...group,
      examples: group.examples.map((finding) => ({ ...finding, tenant: hostile, requestId: hostile, detail: hostile })),
    })),
    notChecked: [{ what: hostile, why: hostile, count: 1 }],
    byStatus: [{ status: hostile, count: 1 }],
  }
}

describe('the page of an audit', () => {
  it('says that all is accounted for, with a chart and a table of each figure', async () => {
    const html = page(await auditOf(makeWorld(10)))
    expect(html).toContain('Accounted for: nothing was found wrong')
    for (const heading of [
      'Outcome by status',
      'Cost by model',
      'Requests by hour',
      'Findings by kind',
      'Not checked',
    ]) {
      expect(html).toContain(`>${heading}</h2>`)
    }
    expect(html).toMatch(/<li><span class="label">COMPLETED<\/span>.*style="width:100%".*<span class="value">7<\/span>/)
    expect(html).toContain('<tr><th scope="row">house-model</th><td class="number">10</td>')
    expect(html).toContain('<title>08:00: 10</title>')
  })

  it('shows what was found, kind by kind', async () => {
    const world = makeWorld(10)
    takeOut(world, 'model.completions', 0)
    const html = page(await auditOf(world))
    expect(html).toContain('Not accounted for: 2 findings')
    expect(html).toContain('>Found: missing</h2>')
    expect(html).toContain('<code>acme/request-000000</code>')
    expect(html).toContain('<code>model.requests/0/0</code>')
  })

  it('escapes ids, names and texts, wherever they come from', async () => {
    const html = page(await hostileReport())
    expect(html).not.toContain('<script')
    expect(
      html.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;&lt;%= it %&gt;/g)?.length,
    ).toBeGreaterThan(5)
  })

  it('is one file: no script, nothing from the network, no handler', async () => {
    const html = page(await hostileReport()).replaceAll(/&lt;script.*?&gt;/g, '')
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|url\(|@import|https?:|\son\w+=/i)
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
  })

  it('can be used without a mouse and by ear: language, landmarks, a way past the head, captions, scopes', async () => {
    const html = page(await auditOf(makeWorld(10)))
    expect(html).toContain('<html lang="en">')
    for (const landmark of ['<header>', '<nav aria-label="Chapters">', '<main id="main" tabindex="-1">', '<footer>'])
      expect(html).toContain(landmark)
    expect(html).toContain('<a class="skip" href="#main">')
    const count = (pattern: RegExp) => html.match(pattern)?.length ?? 0
    expect(count(/<caption>/g)).toBe(count(/<table>/g))
    expect(count(/class="scroll" role="region" tabindex="0" aria-label=/g)).toBe(count(/<table>/g))
    expect(count(/<svg [^>]*role="img" aria-label=/g)).toBe(count(/<svg/g))
    const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [, id] of html.matchAll(/aria-labelledby="([^"]+)"/g)) expect(ids).toContain(id)
  })

  it('is there for an audit of nothing', async () => {
    const html = page(await auditOf(makeWorld(0)))
    expect(html).toContain('There are no terminal records.')
    expect(html).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('columnChart', () => {
  it.each([
    [[1], '2'],
    [[3, 7], '10'],
    [[0, 0], '2'],
    [[39], '40'],
    [[1_000_000, 1], '2,000,000'],
  ])('has room for %j, up to a round figure', (values, ceiling) => {
    const { lines, columns, plot } = columnChart(values.map((value) => ({ label: 'x', value })))
    expect(lines.at(-1)?.text).toBe(ceiling)
    for (const { y, height } of columns) {
      expect(y).toBeGreaterThanOrEqual(12)
      expect(y + height).toBeLessThanOrEqual(plot.base + 1)
    }
  })

  it('shows what is there, however small, and labels that do not lie over each other', () => {
    const columns = Array.from({ length: 100 }, (_, index) => ({
      label: String(index),
      value: index === 50 ? 1_000_000 : 1,
    }))
    const chart = columnChart(columns)
    expect(Math.min(...chart.columns.map(({ height }) => height))).toBeGreaterThanOrEqual(1)
    expect(chart.labels.length).toBeLessThanOrEqual(8)
    expect(columnChart([]).columns).toEqual([])
  })
})
