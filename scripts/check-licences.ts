/**
 * Holds the licences of all locked packages, for every platform, against an allow-list, and THIRD-PARTY-NOTICES.md
 * against what ships. `--write` rewrites the notices.
 */
import { readFileSync, writeFileSync } from 'node:fs'

/** Licences that packages which ship with the service may have. */
const forProduction = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'Unlicense']
/** Further licences of tools that are only used while developing and never ship. */
const forDevelopment = [
  'MPL-2.0',
  'EPL-2.0',
  'CC0-1.0',
  'CC-BY-3.0',
  'MIT AND CC-BY-3.0',
  'MIT OR Apache-2.0',
  'MIT and ISC',
  'Python-2.0',
]
/** Packages whose package.json names no licence; this is the one of their LICENSE file, read by hand. */
const readByHand: Record<string, string> = {
  '@kafkajs/confluent-schema-registry': 'MIT',
  'seq-queue': 'MIT',
  buildcheck: 'MIT',
  'cpu-features': 'MIT',
  ssh2: 'MIT',
}

interface LockedPackage {
  version?: string
  license?: string
  dev?: boolean
  devOptional?: boolean
}

const noticesFile = new URL('../THIRD-PARTY-NOTICES.md', import.meta.url)
const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, LockedPackage>
}
const packages = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .map(([path, { version = '', license, dev, devOptional }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const licence = (license ?? readByHand[name] ?? 'not stated').replace(/^\((.*)\)$/, '$1')
    return { name, version, licence, ships: dev !== true && devOptional !== true }
  })

for (const { name, version, licence, ships } of packages) {
  if (forProduction.includes(licence) || (!ships && forDevelopment.includes(licence))) continue
  console.error(
    `${name}@${version} has licence "${licence}", which is not on the allow-list of scripts/check-licences.ts`,
  )
  process.exitCode = 1
}

const rows = packages
  .filter(({ ships }) => ships)
  .map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`)
const notices = `# Third-party notices

Packages that ship with Model Service as its dependencies; each has its licence text in its own package folder.
Written by \`node scripts/check-licences.ts --write\` from package-lock.json.

| package | version | licence |
| --- | --- | --- |
${[...new Set(rows)].sort().join('\n')}
`
if (process.argv.includes('--write')) {
  writeFileSync(noticesFile, notices)
} else if (readFileSync(noticesFile, 'utf8') !== notices) {
  console.error('THIRD-PARTY-NOTICES.md is not up to date: run `node scripts/check-licences.ts --write`')
  process.exitCode = 1
}
