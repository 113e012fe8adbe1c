/**
 * Default parameters of models and routes: names to JSON texts. A name of ours fills the field of the request that is empty;
 * any other goes to the provider's options under the request's own.
 */
import type { ModelRequest, SamplingParameters } from '../contract/types.ts'

type Input = ModelRequest['input']
type ParameterKind = 'number' | 'integer' | 'string' | 'strings'

const samplingParameters = {
  temperature: 'number',
  topP: 'number',
  topK: 'integer',
  frequencyPenalty: 'number',
  presencePenalty: 'number',
  seed: 'integer',
  stop: 'strings',
  maxOutputTokens: 'integer',
} as const satisfies Record<keyof SamplingParameters, ParameterKind>

/** Names of ours outside of sampling, all of which are null when the request says nothing. */
const fieldParameters = {
  dimensions: 'integer',
  size: 'string',
  quality: 'string',
  style: 'string',
  background: 'string',
  outputFormat: 'string',
  language: 'string',
} as const satisfies Record<string, ParameterKind>

/** Why a parameter cannot be used, or null when it can. */
export function parameterProblem(name: string, json: string): string | null {
  const value = parse(json)
  if (value === undefined) return 'is not a JSON text'
  const kind = kindOf(name)
  if (kind === undefined || isOfKind(value, kind)) return null
  return `must be ${kind === 'strings' ? 'a list of strings' : kind === 'integer' ? 'an integer' : `a ${kind}`}`
}

/** The input with the parameters under what it says itself; of several lists the first that has a name wins. */
export function applyParameters<TInput extends Input>(input: TInput, lists: readonly Record<string, string>[]): TInput {
  let filled: Input = input
  for (const list of lists) {
    for (const [name, json] of Object.entries(list)) filled = applyParameter(filled, name, json)
  }
  return filled as TInput
}

function applyParameter(input: Input, name: string, json: string): Input {
  const kind = kindOf(name)
  if (kind === undefined) {
    if (Object.hasOwn(input.providerOptions, name)) return input
    return { ...input, providerOptions: { ...input.providerOptions, [name]: json } }
  }
  const value = parse(json)
  if (!isOfKind(value, kind)) return input
  if ('sampling' in input && Object.hasOwn(samplingParameters, name)) {
    return { ...input, sampling: fillEmpty(input.sampling, name, value) }
  }
  // A name of ours that this type of request does not have is meant for the model's other capabilities.
  return fillEmpty(input, name, value)
}

function fillEmpty<TRecord extends object>(record: TRecord, name: string, value: unknown): TRecord {
  if (!Object.hasOwn(record, name)) return record
  const present: unknown = Object.entries(record).find(([key]) => key === name)?.[1]
  const isEmpty = present === null || (Array.isArray(present) && present.length === 0)
  return isEmpty ? { ...record, [name]: value } : record
}

function kindOf(name: string): ParameterKind | undefined {
  const kinds: Record<string, ParameterKind> = { ...samplingParameters, ...fieldParameters }
  return Object.hasOwn(kinds, name) ? kinds[name] : undefined
}

function isOfKind(value: unknown, kind: ParameterKind): boolean {
  switch (kind) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'integer':
      return Number.isSafeInteger(value)
    case 'string':
      return typeof value === 'string'
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
    default:
      return kind satisfies never
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
