import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttpSpecializations, noSpecializations } from '../../../src/registry/http-specializations.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function source(answer: RequestListener, options: { timeoutMs?: number; cacheCount?: number } = {}) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const time = { now: 0 }
  const specializations = createHttpSpecializations({
    baseUrl: `http://127.0.0.1:${port}/prompts/`,
    timeoutMs: 2_000,
    now: () => time.now,
    ...options,
  })
  return {
    asked,
    time,
    prompt: (id: string, signal = new AbortController().signal) => specializations.prompt(id, signal),
  }
}

const text: RequestListener = (_request, response) => response.setHeader('content-type', 'text/plain').end('Be kind. ☺')

describe('specializations over HTTP', () => {
  test.each<[string, RequestListener, string | null]>([
    ['plain text', text, 'Be kind. ☺'],
    [
      'JSON',
      (_request, response) =>
        response.setHeader('content-type', 'application/json; charset=utf-8').end('{"prompt":"Be kind."}'),
      'Be kind.',
    ],
    ['404', (_request, response) => response.writeHead(404).end('no'), null],
    ['410', (_request, response) => response.writeHead(410).end(), null],
  ])('come as %s', async (_name, answer, expected) => {
    expect(await (await source(answer)).prompt('polite')).toBe(expected)
  })

  test.each<[string, RequestListener, RegExp]>([
    ['another status', (_request, response) => response.writeHead(500).end('secret'), /HTTP 500/],
    [
      'a redirect',
      (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /could not be reached/,
    ],
    [
      'broken JSON',
      (_request, response) => response.setHeader('content-type', 'application/json').end('{secret'),
      /not JSON/,
    ],
    [
      'JSON without a prompt',
      (_request, response) => response.setHeader('content-type', 'application/json').end('{"prompt":1}'),
      /no prompt/,
    ],
    ['more than 256 KiB', (_request, response) => response.end('x'.repeat(256 * 1024 + 1)), /larger than/],
    ['no answer', (_request, response) => response.destroy(), /could not be reached/],
  ])('fail on %s, without a word of the answer', async (_name, answer, message) => {
    const failed = (await source(answer)).prompt('polite')
    await expect(failed).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      message: expect.stringMatching(message),
    })
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining('secret') })
  })

  test('are limited in time', async () => {
    const { prompt } = await source(() => {}, { timeoutMs: 50 })
    await expect(prompt('polite')).rejects.toMatchObject({ message: expect.stringContaining('within 50 ms') })
  })

  test('end with the signal of the caller, and go on for others', async () => {
    let finish = () => {}
    const { prompt, asked } = await source((_request, response) => {
      finish = () => response.end('late')
    })
    const controller = new AbortController()
    const aborted = prompt('polite', controller.signal)
    const other = prompt('polite')
    controller.abort(new Error('mine'))
    await expect(aborted).rejects.toThrow('mine')
    await expect.poll(() => asked.length).toBe(1)
    finish()
    expect(await other).toBe('late')
  })

  test('are kept for a minute, lacking ones too, failures for five seconds', async () => {
    let status = 200
    const { prompt, asked, time } = await source((_request, response) => response.writeHead(status).end('x'))
    const ask = async (at: number) => {
      time.now = at
      await prompt('polite').catch(() => 'failed')
      return asked.length
    }
    expect([await ask(0), await ask(59_999), await ask(60_000)]).toEqual([1, 1, 2])
    status = 404
    expect([await ask(120_000), await ask(179_999)]).toEqual([3, 3])
    status = 500
    expect([await ask(180_000), await ask(184_999), await ask(185_000)]).toEqual([4, 4, 5])
  })

  test('are kept up to a number', async () => {
    const { prompt, asked } = await source(text, { cacheCount: 2 })
    for (const id of ['a', 'b', 'c', 'c', 'a']) await prompt(id)
    expect(asked.map((url) => url.at(-1)).join('')).toBe('abca')
  })

  test('lie where their encoded id says, and nowhere else', async () => {
    const { prompt, asked } = await source(text)
    await prompt('a/../b?c#d')
    expect(asked).toEqual(['/prompts/a%2F..%2Fb%3Fc%23d'])
    for (const id of ['.', '..']) await expect(prompt(id)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    expect(asked).toHaveLength(1)
  })

  test('need an address', () => {
    expect(() => createHttpSpecializations({ baseUrl: 'file:///etc', timeoutMs: 1 })).toThrow(/http/)
  })

  test('are none where none are configured', async () => {
    expect(await noSpecializations.prompt('x', new AbortController().signal)).toBeNull()
  })
})
