import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Generates the Prisma client into src/registry/generated, without a network. The result is not committed; a marker
 * beside it tells for which schema and which Prisma it was made, and when both are the same nothing is done.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const schema = `${root}prisma/schema.prisma`
const marker = `${root}src/registry/generated/made-for.txt`
const prisma = `${root}node_modules/prisma`

const version = (JSON.parse(readFileSync(`${prisma}/package.json`, 'utf8')) as { version: string }).version
const wanted = `prisma ${version} schema ${createHash('sha256').update(readFileSync(schema)).digest('hex')}\n`

if (!existsSync(marker) || readFileSync(marker, 'utf8') !== wanted) {
  execFileSync(process.execPath, [`${prisma}/build/index.js`, 'generate', '--schema', schema], {
    cwd: root,
    // What it says is shown only when it fails, as part of the error.
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      // The CLI downloads this binary before any command; generate never runs it, so any existing file will do.
      PRISMA_SCHEMA_ENGINE_BINARY: process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ?? schema,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  })
  writeFileSync(marker, wanted)
}
