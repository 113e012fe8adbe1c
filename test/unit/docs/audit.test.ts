import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { findingKinds } from '../../../src/replay/finding-kinds.ts'

it('docs/audit.md says what each kind of finding compares, in their order', () => {
  const page = readFileSync(new URL('../../../docs/audit.md', import.meta.url), 'utf8')
  const [, table = ''] = page.split('## What each check proves')
  const listed = [...(table.split('\n## ')[0]?.matchAll(/^\| `([a-z-]+)` \|/gm) ?? [])].map(([, kind]) => kind)
  expect(listed).toEqual(Object.keys(findingKinds))
})
