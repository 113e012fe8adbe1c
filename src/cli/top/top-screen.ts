/**
 * Where the views of `top` go:
 *
 *   a terminal        drawn over the view before; the cursor is hidden, and shown again at the end
 *   anything else     one view below the other
 *   with `--json`     one line of JSON a view
 */
import type { EventEmitter } from 'node:events'
import { createLogUpdate } from 'log-update'
import { paint, printJson, printLine, type Terminal } from '../terminal.ts'
import { renderTop, type TopRoom } from './render-top.ts'
import type { TopSnapshot } from './top-state.ts'

/** A screen; `close` gives the terminal back. */
export interface TopScreen {
  show(snapshot: TopSnapshot): void
  close(): void
}

/** Opens it. `onQuit` is called when the user presses q or Ctrl-C. */
export function openTopScreen(
  terminal: Terminal,
  { json, once, onQuit }: { json: boolean; once: boolean; onQuit(): void },
): TopScreen {
  if (json) return { show: (snapshot) => printJson(terminal, snapshot, { compact: true }), close: () => {} }
  const { stdout, stdin } = terminal
  const emphasise = (style: 'bold' | 'red' | 'yellow', text: string): string => paint(terminal, style, text)
  const isTerminal = 'isTTY' in stdout && stdout.isTTY === true && terminal.env['TERM'] !== 'dumb'
  if (once || !isTerminal) {
    let shownCount = 0
    return {
      show(snapshot) {
        if (shownCount++ > 0) printLine(terminal)
        const everything = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY }
        for (const line of renderTop(snapshot, everything, emphasise)) printLine(terminal, line)
      },
      close: () => {},
    }
  }
  const draw = createLogUpdate(stdout)
  const restore = listenForQuit(stdin, onQuit)
  return {
    show: (snapshot) => draw(renderTop(snapshot, roomOf(stdout), emphasise).join('\n')),
    close() {
      draw.done()
      restore()
    },
  }
}

/** The last line of the terminal stays free: the cursor is on it. */
function roomOf(stdout: NodeJS.WritableStream): TopRoom {
  const { columns, rows } = stdout as { columns?: number; rows?: number }
  return { width: columns ?? 80, height: Math.max(1, (rows ?? 24) - 1) }
}

/** Keys come one by one, so Ctrl-C comes as a character and not as a signal. */
function listenForQuit(stdin: NodeJS.ReadableStream, onQuit: () => void): () => void {
  if (!('setRawMode' in stdin) || typeof stdin.setRawMode !== 'function') return () => {}
  const { setRawMode } = stdin
  const onKey = (keys: Buffer | string): void => {
    if (/[qQ\u0003]/.test(String(keys))) onQuit()
  }
  setRawMode.call(stdin, true)
  const events: EventEmitter = stdin
  events.on('data', onKey)
  stdin.resume()
  return () => {
    events.off('data', onKey)
    setRawMode.call(stdin, false)
    stdin.pause()
  }
}
