import { createInterface } from 'node:readline/promises'
import { printNote, type Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/**
 * Asks before something that cannot be undone. With `yes` nobody is asked; where nobody can be asked, `--yes` is required. Any
 * answer but y or yes is a no, of which a note tells.
 * @throws UsageError when standard input is no terminal and `yes` is not set
 */
export async function confirm(terminal: Terminal, question: string, { yes }: { yes: boolean }): Promise<boolean> {
  if (yes) return true
  const { stdin } = terminal
  if (!('isTTY' in stdin) || stdin.isTTY !== true) {
    throw new UsageError(`${question} Nobody can be asked here: expected --yes to go on, or a terminal to answer on.`)
  }
  const lines = createInterface({ input: stdin, output: terminal.stderr })
  // The end of the input, or Ctrl-C, leaves a question unanswered for ever.
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    // Who wants to stop has not said yes.
    const asked = lines.question(`${question} [y/N] `, { signal: terminal.signal }).catch(() => '')
    if (/^y(es)?$/i.test((await Promise.race([asked, closed])).trim())) return true
  } finally {
    lines.close()
  }
  printNote(terminal, 'nothing was done')
  return false
}
