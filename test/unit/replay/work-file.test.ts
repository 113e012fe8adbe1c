import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSqlite } from '../../../src/replay/open-sqlite.ts'
import { openWorkFile } from '../../../src/replay/work-file.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'work-file-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
const fresh = () => join(folder, `file-${count++}.sqlite`)
const question = 'audit of model.requests'

describe('a work file', () => {
  it('keeps facts, offsets and notes, and goes on with them', () => {
    const path = fresh()
    {
      using file = openWorkFile({ path, question })
      expect(file.isResumed).toBe(false)
      file.write(
        [{ table: 'finished', row: { topic: 1, partition: 0, record_offset: 5 } }],
        new Map([['t', new Map([[0, 6]])]]),
      )
      file.note('range', { from: [1, 2] })
    }
    using file = openWorkFile({ path, question })
    expect(file.isResumed).toBe(true)
    expect(file.positions()).toEqual(new Map([['t', new Map([[0, 6]])]]))
    expect(file.noted('range')).toEqual({ from: [1, 2] })
    expect(file.noted('nothing')).toBeUndefined()
    expect(file.all('SELECT * FROM finished')).toEqual([{ topic: 1, partition: 0, record_offset: 5 }])
  })

  it('writes facts and offsets together or not at all', () => {
    using file = openWorkFile({ path: ':memory:', question })
    const bad = { table: 'finished', row: { topic: 1, partition: 0, record_offset: { not: 'a number' } } } as never
    expect(() =>
      file.write(
        [{ table: 'finished', row: { topic: 1, partition: 0, record_offset: 5 } }, bad],
        new Map([['t', new Map([[0, 6]])]]),
      ),
    ).toThrow()
    expect(file.all('SELECT * FROM finished')).toEqual([])
    expect(file.positions()).toEqual(new Map())
  })

  it('is readable by its owner alone', () => {
    const path = fresh()
    openWorkFile({ path, question })[Symbol.dispose]()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it.each<[string, (path: string) => void, string]>([
    [
      'another question',
      (path) => openWorkFile({ path, question: 'another' })[Symbol.dispose](),
      'belongs to another question (another)',
    ],
    [
      'another version',
      (path) => {
        openWorkFile({ path, question })[Symbol.dispose]()
        const database = openSqlite(path)
        database.exec('PRAGMA user_version = 99')
        database.close()
      },
      'is of layout 99, this version works with 2',
    ],
    [
      'another database',
      (path) => {
        const database = openSqlite(path)
        database.exec('CREATE TABLE mine (secret TEXT)')
        database.close()
      },
      'is a database, but no work file of a replay',
    ],
    [
      'something else',
      (path) => writeFileSync(path, 'a letter to my mother, which nobody may write over'),
      'cannot be used: file is not a database',
    ],
  ])('refuses a file of %s, and leaves it as it was', (_, make, message) => {
    const path = fresh()
    make(path)
    const size = statSync(path).size
    expect(() => openWorkFile({ path, question })).toThrow(
      expect.objectContaining({ code: 'WORK_FILE_UNUSABLE', message: expect.stringContaining(message) }),
    )
    expect(statSync(path).size).toBe(size)
  })

  it('refuses a folder that is not there', () => {
    expect(() => openWorkFile({ path: join(folder, 'none', 'x.sqlite'), question })).toThrow(
      expect.objectContaining({ code: 'WORK_FILE_UNUSABLE' }),
    )
  })

  it('belongs to one process at a time', () => {
    const path = fresh()
    openWorkFile({ path, question })[Symbol.dispose]()
    using _ = openWorkFile({ path, question })
    expect(() => openWorkFile({ path, question })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('in use by another process') }),
    )
  })

  it('goes on with a file that was made and never filled', () => {
    const path = fresh()
    writeFileSync(path, '')
    using file = openWorkFile({ path, question })
    file.note('a', 1)
    expect(file.noted('a')).toBe(1)
  })
})

it('opens SQLite without a warning, and lets other warnings pass', () => {
  const module = fileURLToPath(new URL('../../../src/replay/open-sqlite.ts', import.meta.url))
  const script = `
    import { openSqlite } from ${JSON.stringify(module)}
    openSqlite(':memory:').close()
    process.emitWarning('of something else')`
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(stderr).toContain('of something else')
  expect(stderr).not.toContain('SQLite')
  expect(status).toBe(0)
})
