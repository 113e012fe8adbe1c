/** The work file of the modes that can be killed and go on: where it lies, and what it keeps of the question. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { WorkFile } from '../../replay/work-file.ts'
import type { KafkaSession } from '../kafka-session.ts'
import { printNote, type Terminal } from '../terminal.ts'
import { type ReplayOptions, rangeOf } from './replay-mode.ts'
import { formatRangeBound, type ResolvedRange, resolveRange } from './replay-range.ts'

/**
 * Runs with the work file that the user names, or with one of its own that goes afterwards.
 * @throws WORK_FILE_UNUSABLE, and what `run` throws
 */
export async function withWorkFile<T>(
  { workFile, question }: { workFile: string | undefined; question: string },
  terminal: Terminal,
  run: (file: WorkFile) => Promise<T>,
): Promise<T> {
  const { openWorkFile } = await import('../../replay/work-file.ts')
  if (workFile !== undefined) {
    using file = openWorkFile({ path: path.resolve(terminal.cwd, workFile), question })
    if (file.isResumed) printNote(terminal, `note: going on with what ${workFile} has`)
    return await run(file)
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'model-service-replay-'))
  try {
    using file = openWorkFile({ path: path.join(folder, 'work.sqlite'), question })
    return await run(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What all modes ask: topics and range, in words. */
export function rangeQuestion(topics: readonly string[], { from, to, partitions }: ReplayOptions): string {
  const words = `of ${topics.join(', ')}, from ${formatRangeBound(from)} to ${formatRangeBound(to)}`
  return partitions === undefined ? words : `${words}, partitions ${partitions.join(', ')}`
}

/** The offsets of the range, as they were when the run began: one that goes on must not end later than the first one would have. */
export async function rangeOnce(
  file: WorkFile,
  session: KafkaSession,
  { topics, options }: { topics: readonly string[]; options: ReplayOptions },
): Promise<ResolvedRange> {
  const { restored, stored } = await import('../../replay/stored-positions.ts')
  const noted = await file.once('range', async () => {
    const { from, until } = await resolveRange(session.kafka, topics, rangeOf(options))
    return { from: stored(from), until: stored(until) }
  })
  return { from: restored(noted.from), until: restored(noted.until) }
}
