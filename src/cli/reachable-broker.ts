import { connect } from 'node:net'
import { ModelServiceError } from '../errors/model-service-error.ts'

/**
 * Resolves when a connection to one of the brokers can be opened. The Kafka client would try for a long while and then
 * not say at which address.
 * @throws BROKER_UNAVAILABLE naming every address and why it did not answer
 */
export async function requireReachableBroker(brokers: readonly string[], timeoutMs = 3_000): Promise<void> {
  const attempts = brokers.map((broker) => tryConnect(broker, timeoutMs))
  try {
    await Promise.any(attempts)
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors.map(String) : [String(error)]
    throw new ModelServiceError('BROKER_UNAVAILABLE', `No Kafka broker can be reached: ${reasons.join(', ')}.`)
  }
}

/** Rejects with a text: broker and reason. */
function tryConnect(broker: string, timeoutMs: number): Promise<void> {
  const separator = broker.lastIndexOf(':')
  const host = broker.slice(0, separator).replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(broker.slice(separator + 1)) })
    const fail = (reason: string): void => {
      socket.destroy()
      reject(`${broker} (${reason})`)
    }
    socket.setTimeout(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`))
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
  })
}
