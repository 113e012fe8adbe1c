/** Where the parts of a column chart lie, in the units of its own view box. Pure. */

/** Width and height of the view box. */
export const chartWidth = 640
export const chartHeight = 240

const left = 56
const right = 8
const top = 12
const bottom = 34
/** Labels below the columns at most; more would lie over each other. */
const mostLabels = 8

/** A column chart, laid out. */
export interface ColumnChart {
  columns: { x: number; y: number; width: number; height: number; title: string }[]
  /** Lines at round figures. */
  lines: { y: number; text: string }[]
  labels: { x: number; y: number; text: string }[]
  plot: { left: number; right: number; base: number }
}

/** Lays columns out. Figures are not negative. */
export function columnChart(columns: readonly { label: string; value: number }[]): ColumnChart {
  const ceiling = roundCeiling(Math.max(1, ...columns.map(({ value }) => value)))
  const base = chartHeight - bottom
  const heightOf = (value: number): number => ((base - top) * value) / ceiling
  const step = (chartWidth - left - right) / Math.max(columns.length, 1)
  const width = Math.min(Math.max(step * 0.7, 1), 48)
  const every = Math.ceil(columns.length / mostLabels)
  const middle = (index: number): number => rounded(left + step * (index + 0.5))
  return {
    columns: columns.map(({ label, value }, index) => ({
      x: rounded(middle(index) - width / 2),
      y: rounded(base - heightOf(value)),
      width: rounded(width),
      // What is there can be seen, however small it is beside the rest.
      height: value > 0 ? Math.max(rounded(heightOf(value)), 1) : 0,
      title: `${label}: ${value.toLocaleString('en')}`,
    })),
    lines: [0, 0.5, 1].map((share) => ({
      y: rounded(base - heightOf(ceiling * share)),
      text: (ceiling * share).toLocaleString('en'),
    })),
    labels: columns.flatMap(({ label }, index) =>
      index % every === 0 ? [{ x: middle(index), y: base + 20, text: label }] : [],
    ),
    plot: { left, right: chartWidth - right, base },
  }
}

/** The next of 2, 4, 10, 20, 40, 100 …: half of it is whole. */
function roundCeiling(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value))
  const factor = [2, 4, 10].find((candidate) => candidate * magnitude >= value) ?? 20
  return factor * magnitude
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
