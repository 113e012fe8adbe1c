import { randomUUID } from 'node:crypto'
import { completeDraft, InProcessCommandBus, ModelService } from 'model-service'
import {
  ConfiguredProviderFactory,
  HttpMediaFetcher,
  MemoryRegistry,
  noSpecializations,
  UndiciHttpClient,
} from 'model-service/adapters'

const httpClient = new UndiciHttpClient()
const mediaFetcher = new HttpMediaFetcher()
const service = new ModelService({
  db: { registry: new MemoryRegistry(), specializations: noSpecializations },
  // Everything that comes of a request; store or publish it as you like.
  eventBus: { publish: async ({ completion }) => console.log(completion.status, completion.cost.amount) },
  commandBus: new InProcessCommandBus(),
  providerFactory: new ConfiguredProviderFactory({
    env: process.env,
    secretsDirectory: null,
    allowedHosts: [],
    httpClient,
    mediaFetcher,
  }),
  settings: { defaultModel: null, attemptTimeoutMs: 60_000, specializationTimeoutMs: 2_000, maxMediaBytes: 25_000_000 },
})
service.start()

const baseUrl = process.env.MODEL_BASE_URL ?? 'http://127.0.0.1:8080/v1'
await service.registerProvider({ id: 'mine', kind: 'openai-compatible', baseUrl })
await service.registerModel({ id: 'my-model', provider: 'mine', capabilities: ['CHAT'] })
const completion = await service.process(
  completeDraft('ModelRequest', {
    requestId: randomUUID(),
    model: 'my-model',
    input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text: 'What is the capital of France?' }] }] },
  }),
)
console.log(completion.chat?.text ?? completion.error?.code)
await Promise.all([httpClient.close(), mediaFetcher.close()])
