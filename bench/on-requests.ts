import type { Socket } from 'node:net'

const headEnd = Buffer.from('\r\n\r\n')

/** Calls back with the head of each HTTP request that comes whole, its body left unread: no more than a fast server needs. */
export function onRequests(socket: Socket, onRequest: (head: string) => void): void {
  let received = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const end = received.indexOf(headEnd)
    if (end < 0) return
    const head = received.toString('latin1', 0, end)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    if (received.length < end + headEnd.length + length) return
    received = received.subarray(end + headEnd.length + length)
    onRequest(head)
  })
}
