import type { Command } from 'commander'
import type { TopicOptions, TopicRow } from '../../events/topic-admin.ts'
import { cliSettings } from '../cli-settings.ts'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { paint, printJson, printLine, printTable, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface TopicsOptions extends CommonOptions {
  partitions?: number
  replicationFactor?: number
  minInSyncReplicas?: number
}

/** `topics apply|check`: the topics of the contract in Kafka. */
export function addTopicsCommand(program: Command, run: RunAction): void {
  const topics = program.command('topics').description('the Kafka topics of the contract')

  withTopicOptions(topics.command('apply').description('create what is missing and correct settings that differ'), [
    ['on one broker, for development', 'topics apply'],
    ['in production', 'topics apply --partitions 24 --replication-factor 3 --min-in-sync-replicas 2'],
  ])
    .addHelpText(
      'after',
      '\nPartition counts of existing topics are never changed, only reported: more of them move keys.',
    )
    .action((options: TopicsOptions) => run(options, (terminal) => applyOrCheck('apply', options, terminal)))

  withTopicOptions(
    topics.command('check').description('change nothing; exit code 1 unless all topics are as they must be'),
    [['before a deployment', 'topics check --min-in-sync-replicas 2']],
  ).action((options: TopicsOptions) => run(options, (terminal) => applyOrCheck('check', options, terminal)))
}

function withTopicOptions(command: Command, examples: Parameters<typeof withCommonOptions>[1]): Command {
  return withCommonOptions(command, examples)
    .addOption(
      integerOption('--partitions <n>', 'partitions of topics with many (default for new ones: 12)', 1, 10_000),
    )
    .addOption(integerOption('--replication-factor <n>', 'copies of new topics (default: 1)', 1, 100))
    .addOption(
      integerOption('--min-in-sync-replicas <n>', "copies that must have a record (default: the broker's)", 1, 100),
    )
}

async function applyOrCheck(what: 'apply' | 'check', options: TopicsOptions, terminal: Terminal): Promise<ExitCode> {
  const { partitions, replicationFactor, minInSyncReplicas } = options
  if (what === 'apply' && minInSyncReplicas !== undefined && minInSyncReplicas > (replicationFactor ?? 1)) {
    throw new UsageError(
      `--min-in-sync-replicas ${minInSyncReplicas} needs --replication-factor of at least that: nothing could be written.`,
    )
  }
  const { kafka: settings } = cliSettings(terminal, ['kafka'])
  const { openCliKafka } = await import('../kafka-session.ts')
  const { applyTopics, checkTopics } = await import('../../events/topic-admin.ts')
  const kafka = await openCliKafka(settings)
  const topicOptions: TopicOptions = {
    prefix: settings.topicPrefix,
    requestTopics: settings.requestTopics.map(({ name }) => name),
    retentionDays: settings.topicRetentionDays,
    ...(partitions === undefined ? {} : { partitions }),
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
    ...(minInSyncReplicas === undefined ? {} : { minInSyncReplicas }),
  }
  const rows = await (what === 'apply' ? applyTopics : checkTopics)(kafka, topicOptions)
  if (options.json === true) printJson(terminal, rows)
  else print(terminal, rows)
  const isFine = rows.every(({ status }) => status !== 'missing' && status !== 'different')
  return isFine ? exitCodes.ok : exitCodes.failed
}

function print(terminal: Terminal, rows: readonly TopicRow[]): void {
  printTable(
    terminal,
    ['topic', 'partitions', 'status'],
    rows.map(({ topic, partitions, status }) => [topic, String(partitions ?? ''), status]),
  )
  for (const { topic, differences } of rows) {
    for (const difference of differences) printLine(terminal, `${paint(terminal, 'yellow', topic)}: ${difference}`)
  }
}
