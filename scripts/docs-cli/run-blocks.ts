/**
 * Blocks of a page that show what a command prints:
 *
 *     <!-- run: models list -->
 *     (replaced by the command and its output)
 *     <!-- end of run -->
 *
 * What differs from run to run (times, durations, ids that are made up, addresses) is replaced by a fixed text of its kind. Where
 * the numbers are what is worth seeing and no two runs have the same, as in a live view, `sample:` stands instead of `run:`: such an
 * output is shown as it was, and counts as the same while only its numbers differ. Settings for one run stand before the command,
 * as in a shell: `<!-- run: REPLY_TOPICS=nowhere doctor -->`. A fence after `<!-- file: NAME -->` is a file that they find. Pure.
 */

/** A block of a page. */
export interface RunBlock {
  /** Settings and arguments of `model-service`, as they stand in the page. */
  command: string
  /** Whether it is a sample. */
  isSample: boolean
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

const blockPattern = /<!-- (?<kind>run|sample): (?<command>[^\n]+?) -->\n(?<shown>[\s\S]*?)<!-- end of run -->/g

/** The blocks of a page, in order. @throws Error when one is not ended */
export function findRunBlocks(page: string): RunBlock[] {
  const blocks = [...page.matchAll(blockPattern)].map((match): RunBlock => {
    const { command = '', kind, shown = '' } = match.groups ?? {}
    const to = match.index + match[0].length - '<!-- end of run -->'.length
    return { command, isSample: kind === 'sample', from: to - shown.length, to }
  })
  const begunCount = page.split(/<!-- (?:run|sample): /).length - 1
  if (begunCount !== blocks.length)
    throw new Error(`${begunCount} blocks begin and ${blocks.length} end: "<!-- end of run -->"`)
  return blocks
}

/** The files that a page shows for its commands: name and content. */
export function findFiles(page: string): [name: string, text: string][] {
  const pattern = /<!-- file: (?<name>[\w.-]+) -->\s+```\w+\n(?<text>[\s\S]*?)```/g
  return [...page.matchAll(pattern)].map(({ groups }) => [groups?.['name'] ?? '', groups?.['text'] ?? ''])
}

/** The page with new outputs, one for each block, in order. A sample that differs by its numbers only stays. */
export function fillRunBlocks(page: string, outputs: readonly RunOutput[]): string {
  const blocks = findRunBlocks(page)
  return blocks.reduceRight((text, { command, isSample, from, to }, index) => {
    const output = outputs[index]
    if (output === undefined) return text
    const filled = `\n${shown(command, output, isSample ? anonymous : steady)}\n\n`
    if (isSample && withoutNumbers(text.slice(from, to)) === withoutNumbers(filled)) return text
    return `${text.slice(0, from)}${filled}${text.slice(to)}`
  }, page)
}

function shown(command: string, { text, exitCode }: RunOutput, fixed: (text: string) => string): string {
  const { settings, args } = partsOf(command)
  const lines = [`$ ${settings}model-service ${args}`, ...fixed(text).trimEnd().split('\n')]
  if (exitCode !== 0) lines.push(`(exit code ${exitCode})`)
  return ['```console', ...lines, '```'].join('\n')
}

/** A command of a page in its two parts: settings, with a blank behind each, and the arguments. */
function partsOf(command: string): { settings: string; args: string } {
  const settings = /^(?:[A-Z_]+=\S* )*/.exec(command)?.[0] ?? ''
  return { settings, args: command.slice(settings.length) }
}

/** The text without what says where it was run: ids that are made up, addresses, machine and process. CSV ends its lines as the page does. */
export function anonymous(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(
      /\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
      '00000000-0000-4000-8000-000000000000',
    )
    .replaceAll(/\b127\.0\.0\.1:\d+/g, '127.0.0.1:9092')
    .replaceAll(/\([\w.-]+, process \d+,/g, '(box, process 12,')
    .replaceAll(/\bcluster \S+/g, 'cluster AbCdEf')
}

/** The text without what differs from run to run. */
export function steady(text: string): string {
  return (
    anonymous(text)
      .replaceAll(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g, '2026-05-31T12:00:00.000Z')
      .replaceAll(/\b20\d{2}-\d{2}-\d{2}\b(?!T)/g, '2026-05-31')
      .replaceAll(/\b\d+(?:\.\d+)? ms\b( {2,})?/g, (shown, gap) => sameWidth(shown, '12 ms', gap))
      .replaceAll(/\b\d+ → \d+\b( {2,})?/g, (shown, gap) => sameWidth(shown, '12 → 12', gap))
      .replaceAll(/\b[0-9a-f]{64}\b/g, '0123456789abcdef'.repeat(4))
      .replaceAll(/\b\d+ bytes\b/g, '100 bytes')
      .replaceAll(/\bNode v\d[\d.]*/g, 'Node v24.0.0')
      .replaceAll(/\bPostgreSQL \d[\w.]*/g, 'PostgreSQL 17.0')
      // Workers commit what they have read now and then.
      .replaceAll(/\b\d+ records? behind\b/g, '0 records behind')
      // How many chunks an answer has goes by its pace.
      .replaceAll(/\b\d+ records? read\b/g, '12 records read')
      // By how much one duration differs from another, in the last column: empty when they are equal, and without a sign when nearly.
      .replaceAll(
        /^(.* {2,}12 ms {2,}12 ms)(?:( +)[+-]?[\d.]+ %)?$/gm,
        (_, before, gap) => `${before}${gap ?? '       '}-50 %`,
      )
  )
}

/** The replacement with such a gap behind it that the next column stays where it is; without one at the end of a line. */
function sameWidth(shown: string, replacement: string, gap: string | undefined): string {
  return gap === undefined ? replacement : replacement.padEnd(Math.max(shown.length, replacement.length + 2))
}

/** What a sample shows, for comparison: numbers and blanks do not count. */
function withoutNumbers(text: string): string {
  return text
    .replaceAll(/\d+(?:\.\d+)?/g, '0')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/^ /gm, '')
}

/** A text with gaps of one width: columns are as wide as their longest text, which differs from run to run. */
export function narrow(text: string): string {
  return text.replaceAll(/ {2,}|-{4,}/g, '  ')
}

/** Whether two pages show the same, but for the width of gaps. */
export function isSamePage(left: string, right: string): boolean {
  return narrow(left) === narrow(right)
}

/** A command line as a shell takes it: words are parted by blanks, but for those in double quotes. */
export function readCommand(command: string): { env: Record<string, string>; args: string[] } {
  const { settings, args } = partsOf(command)
  const env = Object.fromEntries(
    settings
      .split(' ')
      .filter((setting) => setting !== '')
      .map((setting) => [setting.slice(0, setting.indexOf('=')), setting.slice(setting.indexOf('=') + 1)]),
  )
  return { env, args: [...args.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '') }
}
