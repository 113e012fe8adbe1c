import type { OpenAiDialect } from '../../../../src/providers/openai/openai-dialect.ts'
import { presets } from '../../../../src/providers/presets.ts'

/** The dialect of a preset of the OpenAI family. */
export function dialectOf(name: string): OpenAiDialect {
  const preset = presets.get(name)
  if (preset?.format !== 'openai') throw new Error(`no preset ${name} of OpenAI's format`)
  return preset.dialect
}
