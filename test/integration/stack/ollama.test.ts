import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { findOllama } from '../../../src/stack/ollama.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

/** A server that answers these paths, as Ollama's API documentation shows its answers, and nothing else. */
async function serve(answers: (path: string, body: string) => unknown): Promise<string> {
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const answer = answers(request.url ?? '', body)
      response.statusCode = answer === undefined ? 404 : 200
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? {}))
    })
  })
  const listening = server
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

describe('the search for Ollama', () => {
  const { signal } = new AbortController()

  it('finds the smallest fitting models and passes over those that run elsewhere', async () => {
    const capabilities: Record<string, string[]> = {
      'qwen3:0.6b': ['completion', 'tools'],
      'llama3.2:3b': ['completion'],
      'nomic-embed-text:latest': ['embedding'],
    }
    const url = await serve((path, body) => {
      if (path === '/api/show') return { capabilities: capabilities[JSON.parse(body).model] }
      if (path !== '/api/tags') return undefined
      return {
        models: [
          { name: 'llama3.2:3b', size: 2_019_393_189 },
          { name: 'gpt-oss:120b-cloud', size: 384 },
          { name: 'nomic-embed-text:latest', size: 274_302_450 },
          { name: 'qwen3:0.6b', size: 522_653_767 },
        ],
      }
    })
    expect(await findOllama(url, signal)).toEqual({ chat: 'qwen3:0.6b', embedding: 'nomic-embed-text:latest' })
  })

  it('finds one without models', async () => {
    const url = await serve((path) => (path === '/api/tags' ? { models: [] } : undefined))
    expect(await findOllama(url, signal)).toEqual({})
  })

  it.each([
    ['something else answers', () => undefined],
    ['it answers no JSON', () => '<html>'],
    ['its answer has another shape', () => ({ models: 'none' })],
  ])('finds none when %s', async (_name, answers) => {
    expect(await findOllama(await serve(answers), signal)).toBeUndefined()
  })

  it('finds none when nobody listens', async () => {
    expect(await findOllama('http://127.0.0.1:9', signal)).toBeUndefined()
  })
})
