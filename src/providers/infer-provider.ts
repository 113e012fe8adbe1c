/** Beginnings of model names, and the provider to which they belong; the first that fits counts. */
const prefixes: readonly (readonly [RegExp, string])[] = [
  [
    /^(gpt-(?!oss)|chatgpt-|text-embedding-|text-davinci-|text-moderation-|dall-e|whisper-|tts-|davinci-|babbage-)/,
    'openai',
  ],
  [/^o[1-9](-|$)/, 'openai'],
  [/^claude-/, 'anthropic'],
  [/^(gemini-|imagen-)/, 'gemini'],
  [/^(command-|command$|embed-english-|embed-multilingual-|c4ai-)/, 'cohere'],
  [/^((open-)?mistral-|(open-)?mixtral-|codestral-|ministral-|pixtral-|magistral-|devstral-|voxtral-)/, 'mistral'],
  [/^deepseek-/, 'deepseek'],
  [/^grok-/, 'xai'],
  [/^text-/, 'openai'],
]

/**
 * Name of the provider to which a model name belongs by its beginning, or null. The name is given even where no adapter
 * exists yet, so that the error can say which provider is missing.
 */
export function inferProvider(model: string): string | null {
  const name = model.toLowerCase()
  return prefixes.find(([prefix]) => prefix.test(name))?.[1] ?? null
}
