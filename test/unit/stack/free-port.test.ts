import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort, portAnswers } from '../../../src/stack/free-port.ts'

const servers: net.Server[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

function listen(port: number): Promise<void> {
  const server = net.createServer()
  servers.push(server)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}

describe('a free port', () => {
  it('can be listened on', async () => {
    const port = await freePort()
    expect(await portAnswers(port)).toBe(false)
    await listen(port)
    expect(await portAnswers(port)).toBe(true)
  })

  it('is never handed out twice by one process', async () => {
    const ports = await Promise.all(Array.from({ length: 40 }, () => freePort()))
    expect(new Set(ports).size).toBe(ports.length)
  })
})
