import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Installation, installOnce } from '../../../src/stack/install-once.ts'

let cacheDirectory: string
let installedCount: number
beforeEach(() => {
  cacheDirectory = mkdtempSync(path.join(os.tmpdir(), 'install-once-'))
  installedCount = 0
})
afterEach(() => rmSync(cacheDirectory, { recursive: true, force: true }))

function installation(changes: Partial<Installation> = {}): Installation {
  return {
    cacheDirectory,
    name: 'thing',
    identity: 'one',
    what: 'The thing',
    offline: false,
    install: async (directory) => {
      installedCount++
      writeFileSync(path.join(directory, 'content'), 'whole')
    },
    ...changes,
  }
}

describe('an installation', () => {
  it('happens once per identity', async () => {
    const first = await installOnce(installation())
    expect(await installOnce(installation({ offline: true }))).toBe(first)
    expect(installedCount).toBe(1)
    expect(await installOnce(installation({ identity: 'two' }))).not.toBe(first)
    expect(installedCount).toBe(2)
  })

  it('that fails leaves nothing behind', async () => {
    const failing = installation({
      install: async (directory) => {
        writeFileSync(path.join(directory, 'content'), 'half')
        throw new Error('cut off')
      },
    })
    await expect(installOnce(failing)).rejects.toThrow('cut off')
    expect(readdirSync(cacheDirectory)).toEqual([])
  })

  it('without its marker counts as missing', async () => {
    const directory = await installOnce(installation())
    rmSync(path.join(directory, '.complete'))
    writeFileSync(path.join(directory, 'content'), 'damaged')
    await installOnce(installation())
    expect(readFileSync(path.join(directory, 'content'), 'utf8')).toBe('whole')
  })

  it('done by two at once ends with one whole folder', async () => {
    const [first, second] = await Promise.all([installOnce(installation()), installOnce(installation())])
    expect(first).toBe(second)
    expect(existsSync(path.join(first ?? '', 'content'))).toBe(true)
    expect(readdirSync(cacheDirectory)).toHaveLength(1)
  })

  it('that is missing when nothing may be downloaded says what is missing', async () => {
    const error = installOnce(installation({ offline: true }))
    await expect(error).rejects.toMatchObject({
      code: 'STACK_OFFLINE_CACHE_MISS',
      message: /The thing is not in the cache/,
    })
  })
})
