import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkFile } from '../../../src/replay/work-file.ts'
import { auditOf } from '../../support/audit-of.ts'
import {
  append,
  makeWorld,
  recordsOf,
  rewriteCompletion,
  rewriteEvent,
  takeOut,
  worldTopics,
} from '../../support/replay-world.ts'
import { seeded } from '../../support/seeded.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const world = () => makeWorld(25)

describe('the digest', () => {
  it('is the same whatever the order in which partitions are read, and wherever reading is broken off and goes on', async () => {
    const expected = await auditOf(world())
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 3 }), async (seed, breaks) => {
        const path = join(folder, `run-${run++}.sqlite`)
        const open = () => openWorkFile({ path, question: 'test' })
        for (const breakAt of breaks) {
          await auditOf(world(), { random: seeded(seed + breakAt), breakAt, file: open() }).catch(() => {})
        }
        const report = await auditOf(world(), { random: seeded(seed), file: open() })
        expect(report).toEqual(expected)
      }),
      { numRuns: 25 },
    )
  })

  it('does not hang on offsets, as a copy of the topics has others', async () => {
    const copy = world()
    for (const topic of [worldTopics.completions, worldTopics.performance, worldTopics.deadLetters]) {
      for (const record of recordsOf(copy, topic)) record.offset += 1_000
    }
    expect((await auditOf(copy)).digest).toBe((await auditOf(world())).digest)
  })

  it.each<[string, (changed: ReturnType<typeof world>) => void]>([
    [
      'a changed answer',
      (w) => rewriteCompletion(w, 0, ({ chat }) => ({ chat: chat && { ...chat, text: 'Another.' } })),
    ],
    ['a changed event', (w) => rewriteEvent(w, 0, ({ durationMs }) => ({ durationMs: durationMs + 1 }))],
    ['a record less', (w) => takeOut(w, worldTopics.performance, 0)],
    [
      'a record twice',
      (w) => append(w, worldTopics.completions, { value: recordsOf(w, worldTopics.completions)[0]?.value ?? null }),
    ],
    [
      'a changed dead letter',
      (w) => {
        const [first, second] = recordsOf(w, worldTopics.deadLetters)
        if (first !== undefined && second !== undefined)
          first.value = Buffer.concat([second.value ?? Buffer.alloc(0), Buffer.from([0])])
      },
    ],
  ])('is another one for %s', async (_, change) => {
    const changed = world()
    change(changed)
    expect((await auditOf(changed)).digest).not.toBe((await auditOf(world())).digest)
  })
})
