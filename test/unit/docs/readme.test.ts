/** The documentation holds what it says: its code is the code of files, its commands exist, its links lead somewhere. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = globSync(['*.md', 'docs/**/*.md', 'prisma/*.md', 'schemas/*.md', 'stack/**/*.md'], { cwd: root }).sort()

/** Code blocks that name the file that they are a copy of. */
function examples(markdown: string): { path: string; code: string }[] {
  const blocks = markdown.matchAll(/^<!-- (examples\/\S+) -->\n```\w+\n([\s\S]*?)^```$/gm)
  return [...blocks].map(([, path = '', code = '']) => ({ path, code }))
}

/** The text without fenced blocks, in which nothing is a link or a heading. */
function prose(markdown: string): string {
  return markdown.replace(/^( *)(```+).*\n[\s\S]*?^\1\2 *$/gm, '')
}

/** What may follow `#` in a link to the page, made from its headings as GitHub does. */
function anchors(markdown: string): Set<string> {
  const seen = new Map<string, number>()
  const found = new Set<string>()
  for (const [, heading = ''] of prose(markdown).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-')
    const earlier = seen.get(slug) ?? 0
    seen.set(slug, earlier + 1)
    found.add(earlier === 0 ? slug : `${slug}-${earlier}`)
  }
  return found
}

/** Links and images of the page that lead into the repository. */
function relativeLinks(markdown: string): string[] {
  const withoutCode = prose(markdown).replace(/`[^`\n]*`/g, '`')
  return [...withoutCode.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
}

/** Why the link of that page leads nowhere, or null. */
function brokenLink(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)))
  if (target.startsWith('..')) return `${link} leads out of the repository`
  if (!existsSync(join(root, target))) return `${link} leads to no file`
  if (anchor === undefined) return null
  if (statSync(join(root, target)).isDirectory()) return `${link} names a heading of a folder`
  return anchors(read(target)).has(anchor) ? null : `${link} names no heading of ${target}`
}

test('there are pages to look at', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/architecture.md']))
})

test('the first request stands in README.md, the library in docs/architecture.md', () => {
  expect(examples(read('README.md')).map(({ path }) => path)).toEqual(['examples/client.ts'])
  expect(examples(read('docs/architecture.md')).map(({ path }) => path)).toEqual(['examples/as-a-library.ts'])
})

describe.each(pages)('%s', (page) => {
  const markdown = read(page)

  test('names only scripts of package.json', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...markdown.matchAll(/\bnpm (?:run|run-script) (?:-s |--silent )?([a-z][\w:-]*)/g)]
    expect(named.map(([, name = '']) => name).filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  })

  test('shows the code of files as it is', () => {
    for (const { path, code } of examples(markdown)) expect(code).toBe(read(path))
  })

  test('links to files and headings that exist', () => {
    expect(relativeLinks(markdown).flatMap((link) => brokenLink(page, link) ?? [])).toEqual([])
  })

  test('names paths that exist', () => {
    const folders = 'src|test|docs|scripts|examples|schemas|prisma|stack|bench'
    const named = [...prose(markdown).matchAll(new RegExp(`\`((?:${folders})/[\\w./-]+)\``, 'g'))]
    expect(named.map(([, path = '']) => path).filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

describe('the reading of pages', () => {
  const page =
    '# A `b`: c\n## Same\n## Same\n```sh\n# no heading [no](link.md)\n```\n[x](docs/a.md#b) `[y](z)` [w](https://w.org)\n'

  test('finds headings as GitHub names them', () => {
    expect([...anchors(page)]).toEqual(['a-b-c', 'same', 'same-1'])
  })

  test('finds the links that lead into the repository', () => {
    expect(relativeLinks(page)).toEqual(['docs/a.md#b'])
  })

  test.each([
    ['docs/none.md', 'docs/none.md leads to no file'],
    ['docs/architecture.md#none', 'docs/architecture.md#none names no heading of docs/architecture.md'],
    ['../elsewhere.md', '../elsewhere.md leads out of the repository'],
    ['docs#x', 'docs#x names a heading of a folder'],
    ['docs/architecture.md#as-a-library', null],
    ['#two-commands', null],
  ])('judges %s', (link, verdict) => {
    expect(brokenLink('README.md', link)).toBe(verdict)
  })
})
