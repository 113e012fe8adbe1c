/**
 * Looks at report pages in a real browser: Debian's Chromium through playwright-core. Part of `npm run test:full`; where there is no
 * Chromium it says so and passes, but not in CI, where nobody would read it. `--screenshot` writes docs/audit-report.png anew.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium, type Page } from 'playwright-core'
import { auditPage } from '../src/cli/replay/audit/audit-page.ts'
import { renderPage } from '../src/cli/replay/page/render-page.ts'
import { sampleAuditReport } from '../test/support/sample-audit-report.ts'
import { root } from './run-step.ts'

/** Contrasts of texts with what lies behind them (WCAG 2.2, 1.4.3), computed in the page. */
const contrastsOf = `(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor)
      if (color.length < 4 || color[3] > 0) return color
    }
    return [255, 255, 255]
  }
  return [...document.querySelectorAll('h1, h2, p, dt, dd, th, td, caption, .label, .value, nav a, .verdict')].map((element) => {
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x)
    return (a + 0.05) / (b + 0.05)
  })
})()`

/** How many widths the tracks of a chart's bars have: with more than one they could not be compared. */
const trackWidths = `[...document.querySelectorAll('.bars')].map((bars) =>
  new Set([...bars.querySelectorAll('.track')].map((track) => Math.round(track.getBoundingClientRect().width))).size)`

/** Captions of tables of which a column lies outside of what is shown. */
const cutTables = `[...document.querySelectorAll('.scroll')].filter((region) => region.scrollWidth > region.clientWidth)
  .map((region) => region.getAttribute('aria-label'))`

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path))

if (executablePath === undefined) {
  const missing = 'there is no Chromium here (on Debian: apt-get install chromium)'
  if (process.env['CI']) throw new Error(missing)
  console.log(`skipped: ${missing}`)
} else {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'))
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const report = await sampleAuditReport()
    const hostile = '<img src=x onerror=alert(1)><script>alert(1)</script>'
    const [finding] = report.findings
    const examples = [{ tenant: hostile, requestId: hostile, place: null, detail: hostile }]
    const attacked = { ...report, findings: finding === undefined ? [] : [{ ...finding, examples }] }
    await checkPage(await open(renderPage(auditPage(report))))
    await checkPage(await open(renderPage(auditPage(attacked))))
    await checkPage(
      await open(renderPage(auditPage({ ...report, clean: true, findings: [], byStatus: [], costByModel: [] }))),
    )
    if (process.argv.includes('--screenshot')) {
      const page = await open(renderPage(auditPage(report)))
      await page.setViewportSize({ width: 1_180, height: 1_520 })
      await page.screenshot({
        path: join(root, 'docs/audit-report.png'),
        clip: { x: 0, y: 0, width: 1_180, height: 1_520 },
      })
      console.log('wrote docs/audit-report.png')
    }
    console.log('report pages: in order')
  } finally {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  }

  /** Opens a page as a file, as an auditor would; anything that it asks for, or reports, fails the check. */
  async function open(html: string): Promise<Page> {
    const file = join(folder, 'page.html')
    writeFileSync(file, html)
    const page = await browser.newPage()
    page.on('request', (request) => assert.ok(request.url().startsWith('file:'), `the page asked for ${request.url()}`))
    page.on('dialog', () => assert.fail('a script of the data ran'))
    page.on('console', (message) => assert.ok(message.type() !== 'error', message.text()))
    page.on('pageerror', (error) => assert.fail(error))
    await page.goto(pathToFileURL(file).href)
    return page
  }
}

async function checkPage(page: Page): Promise<void> {
  const focused = () =>
    page.evaluate(
      `document.activeElement?.getAttribute('href') ?? document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.id`,
    )
  await page.keyboard.press('Tab')
  assert.equal(await focused(), '#main', 'the first stop leads past the head')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  assert.match(String(await focused()), /./, 'after it comes the first table')
  const regionCount = await page.locator('.scroll').count()
  assert.equal(await page.locator('.scroll[tabindex="0"]').count(), regionCount, 'every table can be scrolled by keys')
  assert.equal(await page.getByRole('main').count(), 1)
  assert.ok((await page.getByRole('table').count()) >= 4)
  for (const width of [360, 800, 1_280]) {
    await page.setViewportSize({ width, height: 800 })
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    assert.ok(Number(overflow) <= 0, `at ${width} the page is ${overflow} too wide`)
  }
  for (const width of [800, 1_001, 1_180]) {
    await page.setViewportSize({ width, height: 800 })
    const cut = await page.evaluate(cutTables)
    assert.deepEqual(cut, [], `at ${width} these tables are cut`)
    const widths = (await page.evaluate(trackWidths)) as number[]
    assert.ok(Math.max(...widths, 1) === 1, `at ${width} the bars of a chart have ${widths.join(', ')} scales`)
  }
  const grounds = new Set<unknown>()
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    grounds.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
    const contrasts = (await page.evaluate(contrastsOf)) as number[]
    assert.ok(
      Math.min(...contrasts) >= 4.5,
      `in ${colorScheme} a text has a contrast of ${Math.min(...contrasts).toFixed(2)}, expected 4.5`,
    )
  }
  assert.equal(grounds.size, 2, 'light and dark differ')
  await page.close()
}
