import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A request as it came in. */
export interface SeenRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
}

/** What to answer; a list of pieces is written one by one. */
export interface ScriptedAnswer {
  status?: number
  headers?: Record<string, string>
  body?: string | Buffer | readonly Buffer[]
}

/** A server on 127.0.0.1 that answers by script and remembers what it was asked. */
export interface ScriptedServer {
  url: string
  requests: SeenRequest[]
  /** Connections accepted so far. */
  connectionCount(): number
  close(): Promise<void>
}

/** Starts a server that answers each request with what the script gives. */
export async function startScriptedServer(script: (request: SeenRequest) => ScriptedAnswer): Promise<ScriptedServer> {
  const requests: SeenRequest[] = []
  let connections = 0
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const seen = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks),
    }
    requests.push(seen)
    const { status = 200, headers = { 'content-type': 'application/json' }, body = '' } = script(seen)
    response.writeHead(status, headers)
    for (const piece of Array.isArray(body) ? body : [body as string | Buffer]) {
      await new Promise((done) => response.write(piece, done))
    }
    response.end()
  })
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connectionCount: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A server of bare sockets, for answers that no HTTP server would give. */
export async function startSocketServer(
  onRequest: (socket: Socket, head: Buffer) => void,
): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.once('data', (head) => onRequest(socket, Buffer.from(head)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
