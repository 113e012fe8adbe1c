/** The little world in which the commands of the docs run: a stack, a worker, models on a double, a few finished requests. */
import { randomUUID } from 'node:crypto'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { stackVariables } from '../../src/cli/cli-settings.ts'
import { KafkaCommandBus } from '../../src/cli/kafka-command-bus.ts'
import { type KafkaSession, openCliKafka, openKafkaSession } from '../../src/cli/kafka-session.ts'
import { withModelClient } from '../../src/cli/with-model-client.ts'
import { loadSettings } from '../../src/config/load-settings.ts'
import type { ModelCommandDraft, ModelRequestDraft } from '../../src/contract/types.ts'
import { startProtocolDouble } from '../../src/stack/double/protocol-double.ts'
import { startStack } from '../../src/stack/stack.ts'
import { prepare } from '../quickstart/prepare.ts'
import { startWorker } from '../quickstart/start-worker.ts'
import { root } from '../run-step.ts'

/** Where and with what the commands run. */
export interface Scenario {
  env: Record<string, string>
  /** Holds `examples/`. */
  folder: string
  /** Sends requests all the time, until it is stopped. */
  startLoad(): Promise<{ stop(): Promise<void> }>
}

/** Sets it up; everything that is opened is ended with the resources. */
export async function openScenario(resources: AsyncDisposableStack): Promise<Scenario> {
  const folder = join(root, '.model-service', 'docs-cli')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true })
  const stack = await startStack({ dataDirectory: join(folder, 'stack'), models: 'none' })
  resources.defer(() => stack.stop())
  const env = { ...stackVariables(stack.addresses), LOG_LEVEL: 'warn', USER: 'you' }
  await prepare(env)
  const double = await startProtocolDouble()
  resources.defer(() => double.close())
  const worker = await startWorker({ env, log: join(folder, 'worker.log') })
  resources.defer(() => worker.stop().then(() => {}))
  await worker.ready()
  await fill(env, `${double.url}/v1`)
  return { env, folder, startLoad: () => startLoad(env) }
}

/** What no worker can read becomes a dead letter. */
async function sendBrokenCommand({ kafka, topic }: KafkaSession): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const messages = [{ key: 'large', value: 'set-status large INACTIVE', headers: { source: 'a script' } }]
  await producer.send({ topic: topic('commands'), messages })
  await producer.disconnect()
}

/** Two thirds for the one model, a third for the other, and now and then one for a model that is not there. */
const loadModels = ['large', 'small', 'large', 'small', 'large', 'nobody', 'large']

async function startLoad(env: Record<string, string>): Promise<{ stop(): Promise<void> }> {
  const settings = loadSettings(env, ['kafka', 'schemaRegistry'])
  const session = openKafkaSession(await openCliKafka(settings.kafka), settings)
  let isWanted = true
  const running = withModelClient(session, async (client) => {
    for (let count = 0; isWanted; count += 1) {
      const model = loadModels[count % loadModels.length] ?? ''
      await client.process(chat({ requestId: randomUUID(), model, text: `Question ${count}` }), { timeoutMs: 30_000 })
    }
  })
  // Thrown where it is stopped, not before.
  running.catch(() => {})
  return {
    async stop() {
      isWanted = false
      await running.finally(() => session.close())
    },
  }
}

function chat({ text, ...rest }: { text: string } & Omit<ModelRequestDraft, 'input'>): ModelRequestDraft {
  return { ...rest, input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text }] }] } }
}

const price = { inputPerMillionTokens: '0.10', outputPerMillionTokens: '0.40' }
const smallPrice = { inputPerMillionTokens: '0.02', outputPerMillionTokens: '0.08' }

async function fill(env: Record<string, string>, baseUrl: string): Promise<void> {
  const settings = loadSettings(env, ['kafka', 'schemaRegistry'])
  const session = openKafkaSession(await openCliKafka(settings.kafka), settings)
  try {
    const bus = new KafkaCommandBus(session, { timeoutMs: 30_000, signal: AbortSignal.timeout(60_000) })
    const commands: ModelCommandDraft['command'][] = [
      { type: 'RegisterProvider', provider: { id: 'house', kind: 'openai-compatible', baseUrl } },
      { type: 'RegisterModel', model: { id: 'large', provider: 'house', capabilities: ['CHAT'], price } },
      { type: 'RegisterModel', model: { id: 'small', provider: 'house', capabilities: ['CHAT'], price: smallPrice } },
    ]
    for (const [index, command] of commands.entries()) {
      const { error } = await bus.send({ commandId: `setup-${index}`, actor: 'setup', command })
      if (error !== null) throw new Error(`${command.type}: ${error.code}: ${error.message}`)
    }
    await sendBrokenCommand(session)
    const questions = ['What is the capital of France?', 'And of Italy?', 'And of Peru?']
    for (const [index, text] of questions.entries()) {
      const requestId = `question-${index + 1}`
      const request = chat({ requestId, tenant: 'acme', model: 'large', taskType: 'geography', text })
      await withModelClient(session, (client) => client.process(request, { timeoutMs: 30_000 }))
    }
  } finally {
    await session.close()
  }
}
