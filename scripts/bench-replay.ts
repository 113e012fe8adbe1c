/**
 * `npm run bench:replay`: audits of topics with 10^4, 10^5 and 10^6 records, side by side. Prints a table, and after a whole run writes
 * bench/results/replay.json and docs/replay-performance.md.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { requireProc } from '../bench/process-usage.ts'
import { fillTopics } from '../bench/replay/fill-topics.ts'
import { type AuditMeasurement, measureAudit } from '../bench/replay/measure-audit.ts'
import { replayPage, replayTable } from '../bench/replay/replay-page.ts'
import { stackVariables } from '../src/cli/cli-settings.ts'
import { kafkaConnection } from '../src/config/connections.ts'
import { loadSettings } from '../src/config/load-settings.ts'
import { createKafkaClient } from '../src/events/kafka-client.ts'
import { startStack } from '../src/stack/stack.ts'
import { prepare } from './quickstart/prepare.ts'
import { root } from './run-step.ts'

const usage = `npm run bench:replay -- [options]

  --quick   10^4 records alone; prints, writes nothing
  --help    this text

A whole run takes some five minutes and 2 GB of disk.
`

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const partitionCount = 6
/** Requests of the small run; each leaves some four records. */
const smallCount = 2_500
const largeCount = 100 * smallCount
const directory = join(root, '.model-service', 'bench', 'replay')

process.exitCode = await run()

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  requireProc()
  const [loadBefore = 0] = loadavg()
  const results = await measureAll(values.quick ? [smallCount] : [smallCount, 10 * smallCount, largeCount])
  console.log(`\n${replayTable(results)}\n`)
  if (results.some(({ clean }) => !clean)) throw new Error('an audit found something in topics that are in order')
  if (values.quick) return 0
  const conditions = {
    date: new Date().toISOString().slice(0, 10),
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.version,
    loadBefore,
  }
  mkdirSync(join(root, 'bench/results'), { recursive: true })
  writeFileSync(join(root, 'bench/results/replay.json'), `${JSON.stringify({ conditions, results }, null, 2)}\n`)
  writeFileSync(join(root, 'docs/replay-performance.md'), replayPage(results, conditions))
  return 0
}

async function measureAll(requestCounts: readonly number[]): Promise<AuditMeasurement[]> {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const stack = await startStack({
    dataDirectory: join(directory, 'stack'),
    models: 'none',
    backend: 'embedded',
    given: {},
    signal: new AbortController().signal,
  })
  try {
    const results: AuditMeasurement[] = []
    for (const requestCount of requestCounts) {
      const env = {
        ...stackVariables(stack.addresses),
        TOPIC_PREFIX: `r${requestCount}.`,
        KAFKA_GROUP_ID: 'bench',
      }
      await prepare(env)
      const kafka = createKafkaClient(kafkaConnection(loadSettings(env, ['kafka']).kafka), silent)
      const startedAt = performance.now()
      const recordCount = await fillTopics({
        kafka,
        schemaRegistryUrl: env.SCHEMA_REGISTRY_URL,
        topicPrefix: env.TOPIC_PREFIX,
        partitionCount,
        requestCount,
        startMs: Date.now() - 2 * 86_400_000,
      })
      console.log(`${recordCount} records written in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
      // The largest topics once more, with next to no heap: what is needed, not what is taken when there is much.
      const heapLimits = requestCount === largeCount ? [null, 128] : [null]
      for (const heapLimitMb of heapLimits) {
        const workFile = join(directory, `${requestCount}-${heapLimitMb}.sqlite`)
        const measured = await measureAudit(env, { recordCount, workFile, heapLimitMb })
        const { seconds, peakRssMb } = measured
        console.log(`${requestCount} requests audited in ${seconds.toFixed(1)} s, ${peakRssMb.toFixed(0)} MB`)
        results.push(measured)
      }
    }
    return results
  } finally {
    await stack.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
