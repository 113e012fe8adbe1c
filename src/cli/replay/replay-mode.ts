import type { Option } from 'commander'
import type { RequestTopic } from '../../contract/request-topic.ts'
import type { CommonOptions } from '../command-options.ts'
import type { ExitCode } from '../exit-codes.ts'
import type { KafkaSession } from '../kafka-session.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import type { RangeBound, ReplayRange } from './replay-range.ts'

/** Options that every mode of `replay` has. */
export interface ReplayOptions extends CommonOptions {
  mode: string
  /** Topics as the user names them; undefined where none are named. */
  topic?: string[]
  from: RangeBound
  to: RangeBound
  partitions?: number[]
}

/** One way to replay: a row of the table in command.ts. */
export interface ReplayMode {
  /** One line of the help. */
  readonly summary: string
  /** Examples as [what it does, command]. */
  readonly examples: readonly (readonly [string, string])[]
  /** The options that it takes beside those of {@link ReplayOptions}; another mode may have the same one, by the same flags. */
  readonly options: readonly Option[]
  run(options: ReplayOptions, terminal: Terminal): Promise<ExitCode>
}

/** The range that the options name. */
export function rangeOf({ from, to, partitions }: ReplayOptions): ReplayRange {
  return { from, to, partitions: partitions ?? null }
}

/**
 * The request topics that the user names, with or without the prefix of all topics; all of them where none are named.
 * @throws UsageError when a name is none of theirs
 */
export function requestTopicsOf(session: KafkaSession, { topic: names }: ReplayOptions): readonly RequestTopic[] {
  if (names === undefined) return session.requestTopics
  const prefix = session.topicPrefix
  return names.map((name) => {
    const found = session.requestTopics.find((topic) => topic.name === name || topic.name === prefix + name)
    if (found !== undefined) return found
    const known = session.requestTopics.map((topic) => topic.name).join(', ')
    throw new UsageError(
      `--topic names ${JSON.stringify(name)}: expected a topic that workers read requests from (${known}).`,
    )
  })
}
