/**
 * `npm run quickstart`: the whole service on real parts, on this machine. Exits 0 only when all six requests end COMPLETED.
 * Nothing of the user's is touched: addresses come from what is started here (or MODEL_SERVICE_TEST_*), never from DATABASE_URL
 * or KAFKA_BROKERS, and a key is used only with --provider.
 */
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Listr } from 'listr2'
import { stackVariables } from '../src/cli/cli-settings.ts'
import { KafkaCommandBus } from '../src/cli/kafka-command-bus.ts'
import { type KafkaSession, openCliKafka, openKafkaSession } from '../src/cli/kafka-session.ts'
import { loadSettings } from '../src/config/load-settings.ts'
import { type RunningStack, StackError, startStack } from '../src/stack/stack.ts'
import { paidProviders, type QuickstartOptions, readOptions, usage } from './quickstart/options.ts'
import { prepare } from './quickstart/prepare.ts'
import { planRegistrations, type QuickstartCase } from './quickstart/registrations.ts'
import { resultTable } from './quickstart/result-table.ts'
import { type QuickstartResult, sendExamples } from './quickstart/send-examples.ts'
import { startWorker, type WorkerProcess } from './quickstart/start-worker.ts'
import { root } from './run-step.ts'

/** How long six small models may take on a slow machine. */
const answersTimeoutMs = 180_000

interface Context {
  stack?: RunningStack
  worker?: WorkerProcess
  session?: KafkaSession
  env?: Record<string, string>
  cases?: QuickstartCase[]
  results?: QuickstartResult[]
}

const options = readOptions(process.argv.slice(2), process.env)
if (options === 'help') {
  process.stdout.write(usage)
} else if ('problem' in options) {
  process.stderr.write(`${options.problem}\n\n${usage}`)
  process.exitCode = 2
} else {
  process.exitCode = await quickstart(options)
}

async function quickstart(chosen: QuickstartOptions): Promise<number> {
  const startedAt = performance.now()
  const stopping = new AbortController()
  const stop = (signal: NodeJS.Signals) => stopping.abort(new Error(`ended by ${signal}`))
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const context: Context = {}
  let succeeded = false
  try {
    await steps(chosen, stopping.signal).run(context)
    succeeded = report(context.results ?? [], chosen)
    if (chosen.keep) tellAddresses(context)
  } catch (error) {
    // The renderer for pipes and files has told it already.
    if (process.stdout.isTTY) tellError(error)
  } finally {
    await context.session?.close()
    if (!chosen.keep || !succeeded) await takeDown(context)
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
  console.log(`${succeeded ? 'done' : 'not completed'} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  return succeeded ? 0 : 1
}

function steps(chosen: QuickstartOptions, signal: AbortSignal): Listr<Context> {
  return new Listr<Context>(
    [
      {
        title: 'Generate the Prisma client',
        task: () => generate(),
      },
      {
        title: 'Start Kafka, the schema registry, PostgreSQL and models',
        task: async (context, task) => {
          context.stack = await startStack({
            dataDirectory: join(root, '.model-service', 'stack'),
            detached: chosen.keep,
            offline: chosen.offline,
            backend: chosen.backend,
            signal,
            // The quickstart ends well on doubles wherever it runs; `npm test` is where CI insists on real weights.
            weightsRequired: false,
            onProgress: ({ part, message, fraction }) => {
              task.output = `${part}: ${message}${fraction === undefined ? '' : ` (${Math.round(fraction * 100)} %)`}`
            },
          })
          context.env = workerEnvironment(context.stack, chosen)
          const settings = loadSettings(context.env, ['kafka', 'schemaRegistry'])
          context.session = openKafkaSession(await openCliKafka(settings.kafka), settings)
        },
      },
      {
        title: 'Apply migrations, topics and schemas',
        task: (context) => prepare(context.env ?? {}, signal),
      },
      {
        title: 'Start a worker',
        task: async (context) => {
          context.worker = await startWorker({
            env: context.env ?? {},
            log: join(root, '.model-service', 'worker.log'),
            detached: chosen.keep,
          })
          await context.worker.ready()
        },
      },
      {
        title: 'Register models through the command topic',
        task: async (context, task) => {
          const { cases, commands } = planRegistrations(context.stack?.addresses.models ?? {}, chosen)
          context.cases = cases
          const bus = new KafkaCommandBus(sessionOf(context), { timeoutMs: 30_000, signal })
          // Providers come first in the list, and models refer to them.
          for (const command of commands) {
            task.output = command.type
            const { status, error } = await bus.send({ commandId: randomUUID(), actor: 'quickstart', command })
            const isThere = error?.code.endsWith('_ALREADY_EXISTS') === true
            if (status === 'REJECTED' && !isThere) throw new Error(`${command.type}: ${error?.code}: ${error?.message}`)
          }
        },
      },
      {
        title: 'Send one request of each type',
        task: async (context, task) => {
          context.results = await sendExamples(sessionOf(context), context.cases ?? [], {
            timeoutMs: answersTimeoutMs,
            signal,
            onAnswer: (answered) => {
              task.output = `${answered} of ${context.cases?.length} answered`
            },
          })
        },
      },
    ],
    {
      fallbackRenderer: 'simple',
      rendererOptions: { collapseErrors: false, showErrorMessage: false },
    },
  )
}

function sessionOf(context: Context): KafkaSession {
  if (context.session === undefined) throw new Error('no Kafka session was opened')
  return context.session
}

function generate(): void {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate-prisma.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the Prisma client could not be generated:\n${stderr}`)
}

function workerEnvironment(stack: RunningStack, chosen: QuickstartOptions): Record<string, string> {
  const env: Record<string, string> = stackVariables(stack.addresses)
  if (chosen.paid !== null) env[paidProviders[chosen.paid.name].keyReference] = chosen.paid.key
  return env
}

/** Prints the table; true when everything completed. */
function report(results: readonly QuickstartResult[], chosen: QuickstartOptions): boolean {
  console.log(`\n${resultTable(results)}\n`)
  for (const reason of new Set(results.map(({ of }) => `${of.endpoint.source}: ${of.endpoint.reason}`))) {
    console.log(`  ${reason}`)
  }
  if (chosen.paid === null) console.log('  prices of models on this machine are made up, to show the accounting')
  const incomplete = results.filter(({ completion }) => completion?.status !== 'COMPLETED')
  for (const { of, completion } of incomplete) {
    const why =
      completion === null ? 'no completion came in time' : `${completion.error?.code}: ${completion.error?.message}`
    console.error(`  ✗ ${of.requestType}: ${why}`)
  }
  return results.length > 0 && incomplete.length === 0
}

function tellAddresses(context: Context): void {
  console.log('\nleft running:')
  for (const { name, address } of context.stack?.parts ?? []) console.log(`  ${name.padEnd(10)} ${address}`)
  console.log(
    `  worker     process ${context.worker?.pid}, ${context.worker?.healthUrl}/readyz, log ${context.worker?.log}`,
  )
  console.log('\ntry it:  npm run -s model-service -- send examples/chat.json')
  console.log(`stop it: kill ${context.worker?.pid}; npm run -s model-service -- stack down\n`)
}

async function takeDown({ worker, stack }: Context): Promise<void> {
  if (worker === undefined && stack === undefined) return
  console.log('stopping everything')
  await worker?.stop()
  await stack?.stop()
}

function tellError(error: unknown): void {
  if (error instanceof StackError) console.error(`\n${error.code}: ${error.message}`)
  else console.error(`\n${error instanceof Error ? error.message : String(error)}`)
}
