/** The course of a rerun: select, compare what is there, ask, call, compare. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { openPublishedEncoders, type PublishedEncoders } from '../../../codec/record-encoder.ts'
import { openSchemaRegistry } from '../../../codec/schema-registry.ts'
import { schemaRegistryConnection } from '../../../config/connections.ts'
import type { Settings } from '../../../config/settings-schema.ts'
import { isId } from '../../../contract/limits.ts'
import type { ModelCompletion } from '../../../contract/types.ts'
import { requestKeyText } from '../../../delivery/request-key.ts'
import type { Outcome } from '../../../model-service/ports/outcome.ts'
import { withCliDatabase } from '../../cli-database.ts'
import { cliSettings } from '../../cli-settings.ts'
import { confirm } from '../../confirm.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { type KafkaSession, withKafkaSession } from '../../kafka-session.ts'
import { startProgressBar } from '../../progress-bar.ts'
import { printJson, type Terminal } from '../../terminal.ts'
import { UsageError } from '../../usage-error.ts'
import { renderPage } from '../page/render-page.ts'
import { decodeRequest, type RequestPlace, recordsAt } from '../requests-in-range.ts'
import { type CallAgainResult, callAgain, type Recall } from './call-again.ts'
import { compareRuns, type RerunRow, type RerunSide, rowOf, sideOf } from './compare-runs.ts'
import { CostBudget } from './cost-budget.ts'
import { openRerunService, type RerunServiceParts, type RerunTarget } from './open-rerun-service.ts'
import { comparisonCsv } from './print-comparison.ts'
import { printRerun, printRerunPlan, type RerunReport, rerunToJson } from './print-rerun.ts'
import { type RerunOptions, rerunTargetOf } from './rerun-mode.ts'
import { rerunPage } from './rerun-page.ts'
import { isPassingTrouble, rerunId } from './rerun-request.ts'
import { estimateOf, expectedCost, type Selection, selectReruns } from './select-reruns.ts'
import { createShadowTopic, lookAtShadowTopic, openShadowWriter, ShadowReader } from './shadow-topic.ts'
import { shadowTopicProblem } from './shadow-topic-rules.ts'

/** What the parts of a run share. */
interface Run {
  options: RerunOptions
  terminal: Terminal
  session: KafkaSession
  target: RerunTarget
  runId: string
  topic: string
}

/**
 * Carries out `--mode rerun`.
 * @throws UsageError, CANCELLED, MODEL_NOT_FOUND, MODEL_INACTIVE, PROVIDER_UNKNOWN, TOPIC_MISSING, SCHEMA_MISSING
 * @throws BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function runRerun(options: RerunOptions, terminal: Terminal): Promise<ExitCode> {
  const target = rerunTargetOf(options)
  const runId = options.runId ?? target.name
  if (!isId(runId)) throw new UsageError('--run-id: expected 1 to 128 visible ASCII characters without spaces.')
  const { shadowTopic: topic } = options
  if (topic === undefined) throw new UsageError('--mode rerun needs --shadow-topic: it takes the results.')
  const settings = cliSettings(terminal, rerunGroups)
  const { requestTopics, replyTopics, topicPrefix } = settings.kafka
  const problem = shadowTopicProblem(topic, {
    requestTopics: requestTopics.map(({ name }) => topicPrefix + name),
    replyTopics,
  })
  if (problem !== null) throw new UsageError(`--shadow-topic ${JSON.stringify(topic)}: ${problem}.`)
  const report = await withKafkaSession(terminal, (session) =>
    rerun(settings, { options, terminal, session, target, runId, topic }),
  )
  const { comparison, spent } = report
  writeReport('--csv', options.csv, terminal, () => comparisonCsv(comparison))
  writeReport('--html', options.html, terminal, () =>
    renderPage(rerunPage(comparison, { runId, target: target.name, shadowTopic: topic, spent })),
  )
  const isDone = report.result === null || (report.result.end === 'done' && report.result.troubleCount === 0)
  if (options.json === true) printJson(terminal, { runId, target, shadowTopic: topic, ...rerunToJson(report) })
  else printRerun(terminal, report, target.name)
  return isDone ? exitCodes.ok : exitCodes.failed
}

const rerunGroups = ['kafka', 'schemaRegistry', 'models', 'providerHttp', 'reliability'] as const

type RerunSettings = Pick<Settings, (typeof rerunGroups)[number]>

async function rerun(settings: RerunSettings, run: Run): Promise<RerunReport> {
  return await withCliDatabase(run.terminal, async (database) => {
    const resources = new AsyncDisposableStack()
    try {
      return await rerunWith({ database, resources }, settings, run)
    } finally {
      await resources.disposeAsync()
    }
  })
}

async function rerunWith(
  { database, resources }: Pick<RerunServiceParts, 'database' | 'resources'>,
  settings: RerunSettings,
  run: Run,
): Promise<RerunReport> {
  const { options, terminal, session, target, runId, topic } = run
  const writing: { write(outcome: Outcome): Promise<void> } = { write: async () => {} }
  const service = await openRerunService(settings, {
    database,
    env: terminal.env,
    resources,
    eventBus: { publish: (outcome) => writing.write(outcome) },
  })
  const resolved = await service.target(target)
  const selection = await selectReruns(session, resolved, run)
  const shadow = await lookAtShadowTopic(session.kafka, topic)
  if (shadow === null && options.createTopic !== true) {
    throw new UsageError(`--shadow-topic ${topic} does not exist: create it, or add --create-topic.`)
  }
  const budget = new CostBudget(options.maxCost ?? null)
  const done = new Map<string, RerunSide>()
  const reader = new ShadowReader({ session, topic, runId })
  const take = (completion: ModelCompletion): void => {
    if (done.has(completion.requestId)) return
    done.set(completion.requestId, sideOf(completion))
    budget.addSpent(completion.cost)
  }
  const todo = () => selection.requests.filter((place) => !done.has(rerunId(runId, place)))
  const finish = (result: CallAgainResult | null, calledCount = 0): RerunReport => ({
    ...{ selection, calledCount, result },
    spent: budget.spent,
    comparison: compareRuns(selection.requests.map((place) => toRow(place, run, selection, done))),
  })
  if (shadow !== null) await reader.readOn(terminal.signal, take)
  if (options.maxCost !== undefined && todo().length > 0 && selection.estimates.size === 0) {
    throw new UsageError(
      `--max-cost cannot be kept: nobody knows what ${target.name} costs, or what the requests have used. Register a price in USD for it, or leave --max-cost out and use --limit.`,
    )
  }
  if (options.json !== true) printRerunPlan(terminal, selection, todo())
  if (options.dryRun === true || todo().length === 0) return finish(null)
  const cost = expectedCost(todo(), selection)
  const question = `Call ${target.name} for ${todo().length} requests, for ${cost}, results to ${topic}?`
  if (!(await confirm(terminal, question, { yes: options.yes === true }))) return finish(null)

  const encoders = await openEncoders(settings)
  if (shadow === null) await createShadowTopic(session, topic)
  const parts = { groupId: settings.kafka.groupId, encoders, ...shadow }
  const writer = await openShadowWriter({ session, topic, runId }, parts)
  resources.defer(() => writer.close())
  // From here on nobody else writes for this run; what came in between is not called again.
  await reader.readOn(terminal.signal, take)
  const sources = new Map<string, Recall>()
  writing.write = async (outcome) => {
    const recall = sources.get(outcome.request.requestId)
    if (recall === undefined || isPassingTrouble(outcome.completion)) return
    await writer.write(outcome, recall.record, recall.request.requestId)
  }
  const places = todo()
  const bar = startProgressBar(terminal, { unit: 'requests called', totalCount: places.length, json: options.json })
  let calledCount = 0
  try {
    const result = await callAgain({
      ...{ runId, budget, signal: terminal.signal, concurrency: options.concurrency, target: target.name },
      recalls: recallsOf(session, places, terminal.signal),
      estimate: (place) => estimateOf(place, selection),
      async process(recall, request, context) {
        sources.set(request.requestId, recall)
        const { place } = recall
        const source = { topic: place.topic, partition: place.partition, offset: place.offset }
        return await service.process(request, { ...context, source }).finally(() => sources.delete(request.requestId))
      },
      onDone(_place, completion) {
        done.set(completion.requestId, sideOf(completion))
        bar.update(++calledCount)
      },
    })
    return finish(result, calledCount)
  } finally {
    bar.stop()
  }
}

async function openEncoders({
  kafka,
  schemaRegistry,
}: Pick<Settings, 'kafka' | 'schemaRegistry'>): Promise<PublishedEncoders> {
  const registry = openSchemaRegistry(schemaRegistryConnection(schemaRegistry))
  try {
    return await openPublishedEncoders({ registry, topicPrefix: kafka.topicPrefix })
  } finally {
    await registry.close()
  }
}

async function* recallsOf(
  session: KafkaSession,
  places: readonly RequestPlace[],
  signal: AbortSignal,
): AsyncGenerator<Recall> {
  for await (const { place, record } of recordsAt(session.kafka, places, { signal })) {
    const request = await decodeRequest(session, record)
    if (request !== undefined) yield { place, record, request }
  }
}

function toRow(
  place: RequestPlace,
  { runId }: Run,
  selection: Selection,
  done: ReadonlyMap<string, RerunSide>,
): RerunRow {
  const id = rerunId(runId, place)
  const original = selection.originals.get(requestKeyText(place)) ?? null
  return rowOf(place, id, { original, rerun: done.get(id) ?? null })
}

function writeReport(flag: string, file: string | undefined, terminal: Terminal, render: () => string): void {
  if (file === undefined) return
  try {
    writeFileSync(path.resolve(terminal.cwd, file), render())
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new UsageError(
      `${flag} ${file} cannot be written (${reason}). The same command writes it without calling again.`,
    )
  }
}
