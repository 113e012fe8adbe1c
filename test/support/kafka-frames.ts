/** What the proxies before a broker need to know of Kafka's protocol. https://kafka.apache.org/protocol */
import type { Socket } from 'node:net'

/** Calls with each whole request or answer, its four bytes of length included. */
export function onFrames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const size = 4 + pending.readInt32BE(0)
      onFrame(pending.subarray(0, size))
      pending = pending.subarray(size)
    }
  })
}

/**
 * Puts our port in the place of the broker's wherever an answer names it, so that clients stay with us. Brokers name themselves as
 * 127.0.0.1 (a string with its length before it) and a port of four bytes: both lie at the same host, so no length changes.
 */
export function redirect(frame: Buffer, { from, to }: { from: number; to: number }): void {
  const address = Buffer.concat([Buffer.from([0, 9]), Buffer.from('127.0.0.1'), Buffer.alloc(4)])
  address.writeInt32BE(from, address.length - 4)
  for (let at = frame.indexOf(address); at !== -1; at = frame.indexOf(address, at + 1)) {
    frame.writeInt32BE(to, at + address.length - 4)
  }
}
