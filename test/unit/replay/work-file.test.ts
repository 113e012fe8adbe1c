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
      file.begin()
      file.insert({ table: 'finished', row: { topic: 1, partition: 0, record_offset: 5 } })
      file.commit(new Map([['t', new Map([[0, 6]])]]))
      file.note('range', { from: [1, 2] })
    }
    using file = openWorkFile({ path, question })
    expect(file.isResumed).toBe(true)
    expect(file.positions()).toEqual(new Map([['t', new Map([[0, 6]])]]))
    expect(file.noted('range')).toEqual({ from: [1, 2] })
    expect(file.noted('nothing')).toBeUndefined()
    expect(file.all('SELECT * FROM finished')).toEqual([{ topic: 1, partition: 0, record_offset: 5 }])
  })

  it('has facts and offsets together or not at all', () => {
    const path = fresh()
    const fact = { table: 'finished', row: { topic: 1, partition: 0, record_offset: 5 } } as const
    {
      using file = openWorkFile({ path, question })
      file.begin()
      file.insert(fact)
      file.rollback()
      expect(() =>
        file.transaction(() => {
          file.insert(fact)
          throw new Error('in the middle')
        }),
      ).toThrow('in the middle')
      file.begin()
      file.insert(fact)
      // Never committed.
    }
    using file = openWorkFile({ path, question })
    expect(file.all('SELECT * FROM finished')).toEqual([])
    expect(file.positions()).toEqual(new Map())
  })

  it('says that it is the file that cannot be used, whatever is done with it', () => {
    using file = openWorkFile({ path: ':memory:', question })
    const unusable = expect.objectContaining({ code: 'WORK_FILE_UNUSABLE' })
    file.run('DROP TABLE finished')
    file.run('DROP TABLE notes')
    file.run('DROP TABLE positions')
    expect(() => file.insert({ table: 'finished', row: { topic: 1, partition: 0, record_offset: 5 } })).toThrow(
      unusable,
    )
    expect(() => file.run('DELETE FROM finished')).toThrow(unusable)
    expect(() => file.all('SELECT * FROM finished')).toThrow(unusable)
    expect(() => [...file.each('SELECT * FROM finished')]).toThrow(unusable)
    expect(() => file.noted('a')).toThrow(unusable)
    expect(() => file.note('a', 1)).toThrow(unusable)
    expect(() => file.positions()).toThrow(unusable)
    expect(() => file.commit()).toThrow(unusable)
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
