import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../scripts/run-step.ts'
import type { Sabotage } from './sabotages.ts'

/** A copy of the sources, as they lie on the disk, beside this checkout's packages. */
export interface SourceCopy {
  folder: string
  /** Breaks one thing; gives what undoes it. @throws when the text to replace is not there exactly once */
  apply(sabotage: Sabotage): () => void
  remove(): void
}

/** What a suite needs of the repository to run. */
const parts = [
  'package.json',
  'prisma',
  'prisma.config.ts',
  'schemas',
  'scripts',
  'src',
  'stack',
  'test',
  'tsconfig.json',
]

/** Makes one in the folder for temporary files. */
export function copySources(): SourceCopy {
  const folder = mkdtempSync(join(tmpdir(), 'model-service-sabotage-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  } catch (error) {
    remove()
    throw error
  }
  return {
    folder,
    apply(sabotage) {
      const path = join(folder, sabotage.file)
      const whole = readFileSync(path, 'utf8')
      writeFileSync(path, sabotagedText(whole, sabotage))
      return () => writeFileSync(path, whole)
    },
    remove,
  }
}

/** The text of the file with the sabotage in it. @throws when what is to be replaced is not there exactly once */
export function sabotagedText(text: string, { name, file, find, replaceBy }: Sabotage): string {
  const [before, after, ...more] = text.split(find)
  if (before === undefined || after === undefined || more.length > 0) {
    const count = more.length + (after === undefined ? 0 : 1)
    throw new Error(
      `The sabotage "${name}" has rotted: ${file} must contain this exactly once, not ${count} times:\n${find}\n` +
        'Bring it up to date in test/faults/sabotage/sabotages.ts',
    )
  }
  return before + replaceBy + after
}
