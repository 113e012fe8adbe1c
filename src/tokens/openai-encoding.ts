/** The vocabularies of OpenAI's models: cl100k for the generation of GPT-4 and its embeddings, o200k for all later ones. */
export type OpenAiEncoding = 'cl100k_base' | 'o200k_base'

/** Kinds of provider that serve OpenAI's models under OpenAI's names. */
const openAiKinds: readonly string[] = ['openai', 'azure-openai']

/**
 * Which vocabulary a model uses, by OpenAI's own table (tiktoken, model.py); null for models whose vocabulary is another one or
 * not known. Elsewhere OpenAI's models are called openai/NAME. gpt-oss has o200k_harmony: o200k_base but for its marks.
 */
export function openAiEncoding(kind: string, model: string): OpenAiEncoding | null {
  const name = openAiKinds.includes(kind) ? model.replace(/^openai\//, '') : /^openai\/(.+)/.exec(model)?.[1]
  if (name === undefined) return null
  if (/^(gpt-3\.5|gpt-4(?![.o\d])|text-embedding-|(babbage|davinci)-002)/.test(name)) return 'cl100k_base'
  if (/^(gpt-oss-|gpt-[4-9]|gpt-\d\d|chatgpt-|o[1-9])/.test(name)) return 'o200k_base'
  return null
}
