import { paceMs } from './answer-server.ts'
import type { ProviderRow } from './provider-cells.ts'
import { tokenCount } from './recorded-answers.ts'

/** Under what a run was made. */
export interface ProviderConditions {
  date: string
  cores: number
  processor: string
  node: string
  loadBefore: number
  runCount: number
  tookMinutes: number
}

/** What the adapter's CPU of a paced stream should be at most, relative to reading the bytes. */
export const goalOverBytes = 1.5

const titles = { openai: 'OpenAI', anthropic: 'Anthropic', gemini: 'Gemini', ollama: 'Ollama' }
const paces = { whole: 'whole', burst: 'stream at once', paced: `stream, an event every ${paceMs} ms` }

/** The table, as Markdown. */
export function providersTable(rows: readonly ProviderRow[]): string {
  const head = ['format', 'answer', 'adapter µs', 'bytes µs', 'text µs', 'to bytes', 'to text', 'µs a token over bytes']
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(head),
    line(head.map((_, index) => (index < 2 ? '---' : '---:'))),
    ...rows.map(({ format, pace, cpuUs, overBytes, overText, usPerTokenOverBytes }) =>
      line([
        titles[format],
        paces[pace],
        cpuUs.adapter.toFixed(0),
        cpuUs.bytes.toFixed(0),
        cpuUs.text.toFixed(0),
        `${overBytes.toFixed(2)}×`,
        `${overText.toFixed(2)}×`,
        usPerTokenOverBytes?.toFixed(2) ?? '',
      ]),
    ),
  ].join('\n')
}

/** docs/providers-performance.md of a run. */
export function providersPage(rows: readonly ProviderRow[], conditions: ProviderConditions): string {
  const { date, cores, processor, node, loadBefore, runCount, tookMinutes } = conditions
  const paced = rows.filter(({ pace }) => pace === 'paced')
  const worst = Math.max(...paced.map(({ overBytes }) => overBytes))
  return `# What the adapters cost

Written by \`npm run bench:providers\`; the runs of each cell are in \`bench/results/providers.json\`.

${date}, ${cores} cores (${processor}), Node ${node.replace(/^v/, '')}; medians of ${runCount} run${runCount === 1 ? '' : 's'}, ${tookMinutes} minutes in all. Load average before the run:
${loadBefore.toFixed(1)}${loadBefore > 0.5 ? ' — **other work shared the cores: compare within this page only**' : ''}.

One chat of 500 characters, answered with ${tokenCount} tokens, through the adapter of each format, its HTTP client with all limits and clocks
included, against two loops over bare undici: *bytes* reads the same answer and forgets it, *text* splits it into events, parses each
and joins the text, which is the least that any client must do. A server in a process of its own plays recorded answers over HTTP/1.1.
CPU is user and system time of the client's process alone, per call.

${providersTable(rows)}

**Goal**: at most ${goalOverBytes}× the CPU of reading the bytes for a stream of ${tokenCount} tokens as a model sends it, an event every ${paceMs} ms. Worst format:
${worst.toFixed(2)}×, ${worst <= goalOverBytes ? 'met' : '**not met**'}.

A stream that comes at once is read in one piece, so that the bytes cost next to nothing and what is left is parsing ${tokenCount} events: there
*text* is the measure. A model that sends events one by one costs a system call and a turn of the event loop for each, whoever reads it.
`
}
