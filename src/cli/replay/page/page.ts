/** What a report page is made of; a mode of `replay` fills it in, and page-template.ts draws it. Texts are plain: the page escapes them. */

/** A page. */
export interface Page {
  title: string
  /** One sentence below the title. */
  subtitle: string
  verdict: { isGood: boolean; text: string }
  /** The most important figures. */
  tiles: { label: string; value: string }[]
  /** Named texts such as a digest, in monospace. */
  facts: { label: string; text: string }[]
  sections: PageSection[]
  /** Closing remarks. */
  footer: string[]
}

/** A chapter: a chart with the same figures in a table beside it, or a table alone. */
export interface PageSection {
  heading: string
  /** What the figures are; null where the heading says it. */
  lead: string | null
  chart: PageChart | null
  table: PageTable
}

/** A chart. */
export type PageChart =
  /** Lying bars, each with its figure. */
  | { kind: 'bars'; bars: PageBar[] }
  /** Columns over time. */
  | { kind: 'columns'; columns: { label: string; value: number }[] }

/** A bar; `value` gives its length, `text` is the figure beside it. */
export interface PageBar {
  label: string
  value: number
  text: string
  tone: PageTone
}

/** The colour of a bar. It never says anything that the text does not. */
export type PageTone = 'plain' | 'good' | 'bad' | 'warn' | 'muted'

/** A table. */
export interface PageTable {
  caption: string
  columns: { heading: string; isNumber?: boolean; isCode?: boolean }[]
  rows: string[][]
  /** What stands there when there are no rows. */
  empty: string
}
