import { Argument, type Command } from 'commander'
import type { TopicRole } from '../../contract/topics.ts'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { readTopics, topicBounds } from '../../events/topic-reader.ts'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import {
  answerText,
  chunkLine,
  commandResultLine,
  completionLine,
  performanceLine,
  registryLine,
} from '../format-record.ts'
import type { KafkaSession } from '../kafka-session.ts'
import type { RunAction } from '../program.ts'
import { paint, printJson, printLine, printNote, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** What can be followed, by the word that the user says. */
export const tailTopics = ['completions', 'performance', 'registry', 'command-results', 'chunks'] as const
type TailTopic = (typeof tailTopics)[number]

interface TailOptions extends CommonOptions {
  fromBeginning?: boolean
  follow: boolean
  maxCount?: number
  tenant?: string
  requestId?: string
}

/** A record in both forms in which it can be printed. */
interface Shown {
  record: object
  lines: string[]
}

/** `tail`: follows one of the topics that workers publish. */
export function addTailCommand(program: Command, run: RunAction): void {
  withCommonOptions(
    program
      .command('tail')
      .addArgument(new Argument('[topic]', 'what to follow').choices(tailTopics).default('completions'))
      .description('follow what workers publish, until Ctrl-C'),
    [
      ['completions as they come', 'tail'],
      ['the first six completions there are', 'tail completions --from-beginning --max-count 6'],
      [
        'everything known of one request, as JSON lines',
        'tail performance --from-beginning --no-follow --request-id 42 --json',
      ],
    ],
  )
    .option('--from-beginning', 'begin with the oldest record instead of the next one')
    .option('--no-follow', 'stop at the end of the topic')
    .addOption(integerOption('--max-count <n>', 'stop after so many records', 1))
    .option('--tenant <id>', 'only records of this tenant')
    .option('--request-id <id>', 'only records of this request')
    .action((topic: TailTopic, options: TailOptions) => run(options, (terminal) => tail(topic, options, terminal)))
}

async function tail(topic: TailTopic, options: TailOptions, terminal: Terminal): Promise<ExitCode> {
  const isFiltered = options.tenant !== undefined || options.requestId !== undefined
  if (isFiltered && (topic === 'registry' || topic === 'command-results')) {
    throw new UsageError(`--tenant and --request-id do not go with ${topic}: its records belong to no request.`)
  }
  const { withKafkaSession } = await import('../kafka-session.ts')
  return await withKafkaSession(terminal, async (session) => {
    const name = session.topic(roles[topic])
    const { first, next } = await topicBounds(session.kafka, [name])
    let count = 0
    await readTopics({
      kafka: session.kafka,
      topics: [name],
      from: options.fromBeginning === true ? first : next,
      ...(options.follow ? {} : { until: next }),
      signal: terminal.signal,
      onRecord: async (record) => {
        const shown = await show(topic, record, session).catch((error: unknown) => skip(record, error, terminal))
        if (shown === undefined || !matches(shown.record, options)) return undefined
        if (options.json === true) printJson(terminal, shown.record, { compact: true })
        else for (const line of shown.lines) printLine(terminal, line)
        count += 1
        return count === options.maxCount ? 'stop' : undefined
      },
    })
    return exitCodes.ok
  })
}

const roles = {
  completions: 'completions',
  performance: 'performance',
  registry: 'registry',
  'command-results': 'commandResults',
  chunks: 'chunks',
} as const satisfies Record<TailTopic, TopicRole>

async function show(topic: TailTopic, { key, value }: ReceivedRecord, session: KafkaSession): Promise<Shown> {
  switch (topic) {
    case 'completions': {
      const record = await session.decode('ModelCompletion', value)
      const answer = answerText(record)
      return {
        record,
        lines: [completionLine(record), ...(answer === '' ? [] : answer.split('\n').map((line) => `  ${line}`))],
      }
    }
    case 'performance': {
      const record = await session.decode('PerformanceEvent', value)
      return { record, lines: [performanceLine(record)] }
    }
    case 'registry': {
      if (value === null) return { record: { key: String(key), value }, lines: [`${String(key)} removed`] }
      const record = await session.decode('RegistryEvent', value)
      return { record, lines: [registryLine(record)] }
    }
    case 'command-results': {
      const record = await session.decode('CommandResult', value)
      return { record, lines: [commandResultLine(record)] }
    }
    case 'chunks': {
      const record = await session.decode('ModelChunk', value)
      return { record, lines: [chunkLine(record)] }
    }
    default:
      return topic satisfies never
  }
}

/** One record that cannot be read is no reason to stop; a registry that is away is. */
function skip(record: ReceivedRecord, error: unknown, terminal: Terminal): undefined {
  const isUnreadable =
    error instanceof ModelServiceError && (error.code === 'DECODE_FAILED' || error.code === 'SCHEMA_UNKNOWN')
  if (!isUnreadable) throw error
  const place = `${record.topic}/${record.partition}/${record.offset}`
  printNote(
    terminal,
    `${paint(terminal, 'yellow', 'warning')} ${place} cannot be read: ${error.code}: ${error.message}`,
  )
  return undefined
}

function matches(record: object, { tenant, requestId }: TailOptions): boolean {
  return (
    (tenant === undefined || ('tenant' in record && record.tenant === tenant)) &&
    (requestId === undefined || ('requestId' in record && record.requestId === requestId))
  )
}
