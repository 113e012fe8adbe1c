/**
 * Blocks of a page that show what a command prints:
 *
 *     <!-- run: models list -->
 *     (replaced by the command and its output)
 *     <!-- end of run -->
 *
 * What differs from run to run (times, durations, ids that are made up, addresses) is replaced by a fixed text of its kind. Pure.
 */

/** A block of a page. */
export interface RunBlock {
  /** Arguments of `model-service`, as they stand in the page. */
  command: string
  /** Offsets in the page between which the output stands. */
  from: number
  to: number
}

/** What a command came to. */
export interface RunOutput {
  /** Standard output and standard error, as a terminal shows them. */
  text: string
  exitCode: number
}

const blockPattern = /<!-- run: (?<command>[^\n]+?) -->\n(?<shown>[\s\S]*?)<!-- end of run -->/g

/** The blocks of a page, in order. @throws Error when one is not ended */
export function findRunBlocks(page: string): RunBlock[] {
  const blocks = [...page.matchAll(blockPattern)].map((match): RunBlock => {
    const command = match.groups?.['command'] ?? ''
    const to = match.index + match[0].length - '<!-- end of run -->'.length
    return { command, from: to - (match.groups?.['shown'] ?? '').length, to }
  })
  const begunCount = page.split('<!-- run: ').length - 1
  if (begunCount !== blocks.length)
    throw new Error(`${begunCount} blocks begin and ${blocks.length} end: "<!-- end of run -->"`)
  return blocks
}

/** The page with new outputs, one for each block, in order. */
export function fillRunBlocks(page: string, outputs: readonly RunOutput[]): string {
  const blocks = findRunBlocks(page)
  return blocks.reduceRight((text, { command, from, to }, index) => {
    const output = outputs[index]
    return output === undefined ? text : `${text.slice(0, from)}\n${shown(command, output)}\n\n${text.slice(to)}`
  }, page)
}

function shown(command: string, { text, exitCode }: RunOutput): string {
  const lines = [`$ model-service ${command}`, ...steady(text).trimEnd().split('\n')]
  if (exitCode !== 0) lines.push(`(exit code ${exitCode})`)
  return ['```console', ...lines, '```'].join('\n')
}

/** The text without what differs from run to run. */
export function steady(text: string): string {
  return (
    text
      .replaceAll(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g, '2026-05-31T12:00:00.000Z')
      .replaceAll(
        /\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
        '00000000-0000-4000-8000-000000000000',
      )
      .replaceAll(/\b127\.0\.0\.1:\d+/g, '127.0.0.1:9092')
      .replaceAll(/\b\d+(\.\d+)? ms\b/g, '12 ms')
      .replaceAll(/\b\d+ → \d+\b/g, '12 → 12')
      .replaceAll(/\b[0-9a-f]{64}\b/g, '0123456789abcdef'.repeat(4))
      .replaceAll(/\b\d+ bytes\b/g, '100 bytes')
      .replaceAll(/\([\w.-]+, process \d+,/g, '(box, process 12,')
      // By how much one duration differs from another.
      .replaceAll(/(12 ms.*) [+-][\d.]+ %$/gm, '$1 -50 %')
  )
}

/** Whether two pages show the same: columns are as wide as their longest text, so the width of gaps differs from run to run. */
export function isSamePage(left: string, right: string): boolean {
  const narrow = (text: string): string => text.replaceAll(/ {2,}|-{4,}/g, '  ')
  return narrow(left) === narrow(right)
}

/** Words of a command line: parted by blanks, but for those in double quotes. */
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}
