import { Argument, type Command, Option } from 'commander'
import type { TopicRole } from '../../contract/topics.ts'
import type { ModelChunk } from '../../contract/types.ts'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { readTopics, topicBounds, topicOffsetsAt } from '../../events/topic-reader.ts'
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
import { timeOption } from '../time-option.ts'
import { UsageError } from '../usage-error.ts'
import { ChunkText } from './chunk-text.ts'
import { matches, requireFitting, type TailFilter, type TailTopic, tailTopics } from './tail-filter.ts'

interface TailOptions extends CommonOptions, TailFilter {
  fromBeginning?: boolean
  from?: number
  follow: boolean
  maxCount?: number
  text?: boolean
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
      ['failures of the last hour for lack of a key', 'tail --from 1h --status FAILED --code PROVIDER_AUTHENTICATION'],
      ['the answer to a streamed request as it comes', 'tail chunks --request-id 42 --text'],
    ],
  )
    .option('--from-beginning', 'begin with the oldest record instead of the next one')
    .addOption(timeOption('--from <time>', 'begin with the records of this time').conflicts('fromBeginning'))
    .option('--no-follow', 'stop at the end of the topic')
    .addOption(integerOption('--max-count <n>', 'stop after so many records', 1))
    .option('--tenant <id>', 'only records of this tenant')
    .option('--request-id <id>', 'only records of this request')
    .option('--model <id>', 'only completions and events of this model')
    .option('--status <status>', 'only with this status: COMPLETED, FAILED, … (of commands APPLIED, REJECTED, …)')
    .option('--code <code>', 'only with this error code (docs/errors.md)')
    .option('--type <type>', 'only this kind of work (CHAT, EMBEDDING, …) or command (RegisterModel, …)')
    .addOption(new Option('--text', 'chunks of one request as flowing text').conflicts('json'))
    .action((topic: TailTopic, options: TailOptions) => run(options, (terminal) => tail(topic, options, terminal)))
}

async function tail(topic: TailTopic, options: TailOptions, terminal: Terminal): Promise<ExitCode> {
  requireFitting(topic, options)
  if (options.text === true && (topic !== 'chunks' || options.requestId === undefined)) {
    throw new UsageError('--text needs chunks and --request-id: the texts of several requests would mingle.')
  }
  const { withKafkaSession } = await import('../kafka-session.ts')
  return await withKafkaSession(terminal, async (session) => {
    const name = session.topic(roles[topic])
    const { first, next } = await topicBounds(session.kafka, [name])
    const begin = options.from === undefined ? next : await topicOffsetsAt(session.kafka, [name], options.from)
    const text = new ChunkText()
    let count = 0
    await readTopics({
      kafka: session.kafka,
      topics: [name],
      from: options.fromBeginning === true ? first : begin,
      ...(options.follow ? {} : { until: next }),
      signal: terminal.signal,
      onRecord: async (record) => {
        const shown = await show(topic, record, session).catch((error: unknown) => skip(record, error, terminal))
        if (shown === undefined || !matches(shown.record, options)) return undefined
        if (options.json === true) printJson(terminal, shown.record, { compact: true })
        else if (options.text === true) terminal.stdout.write(text.add(shown.record as ModelChunk))
        else for (const line of shown.lines) printLine(terminal, line)
        count += 1
        return count === options.maxCount ? 'stop' : undefined
      },
    })
    if (options.text === true) printLine(terminal)
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
