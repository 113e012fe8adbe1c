import { Eta } from 'eta/core'
import { chartHeight, chartWidth, columnChart } from './column-chart.ts'
import type { Page, PageBar } from './page.ts'
import { pageStyle, pageTemplate } from './page-template.ts'

/** The page as HTML, complete in itself. Every text of it is escaped: ids and names come from anybody. */
export function renderPage(page: Page): string {
  const eta = new Eta({ autoEscape: true, autoTrim: false })
  return eta.renderString(pageTemplate, {
    page,
    style: pageStyle,
    share,
    columnChart,
    width: chartWidth,
    height: chartHeight,
  })
}

/** Length of a bar, in percent of the longest. */
function share(value: number, bars: readonly PageBar[]): number {
  const longest = Math.max(...bars.map((bar) => bar.value), 0)
  return longest > 0 && Number.isFinite(value) ? Math.round((value / longest) * 1_000) / 10 : 0
}
