import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isCommit, isTransactional, type KafkaProxy, kafkaApis, startKafkaProxy } from '../../faults/kafka-proxy.ts'
import { until } from '../../support/until.ts'

/** A frame of a request with client id `c`. */
function request(api: number, correlationId: number, body = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(15)
  header.writeInt32BE(11 + body.length, 0)
  header.writeInt16BE(api, 4)
  header.writeInt32BE(correlationId, 8)
  header.writeInt16BE(1, 12)
  header.write('c', 14)
  return Buffer.concat([header, body])
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeInt16BE(value.length)
  return Buffer.concat([length, Buffer.from(value)])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

describe('startKafkaProxy', () => {
  let broker: Server
  let proxy: KafkaProxy
  let received: Buffer[]
  let client: Socket
  let answers: Buffer[]
  let isClosed: boolean

  beforeEach(async () => {
    received = []
    answers = []
    isClosed = false
    // A broker that answers each request with its correlation id and its own address.
    broker = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        received.push(chunk)
        const address = Buffer.concat([text('127.0.0.1'), int32((broker.address() as AddressInfo).port)])
        const answer = Buffer.concat([int32(4 + address.length), chunk.subarray(8, 12), address])
        // Split, as a network may.
        socket.write(answer.subarray(0, 7), () => socket.write(answer.subarray(7)))
      })
    })
    await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve))
    proxy = await startKafkaProxy(`127.0.0.1:${(broker.address() as AddressInfo).port}`)
    client = connect({ host: '127.0.0.1', port: Number(proxy.address.split(':')[1]) })
    client.setNoDelay(true)
    client.on('error', () => {})
    client.on('data', (chunk) => answers.push(chunk))
    client.on('close', () => {
      isClosed = true
    })
  })

  afterEach(async () => {
    client.destroy()
    await proxy.close()
    await new Promise((resolve) => broker.close(resolve))
  })

  const answered = () => Buffer.concat(answers)
  const untilAnswers = (count: number) => until(() => answered().length >= count * 23, `${count} answers`)

  it('puts its own port into the addresses that clients learn, and nowhere else', async () => {
    client.write(request(kafkaApis.metadata, 1))
    await untilAnswers(1)
    expect(answered().readInt32BE(19)).toBe(Number(proxy.address.split(':')[1]))
    client.write(request(kafkaApis.produce, 2))
    await untilAnswers(2)
    expect(answered().readInt32BE(23 + 19)).toBe((broker.address() as AddressInfo).port)
  })

  it('loses as many answers as it was told, and passes the next', async () => {
    const rule = proxy.add({ api: kafkaApis.produce, on: 'response', act: 'lose', times: 1 })
    client.write(request(kafkaApis.produce, 1))
    await until(() => rule.hits === 1, 'the answer to be lost')
    client.write(request(kafkaApis.produce, 2))
    await untilAnswers(1)
    expect(answered().readInt32BE(4)).toBe(2)
    expect(received).toHaveLength(2)
  })

  it('loses a request with its connection before the broker sees it', async () => {
    proxy.add({ api: kafkaApis.endTxn, on: 'request', act: 'cut', times: 1 })
    client.write(request(kafkaApis.endTxn, 1))
    await until(() => isClosed, 'the connection to break')
    expect(received).toHaveLength(0)
  })

  it('loses an answer with its connection after the broker has served the request', async () => {
    proxy.add({ api: kafkaApis.endTxn, on: 'response', act: 'cut', times: 1 })
    client.write(request(kafkaApis.endTxn, 1))
    await until(() => isClosed, 'the connection to break')
    expect(received).toHaveLength(1)
    expect(answers).toHaveLength(0)
  })

  it('delays what it was told to delay while the rest goes on', async () => {
    proxy.add({ api: kafkaApis.offsetCommit, on: 'request', act: { delayMs: 200 }, times: 1 })
    client.write(request(kafkaApis.offsetCommit, 1))
    client.write(request(kafkaApis.produce, 2))
    await untilAnswers(2)
    expect([answered().readInt32BE(4), answered().readInt32BE(23 + 4)]).toEqual([2, 1])
  })

  it('tells commits from aborts and transactional sends from others', async () => {
    const endTxn = (committed: number) => Buffer.concat([text('id'), Buffer.alloc(10), Buffer.from([committed])])
    expect([isCommit(endTxn(1)), isCommit(endTxn(0))]).toEqual([true, false])
    expect([isTransactional(text('id')), isTransactional(Buffer.from([0xff, 0xff]))]).toEqual([true, false])
    const rule = proxy.add({ api: kafkaApis.endTxn, on: 'request', matches: isCommit, act: 'lose', times: 1 })
    client.write(request(kafkaApis.endTxn, 1, endTxn(0)))
    await untilAnswers(1)
    expect(rule.hits).toBe(0)
  })
})
