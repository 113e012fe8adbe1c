/** Runs the protocol double by itself: `node src/stack/double/main.ts --port 4010`. Ends on SIGINT and SIGTERM. */
import { parseArgs } from 'node:util'
import { startProtocolDouble } from './protocol-double.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })
const port = Number(values.port)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`--port must be a whole number from 0 to 65535, not ${values.port}.`)
  process.exit(2)
}
try {
  const double = await startProtocolDouble({ port })
  console.log(`protocol double listening on ${double.url}`)
  // Where it has a channel to its parent, it ends with it.
  process.once('disconnect', () => process.exit(0))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      double.close().finally(() => process.exit(0))
    })
  }
} catch (error) {
  console.error(`The protocol double could not listen on port ${port}: ${(error as Error).message}`)
  process.exit(1)
}
