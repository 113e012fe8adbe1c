/**
 * Writes what the docs repeat of the code: tables between `<!-- generated: NAME -->` and `<!-- end of NAME -->` in
 * docs/*.md, and .env.example and docs/asyncapi.yaml as a whole. `--check` writes nothing and fails when a file on disk differs.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { type Setting, type SettingGroup, unitOf } from '../src/config/setting.ts'
import { settingsSchema } from '../src/config/settings-schema.ts'
import { maxMessageBytes, type TopicDefinition, topics } from '../src/contract/topics.ts'
import { type ErrorEntry, errorCatalogue } from '../src/errors/catalogue.ts'
import { type MetricDefinition, metricTable } from '../src/observability/metric-table.ts'
import { asyncApiDocument } from './asyncapi-document.ts'
import { featureTable, presetTable } from './provider-tables.ts'

type Group = SettingGroup<Record<string, Setting<unknown>>>

const root = new URL('../', import.meta.url)
// The table keeps the exact types of its settings; here all are alike.
const groups = Object.values(settingsSchema) as unknown as Group[]
const sections: Record<string, Record<string, () => string>> = {
  'docs/configuration.md': { settings: settingsTables },
  'docs/topics.md': { topics: topicsTable, subjects: subjectsTable },
  'docs/errors.md': { errors: errorsTable },
  'docs/operations.md': { metrics: metricsTable },
  'docs/providers.md': { features: () => render(featureTable()), presets: () => render(presetTable()) },
}

/** Every generated file by path, as it must be. @throws Error when a docs file lacks a marker */
export function renderDocs(): Map<string, string> {
  const files = new Map<string, string>()
  for (const [path, parts] of Object.entries(sections)) {
    let text = readFileSync(new URL(path, root), 'utf8')
    for (const [name, render] of Object.entries(parts)) text = replaceSection(path, text, name, render())
    files.set(path, text)
  }
  files.set('.env.example', envExample())
  files.set('docs/asyncapi.yaml', asyncApiDocument())
  return files
}

function replaceSection(path: string, text: string, name: string, content: string): string {
  const begin = `<!-- generated: ${name} -->`
  const end = `<!-- end of ${name} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${path} needs the lines ${begin} and ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n')
}

function render({ headings, rows }: { headings: readonly string[]; rows: readonly (readonly string[])[] }): string {
  return table(headings, rows)
}

function settingsTables(): string {
  return groups
    .map(({ title, settings }) => {
      const rows = Object.values(settings).map((setting) => [
        `\`${setting.env}\``,
        unitOf(setting.env) ?? '',
        defaultOf(setting),
        describe(setting),
      ])
      return `## ${title}\n\n${table(['variable', 'unit', 'default', 'meaning'], rows)}`
    })
    .join('\n\n')
}

function defaultOf({ default: value, required }: Setting<unknown>): string {
  if (required) return '**required**'
  return value === null || value === '' ? 'none' : `\`${value}\``
}

function describe({ env, description, type, secret, zero }: Setting<unknown>): string {
  const facts = [description, `Expected: ${type.expected}.`]
  if (zero !== null) facts.push(`0: ${zero}.`)
  if (secret) facts.push(`Secret: may be given as \`${env}_FILE\`.`)
  return facts.join(' ')
}

function topicsTable(): string {
  const rows = Object.values<TopicDefinition>(topics).map((topic) => [
    `\`${topic.name}\``,
    topic.key,
    topic.record === null ? 'original bytes' : `\`${topic.record}\``,
    topic.cleanupPolicy === 'compact' ? 'compacted' : duration(topic.retentionMs),
    topic.partitions === 'wide' ? 'many' : 'one',
    topic.summary,
  ])
  const heading = ['topic', 'key', 'value', 'kept', 'partitions', 'holds']
  return `${table(heading, rows)}\n\nThe largest record of any topic has ${maxMessageBytes / 1024 / 1024} MiB (\`max.message.bytes\`).`
}

function subjectsTable(): string {
  const rows = Object.values<TopicDefinition>(topics).flatMap(({ name, record, compatibility }) =>
    record === null ? [] : [[`\`${name}-value\``, `[${record}](../${schemaFile(record)})`, compatibility ?? '']],
  )
  return table(['subject', 'record', 'compatibility'], rows)
}

function schemaFile(record: string): string {
  return `schemas/${record.replaceAll(/(?<!^)[A-Z]/g, '-$&').toLowerCase()}.avsc`
}

function duration(ms: number): string {
  return ms < 0 ? 'for ever' : `${ms / 86_400_000} d`
}

function errorsTable(): string {
  const rows = Object.entries<ErrorEntry>(errorCatalogue).map(([code, { summary, retryable, action }]) => [
    `\`${code}\``,
    summary,
    retryable ? 'yes' : 'no',
    action,
  ])
  return table(['code', 'what happened', 'retryable', 'what to do'], rows)
}

function metricsTable(): string {
  const rows = Object.values<MetricDefinition>(metricTable).map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  return table(['metric', 'type', 'labels', 'meaning'], rows)
}

function envExample(): string {
  const head = [
    '# Settings with their defaults, written by scripts/generate-docs.ts from src/config/settings-schema.ts.',
    '# Copy to .env, change what must differ, and start with: node --env-file=.env dist/cli/main.js worker',
    '# docs/configuration.md describes each. The addresses below are those of compose.yaml.',
  ]
  const parts = groups.map(({ title, settings }) => {
    const lines = Object.values(settings).flatMap((setting) => [`# ${describe(setting)}`, envLine(setting)])
    return `# --- ${title} ---\n${lines.join('\n')}`
  })
  return `${[head.join('\n'), ...parts].join('\n\n')}\n`
}

function envLine({ env, default: value, required, example }: Setting<unknown>): string {
  return required ? `${env}=${example ?? ''}` : `# ${env}=${value ?? ''}`
}

if (import.meta.main) {
  for (const [path, content] of renderDocs()) {
    const file = new URL(path, root)
    if (!process.argv.includes('--check')) {
      writeFileSync(file, content)
      continue
    }
    let onDisk = ''
    try {
      onDisk = readFileSync(file, 'utf8')
    } catch {
      // A file that is not there differs.
    }
    if (onDisk !== content) {
      console.error(`${path} does not match the code: run \`npm run generate\` and commit the result`)
      process.exitCode = 1
    }
  }
}
