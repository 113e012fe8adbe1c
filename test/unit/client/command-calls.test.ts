import { beforeEach, describe, expect, it } from 'vitest'
import { CommandCalls } from '../../../src/client/command-calls.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import type { CommandResultDraft } from '../../../src/contract/types.ts'
import { settle } from '../consumers/manual-timers.ts'
import { ConnectionDouble } from './client-doubles.ts'

const encode = recordEncoder('CommandResult', 8)
const waiting = { timeoutMs: 60_000, signal: undefined }
const cancel = { commandId: 'c', command: { type: 'CancelRequest' as const, requestId: 'r' } }

let connection: ConnectionDouble
let calls: CommandCalls
beforeEach(() => {
  connection = new ConnectionDouble()
  calls = new CommandCalls(connection.asConnection)
})

/** Answers the n-th command that was written, as a worker does: what ties it to its sender is passed on. */
async function answer(n: number, result: CommandResultDraft): Promise<void> {
  const correlationId = connection.written[n]?.headers['correlation-id'] ?? ''
  const headers = { 'correlation-id': correlationId }
  await connection.receive('p.commandResults', { key: 'c', headers, value: encode(result) })
}

describe('a command', () => {
  it('is written under the id of what it changes, and answered', async () => {
    const asked = calls.ask(cancel, waiting)
    await settle()
    expect(connection.written).toMatchObject([
      { topic: 'p.commands', headers: { 'correlation-id': expect.any(String) } },
    ])
    expect(connection.written[0]?.key.toString()).toBe('r')
    await answer(0, { commandId: 'c', status: 'APPLIED' })
    await expect(asked).resolves.toMatchObject({ commandId: 'c', status: 'APPLIED' })
  })

  it('does not take the answer to another command of the same id for its own', async () => {
    const first = calls.ask(cancel, waiting)
    const second = calls.ask({ commandId: 'c', command: { type: 'DeleteModel', id: 'm' } }, waiting)
    await settle()
    await answer(0, { commandId: 'c', status: 'APPLIED' })
    await connection.receive('p.commandResults', {
      key: 'c',
      headers: { 'correlation-id': 'of another client' },
      value: encode({ commandId: 'c', status: 'APPLIED' }),
    })
    await answer(1, { commandId: 'c', status: 'REJECTED', error: { code: 'COMMAND_ID_REUSED' } })
    expect((await first).status).toBe('APPLIED')
    expect((await second).error?.code).toBe('COMMAND_ID_REUSED')
  })
})
