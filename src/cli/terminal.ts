import { styleText } from 'node:util'
import Table from 'cli-table3'

/** What a command may see of the world: tests give their own. */
export interface Terminal {
  stdin: NodeJS.ReadableStream
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WritableStream
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  /** Whether standard output may be coloured. */
  color: boolean
  /** Aborted when the user wants to stop. */
  signal: AbortSignal
}

type Style = Parameters<typeof styleText>[0]

/** Writes one line to standard output. */
export function printLine(terminal: Terminal, line = ''): void {
  terminal.stdout.write(`${line}\n`)
}

/** Writes one line to standard error: notes, progress, errors. */
export function printNote(terminal: Terminal, line: string): void {
  terminal.stderr.write(`${line}\n`)
}

/** Writes a value as JSON: indented, or on one line for streams of records. Bytes become base64. */
export function printJson(terminal: Terminal, value: unknown, options: { compact?: boolean } = {}): void {
  printLine(terminal, JSON.stringify(value, jsonReplacer, options.compact === true ? undefined : 2))
}

/** Writes rows under headings, without lines around them. An empty list of rows says so. */
export function printTable(
  terminal: Terminal,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  if (rows.length === 0) {
    printLine(terminal, '(none)')
    return
  }
  const table = new Table({
    head: headings.map((heading) => paint(terminal, 'bold', heading)),
    chars: Object.fromEntries(borderNames.map((name) => [name, name === 'middle' ? '  ' : ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  table.push(...rows.map((row) => [...row]))
  for (const line of table.toString().split('\n')) printLine(terminal, line.trimEnd())
}

/** The text in a style, where colours are wanted. */
export function paint(terminal: Terminal, style: Style, text: string): string {
  return terminal.color ? styleText(style, text, { validateStream: false }) : text
}

/** Whether a stream may be coloured: a terminal, and NO_COLOR (https://no-color.org) not set. */
export function wantsColor(stream: { isTTY?: boolean }, env: Terminal['env']): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}

/** Control characters of foreign texts shown as escapes: an answer must not move the cursor or change a title. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** `toJSON` has run before a replacer sees a Buffer, so it is told by its form. */
function jsonReplacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  const isBuffer =
    typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
  return isBuffer && Array.isArray(value.data) ? Buffer.from(value.data).toString('base64') : value
}

const borderNames = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
  'middle',
]
