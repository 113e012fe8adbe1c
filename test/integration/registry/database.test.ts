import { expect, it } from 'vitest'
import { openDatabase } from '../../../src/registry/database.ts'
import { withDatabase } from '../../support/postgres.ts'
import { createTcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

const database = withDatabase()

it('a connection that breaks while somebody holds it between two statements ends nothing but its next statement', async () => {
  const { host } = new URL(database.url)
  const proxy = await createTcpProxy(host)
  await proxy.join()
  const { pool, close } = openDatabase({ url: database.url.replace(host, proxy.address), maxConnectionCount: 1 })
  const held = await pool.connect()
  let hasBroken = false
  held.once('end', () => {
    hasBroken = true
  })
  await held.query('SELECT 1')
  await proxy.cut()
  await until(() => hasBroken, 'the connection to break')
  await expect(held.query('SELECT 1')).rejects.toThrow()
  held.release(true)
  await proxy.join()
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await close()
  await proxy.cut()
})
