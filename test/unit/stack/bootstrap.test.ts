import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'bootstrap-test-'))
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('packages are not installed through a link: that would empty the folder that it leads to', async () => {
  const [checkout, others] = [join(root, 'checkout'), join(root, 'others')]
  mkdirSync(join(checkout, 'scripts'), { recursive: true })
  mkdirSync(join(others, 'a-package'), { recursive: true })
  writeFileSync(join(checkout, 'package-lock.json'), '{}')
  symlinkSync(others, join(checkout, 'node_modules'))
  const script = join(checkout, 'scripts', 'bootstrap.mjs')
  copyFileSync('scripts/bootstrap.mjs', script)

  const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    // Without a path no npm is found, whatever happens.
    execFile(process.execPath, [script, 'any.ts'], { env: { PATH: '' } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    )
  })
  expect(ended).toEqual({ code: 1, stderr: expect.stringMatching(/node_modules is a link.*remove the link/) })
  expect(existsSync(join(others, 'a-package'))).toBe(true)
})
