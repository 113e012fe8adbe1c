/**
 * The tables of docs/providers.md: what each wire format can do, as its adapter declares it, and whether a contract test
 * holds it; and the presets with what sets them apart.
 */
import { globSync, readFileSync } from 'node:fs'
import { type ProviderFeature, type ProviderFeatures, providerFeatures } from '../src/providers/features.ts'
import { type Preset, presetFeatures, presets, type WireFormat } from '../src/providers/presets.ts'

type Format = WireFormat['format']
type Table = { headings: string[]; rows: string[][] }

const features = Object.keys(providerFeatures) as ProviderFeature[]
/** The preset after which a format is named, and in whose words it is documented. */
const formats: readonly Format[] = ['openai', 'anthropic', 'gemini', 'ollama']
const titles: Readonly<Record<Format, string>> = {
  openai: 'OpenAI',
  anthropic: 'Anthropic',
  gemini: 'Gemini',
  ollama: 'Ollama',
}

/** A row a feature, a column a format. @throws Error when a test names a feature that its format does not declare */
export function featureTable(): Table {
  const held = heldFeatures(new URL('../test/contract/', import.meta.url))
  const rows = features.map((feature) => [
    providerFeatures[feature],
    ...formats.map((format) => cell(format, feature, held.has(`${format} ${feature}`))),
  ])
  return { headings: ['', ...formats.map((format) => titles[format])], rows }
}

/** A row a preset. What OpenAI itself has and a relative lacks, or the other way round, is named. */
export function presetTable(): Table {
  const rows = [...presets.values()].map((preset) => [
    `\`${preset.name}\``,
    titles[preset.format],
    preset.baseUrl === null ? 'yours' : `\`${preset.baseUrl}\``,
    preset.keyReferences.length === 0 ? 'none' : preset.keyReferences.map((name) => `\`${name}\``).join(' or '),
    differences(preset),
  ])
  return { headings: ['kind', 'format', 'base address', 'key', 'what sets it apart'], rows }
}

/** `format feature` of every `holds(…)` in the tests; they are read, not run, so format and feature must be literals. */
export function heldFeatures(directory: URL): ReadonlySet<string> {
  const held = new Set<string>()
  for (const file of globSync('**/*.test.ts', { cwd: directory })) {
    const source = readFileSync(new URL(file, directory), 'utf8')
    for (const [, format = '', feature = ''] of source.matchAll(/\bholds\(\s*'([^']+)',\s*'([^']+)'/g)) {
      if (!isDeclared(format, feature)) {
        throw new Error(
          `${file} holds ${feature} of ${format}, which declares no such feature: declare it or drop the test`,
        )
      }
      held.add(`${format} ${feature}`)
    }
  }
  return held
}

function isDeclared(format: string, feature: string): boolean {
  return presetsOf(format).some((preset) => presetFeatures(preset)[feature as ProviderFeature])
}

function cell(format: Format, feature: ProviderFeature, isHeld: boolean): string {
  const declaring = presetsOf(format).filter((preset) => presetFeatures(preset)[feature])
  if (declaring.length === 0) return '–'
  const isItsOwn = declaring.some(({ name }) => name === format)
  return `${isItsOwn ? 'yes' : 'relatives'}${isHeld ? '' : ', untested'}`
}

function differences(preset: Preset): string {
  const own = presets.get(preset.format)
  if (own === undefined || own === preset) return ''
  const [theirs, ours] = [presetFeatures(own), presetFeatures(preset)]
  const words = [listed('without', theirs, ours), listed('with', ours, theirs)]
  return words.filter((word) => word !== '').join('; ')
}

/** Features of the one that the other lacks. */
function listed(word: string, has: ProviderFeatures, lacks: ProviderFeatures): string {
  const names = features.filter((feature) => has[feature] && !lacks[feature])
  // Where a whole type of request is missing, its details go without saying.
  const spared = names.filter((name) => !(name === 'embeddingDimensions' && names.includes('embeddings')))
  const told = spared.map((name) => providerFeatures[name].replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase()))
  return told.length === 0 ? '' : `${word} ${told.join(', ')}`
}

function presetsOf(format: string): Preset[] {
  return [...presets.values()].filter((preset) => preset.format === format)
}
