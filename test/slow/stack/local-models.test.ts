import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { ensureFastavro, type ModelEndpoint, type ModelKind } from '../../../src/stack/stack.ts'

const { models } = inject('stack')
const english = fileURLToPath(new URL('../../../examples/speech-en.wav', import.meta.url))
const german = fileURLToPath(new URL('../../../examples/speech-de.wav', import.meta.url))

function endpoint(kind: ModelKind): ModelEndpoint {
  const found = models[kind]
  if (found === undefined) throw new Error(`the stack of this run has nothing for ${kind}`)
  return found
}

async function post(
  kind: ModelKind,
  path: string,
  body: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { baseUrl, model } = endpoint(kind)
  const response = await fetch(`${baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, ...body }),
  })
  return { status: response.status, body: Object(await response.json()) }
}

async function speak(
  kind: 'audioTranscription' | 'audioTranslation',
  fields: Record<string, string | Blob>,
): Promise<{ status: number; type: string; text: string }> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  const path = kind === 'audioTranscription' ? 'transcriptions' : 'translations'
  const response = await fetch(`${endpoint(kind).baseUrl}/audio/${path}`, { method: 'POST', body: form })
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() }
}

const wav = (file: string): Blob => new Blob([readFileSync(file)], { type: 'audio/wav' })

// Whoever runs this with Ollama gets its models, which speak another format at that address.
describe.runIf(models.chat?.source === 'local')('the local language model', () => {
  it('chats, the same way each time at temperature 0', async () => {
    const request = {
      temperature: 0,
      max_tokens: 8,
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
    }
    const [first, second] = [
      await post('chat', '/chat/completions', request),
      await post('chat', '/chat/completions', request),
    ]
    expect(first).toMatchObject({ status: 200, body: { object: 'chat.completion', model: 'smollm2-135m-instruct' } })
    expect(second.body['choices']).toEqual(first.body['choices'])
  })

  it('completes text', async () => {
    const answer = await post('completion', '/completions', { prompt: 'One, two, three,', max_tokens: 4 })
    expect(answer).toMatchObject({
      status: 200,
      body: { choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 4 } },
    })
  })

  it('embeds', async () => {
    const answer = await post('embedding', '/embeddings', { input: ['a cat', 'a dog'] })
    expect(answer).toMatchObject({ status: 200, body: { data: [{ index: 0 }, { index: 1 }] } })
    expect(Object(answer.body['data'])[0].embedding).toHaveLength(576)
  })
})

describe.runIf(models.audioTranscription?.source === 'local')('the local speech model', () => {
  it('transcribes, in the three formats', async () => {
    const model = endpoint('audioTranscription').model
    const json = await speak('audioTranscription', { model, file: wav(english) })
    expect(json.status).toBe(200)
    expect(JSON.parse(json.text)).toMatchObject({ text: expect.stringMatching(/france/i), usage: { type: 'duration' } })
    const text = await speak('audioTranscription', { model, file: wav(english), response_format: 'text' })
    expect(text).toMatchObject({ type: expect.stringMatching(/^text\/plain/), text: expect.stringMatching(/france/i) })
    const verbose = await speak('audioTranscription', {
      model,
      file: wav(english),
      response_format: 'verbose_json',
      language: 'en',
    })
    expect(JSON.parse(verbose.text)).toMatchObject({
      task: 'transcribe',
      language: 'english',
      segments: [{ id: 0, start: 0 }],
    })
  })

  it('translates into English', async () => {
    const answer = await speak('audioTranslation', { model: endpoint('audioTranslation').model, file: wav(german) })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text).text).toMatch(/morning|water/i)
  })

  it.each([
    ['bad audio', { model: 'm', file: new Blob(['this is no audio']) }, 400, 'file'],
    ['no file', { model: 'm' }, 400, 'file'],
    ['no model', { file: new Blob(['x']) }, 400, 'model'],
    ['an unknown format', { model: 'm', file: new Blob(['x']), response_format: 'srt' }, 400, 'response_format'],
    ['an unknown language', { model: 'm', file: new Blob(['x']), language: 'xx' }, 400, 'language'],
    ['too much', { model: 'm', file: new Blob([Buffer.alloc(26 * 1024 * 1024)]) }, 413, 'file'],
  ] as const)('refuses %s in OpenAI’s envelope', async (_name, fields, status, param) => {
    const answer = await speak('audioTranscription', fields)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toMatchObject({ error: { type: 'invalid_request_error', param } })
  })
})

it('has a fastavro that Python can import', async () => {
  const { python, pythonPath } = await ensureFastavro()
  const version = execFileSync(python, ['-c', 'import fastavro; print(fastavro.__version__)'], {
    env: { ...process.env, PYTHONPATH: pythonPath },
    encoding: 'utf8',
  })
  expect(version).toMatch(/^1\./)
})
