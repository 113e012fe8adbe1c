/**
 * What a program needs that uses the service as a library: everything below comes from the package's main entry or is its
 * own. The registry lives in memory, and the one provider answers by itself. A test compiles and runs this file in a project
 * that has nothing but the package. Prints one line of JSON.
 */
import {
  type CommandResult,
  type CommandResultDraft,
  completeDraft,
  type EventBus,
  InProcessCommandBus,
  type ModelProvider,
  ModelService,
  type Outcome,
  ProviderError,
  type ProviderFactory,
  type Registry,
  type RegistryChange,
  type RegistryEntities,
  type RegistryKind,
  type Stored,
} from 'model-service'

class OwnRegistry implements Registry {
  readonly #stored: { [TKind in RegistryKind]: Map<string, Stored<RegistryEntities[TKind]>> } = {
    MODEL: new Map(),
    PROVIDER: new Map(),
    ROUTE: new Map(),
  }
  readonly #deletedIds = new Set<string>()
  readonly #results = new Map<string, CommandResult>()
  #version = 0

  async snapshot() {
    const { MODEL, PROVIDER, ROUTE } = this.#stored
    return {
      version: this.#version,
      model: (id: string) => MODEL.get(id)?.definition,
      provider: (id: string) => PROVIDER.get(id)?.definition,
      route: (id: string) => ROUTE.get(id)?.definition,
      isDeleted: (id: string) => this.#deletedIds.has(id),
    }
  }

  async find<TKind extends RegistryKind>(kind: TKind, id: string) {
    return this.#stored[kind].get(id) ?? null
  }

  async listModels({ page = 1, pageSize = 50 }) {
    const models = [...this.#stored.MODEL.values()]
    return { models: models.slice((page - 1) * pageSize, page * pageSize), page, pageSize, totalCount: models.length }
  }

  async listProviders() {
    return [...this.#stored.PROVIDER.values()]
  }

  async listRoutes() {
    return [...this.#stored.ROUTE.values()]
  }

  async state() {
    const { MODEL, PROVIDER, ROUTE } = this.#stored
    return {
      version: this.#version,
      models: [...MODEL.values()],
      providers: [...PROVIDER.values()],
      routes: [...ROUTE.values()],
    }
  }

  async history() {
    return []
  }

  async commit({ kind, id, definition, command }: RegistryChange) {
    const at = Date.now()
    const version = ++this.#version
    // Kind and definition belong together, which the type of a change does not say.
    const stored: Map<string, unknown> = this.#stored[kind]
    if (definition === null) {
      stored.delete(id)
      this.#deletedIds.add(id)
    } else {
      stored.set(id, { definition, version, createdAt: at, updatedAt: at })
    }
    return this.#remember({
      commandId: command.commandId,
      command: command.name,
      status: 'APPLIED',
      entityKind: kind,
      entityId: id,
      version,
      occurredAt: at,
    })
  }

  async recordResult(result: CommandResult) {
    return this.#remember(result)
  }

  #remember(draft: CommandResultDraft): CommandResult {
    const result = completeDraft('CommandResult', draft)
    const earlier = this.#results.get(result.commandId)
    if (earlier === undefined) this.#results.set(result.commandId, result)
    return earlier ?? result
  }
}

function refuse(): never {
  throw new ProviderError('CAPABILITY_NOT_SUPPORTED', 'This provider can only repeat prompts.')
}

const echo: ModelProvider = {
  id: 'echo',
  capabilities: ['COMPLETION'],
  completion: async ({ model, input }) => ({
    output: { text: input.prompt },
    finishReason: 'STOP',
    usage: null,
    model,
    providerRequestId: null,
    httpStatus: 200,
  }),
  chat: async () => refuse(),
  embedding: async () => refuse(),
  imageGeneration: async () => refuse(),
  audioTranscription: async () => refuse(),
  audioTranslation: async () => refuse(),
  listModels: async () => ['parrot'],
  checkKey: async () => {},
}

const providerFactory: ProviderFactory = {
  presets: [echo.id],
  preset: (name) => (name === echo.id ? completeDraft('ProviderDefinition', { id: name, kind: name }) : null),
  infer: () => null,
  get: () => echo,
}

const outcomes: Outcome[] = []
const eventBus: EventBus = { publish: async (outcome) => void outcomes.push(outcome) }
const commandBus = new InProcessCommandBus()
const service = new ModelService({
  db: { registry: new OwnRegistry(), specializations: { prompt: async () => null } },
  eventBus,
  commandBus,
  providerFactory,
  settings: { defaultModel: null, attemptTimeoutMs: 1_000, specializationTimeoutMs: 1_000, maxMediaBytes: 1_000 },
})
service.start()

const registered = await commandBus.send({
  commandId: 'c-1',
  command: { type: 'RegisterModel', model: { id: 'mine', provider: 'echo', capabilities: ['COMPLETION'] } },
})
const completion = await service.process(
  completeDraft('ModelRequest', {
    requestId: 'r-1',
    model: 'mine',
    input: { type: 'CompletionInput', prompt: 'Polly' },
  }),
)
const unknown = await service.process(
  completeDraft('ModelRequest', {
    requestId: 'r-2',
    model: 'none',
    input: { type: 'CompletionInput', prompt: 'Polly' },
  }),
)
console.log(
  JSON.stringify({
    registered: registered.status,
    status: completion.status,
    text: completion.completion?.text,
    unknown: unknown.error?.code,
    outcomeCount: outcomes.length,
  }),
)
