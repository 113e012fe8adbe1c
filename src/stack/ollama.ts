/** What an Ollama on this machine can do for us. */
export interface OllamaModels {
  /** Smallest installed model that chats. */
  chat?: string
  /** Smallest installed model that embeds. */
  embedding?: string
}

/** One installed model. */
export interface OllamaModel {
  name: string
  sizeBytes: number
  /** As `/api/show` lists them: `completion`, `embedding`, `vision`, … Empty with versions that list none. */
  capabilities: readonly string[]
}

const TIMEOUT_MS = 2_000
// Asking about each is a request; somebody with more has a fitting one among the smallest.
const ASKED_COUNT = 12

/**
 * Asks Ollama which models it has (GET /api/tags, POST /api/show; docs/api.md of github.com/ollama/ollama). Nothing is
 * pulled.
 * @returns undefined when nothing answers there as Ollama would
 */
export async function findOllama(baseUrl: string, signal: AbortSignal): Promise<OllamaModels | undefined> {
  try {
    const tags = await ask(`${baseUrl}/api/tags`, signal)
    const listed = property(tags, 'models')
    if (!Array.isArray(listed)) return undefined
    const models = listed.flatMap((entry: unknown): OllamaModel[] => {
      const [name, sizeBytes] = [property(entry, 'name'), property(entry, 'size')]
      // Cloud models are listed with next to no size: they are not on this machine and cost money.
      const isHere = typeof sizeBytes === 'number' && sizeBytes > 1_000_000
      return typeof name === 'string' && isHere ? [{ name, sizeBytes, capabilities: [] }] : []
    })
    models.sort((a, b) => a.sizeBytes - b.sizeBytes)
    const asked = await Promise.all(
      models.slice(0, ASKED_COUNT).map(async (model): Promise<OllamaModel> => {
        const shown = await ask(`${baseUrl}/api/show`, signal, { model: model.name }).catch(() => undefined)
        const capabilities = property(shown, 'capabilities')
        return { ...model, capabilities: Array.isArray(capabilities) ? capabilities.map(String) : [] }
      }),
    )
    return chooseOllamaModels(asked)
  } catch {
    return undefined
  }
}

/** The smallest model for each purpose; one whose capabilities are not listed is judged by its name. */
export function chooseOllamaModels(models: readonly OllamaModel[]): OllamaModels {
  const bySize = [...models].sort((a, b) => a.sizeBytes - b.sizeBytes)
  const embeds = ({ name, capabilities }: OllamaModel): boolean =>
    capabilities.length === 0 ? /embed|bge|minilm/i.test(name) : capabilities.includes('embedding')
  const chats = (model: OllamaModel): boolean =>
    model.capabilities.length === 0 ? !embeds(model) : model.capabilities.includes('completion')
  const chat = bySize.find(chats)?.name
  const embedding = bySize.find(embeds)?.name
  return { ...(chat === undefined ? {} : { chat }), ...(embedding === undefined ? {} : { embedding }) }
}

async function ask(url: string, signal: AbortSignal, body?: object): Promise<unknown> {
  const response = await fetch(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    ...(body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`Ollama answered ${response.status}`)
  return response.json()
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
