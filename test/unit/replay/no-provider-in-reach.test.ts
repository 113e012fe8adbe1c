/** An audit, or new prices for old calls, must not be able to call anybody: held by what their modules can reach at all. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../../../src', import.meta.url))

/** What a module imports when it runs: statements without `import type`, and `import()`. */
function importsOf(source: string): string[] {
  const statements = source.matchAll(/^\s*(?:import|export)\s(?!type\s)[^'";]*?from\s+'([^']+)'/gm)
  const bare = source.matchAll(/^\s*import\s+'([^']+)'/gm)
  const dynamic = source.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)
  return [...statements, ...bare, ...dynamic].flatMap(([, specifier]) => (specifier === undefined ? [] : [specifier]))
}

/** Everything that can be loaded from these files: modules of ours, relative to src, with the packages that each imports. */
function reachableFrom(files: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const queue = [...files]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    const name = relative(src, file)
    if (found.has(name)) continue
    const specifiers = importsOf(readFileSync(file, 'utf8'))
    found.set(
      name,
      specifiers.filter((specifier) => !specifier.startsWith('.')),
    )
    queue.push(
      ...specifiers
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => resolve(dirname(file), specifier)),
    )
  }
  return found
}

function filesIn(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(src, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(src, folder, name)),
  )
}

describe('what an audit and repricing can reach', () => {
  const reached = reachableFrom(filesIn('replay', 'cli/replay/audit', 'cli/replay/reprice', 'cli/replay/page'))

  it('is their own modules, the topics, the registry of schemas and the prices', () => {
    expect([...reached.keys()]).toEqual(
      expect.arrayContaining([
        'replay/run-audit.ts',
        'events/topic-reader.ts',
        'codec/schema-registry.ts',
        'pricing/price-usage.ts',
      ]),
    )
  })

  it('is no provider, and nothing that calls one', () => {
    const providers = [...reached.keys()].filter((name) => /^(providers|model-service|consumers)\/|^app/.test(name))
    // The clock of whoever waits for a request: it imports nothing.
    expect(providers).toEqual(['model-service/keep-alive-timers.ts'])
    expect([...reachableFrom([join(src, 'model-service/keep-alive-timers.ts')]).keys()]).toHaveLength(1)
  })

  it('has no HTTP client but that of the registry of schemas', () => {
    const clients = [...reached].filter(([, packages]) =>
      packages.some((name) => /^(undici|openai|node:https?|node:net|node:tls)$/.test(name)),
    )
    expect(clients.map(([name]) => name).sort()).toEqual(['cli/reachable-broker.ts', 'codec/schema-registry.ts'])
  })
})

it('sees imports of every form', () => {
  const source =
    `import { a } from './a.ts'\nimport type { B } from './b.ts'\nimport { type C } from './c.ts'\nexport * from './d.ts'\n` +
    `import './e.ts'\nconst f = await import('./f.ts')\nimport {\n  g,\n  type H,\n} from './g.ts'\n`
  expect(importsOf(source).sort()).toEqual(['./a.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts'])
})
