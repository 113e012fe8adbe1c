import type { SamplingParameters } from '../../contract/types.ts'
import { asObject, parseJson } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { reservedFields } from './reserved-fields.ts'

/** A body without its `options`, and what they are made of. */
export interface OptionsMerge {
  body: Readonly<Record<string, unknown>>
  /** Null where nothing is drawn, as in embeddings. */
  sampling: SamplingParameters | null
  providerOptions: Readonly<Record<string, string>>
  provider: string
}

/**
 * The body with its `options` (docs/api.md and api/types.go of github.com/ollama/ollama) and the caller's provider
 * options. Those may hold an `options` object of their own, for example with `num_ctx`, and it too may only add.
 * @throws INVALID_REQUEST
 */
export function withOptions({ body, sampling, providerOptions, provider }: OptionsMerge): Record<string, unknown> {
  const { options: given, ...others } = providerOptions
  const own = sampling === null ? {} : toOptions(sampling)
  const options = given === undefined ? own : addGiven(own, given, provider)
  const whole = Object.keys(options).length === 0 ? body : { ...body, options }
  return mergeProviderOptions({ body: whole, options: others, reserved: reservedFields, provider })
}

function toOptions(sampling: SamplingParameters): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  if (sampling.maxOutputTokens !== null) options['num_predict'] = sampling.maxOutputTokens
  if (sampling.temperature !== null) options['temperature'] = sampling.temperature
  if (sampling.topP !== null) options['top_p'] = sampling.topP
  if (sampling.topK !== null) options['top_k'] = sampling.topK
  if (sampling.frequencyPenalty !== null) options['frequency_penalty'] = sampling.frequencyPenalty
  if (sampling.presencePenalty !== null) options['presence_penalty'] = sampling.presencePenalty
  if (sampling.seed !== null) options['seed'] = sampling.seed
  if (sampling.stop.length > 0) options['stop'] = sampling.stop
  return options
}

function addGiven(own: Readonly<Record<string, unknown>>, json: string, provider: string): Record<string, unknown> {
  const given = asObject(parseJson(json))
  if (given === undefined) {
    throw invalidRequest(
      provider,
      'providerOptions.options must be the JSON text of an object, for example {"num_ctx":8192}.',
    )
  }
  const taken = Object.keys(given).find((name) => Object.hasOwn(own, name))
  if (taken === undefined) return { ...given, ...own }
  throw invalidRequest(
    provider,
    `providerOptions.options may not set \`${taken}\`, which \`sampling\` sets; leave one out.`,
  )
}
