import { asObject, parseJson } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { inCamelCase } from './in-camel-case.ts'
import { reservedFields } from './reserved-fields.ts'

/**
 * Adds the caller's provider options to a body; the fields of `generationConfig` one by one, so that some may be ours and
 * some the caller's. Google reads `generation_config` as `generationConfig`, so names are compared in that form.
 * @throws INVALID_REQUEST for a reserved or already set field, or a value that is not JSON
 */
export function mergeGeminiOptions(
  body: Record<string, unknown>,
  options: Readonly<Record<string, string>>,
  reservedConfig: ReadonlySet<string>,
  provider: string,
): Record<string, unknown> {
  const { generationConfig: configText, ...others } = inCamelCase(options)
  const merged = mergeProviderOptions({ body, options: others, reserved: reservedFields, provider })
  if (configText === undefined) return merged
  const config = asObject(parseJson(configText))
  if (config === undefined) {
    throw invalidRequest(provider, 'providerOptions.generationConfig must be the JSON text of an object.')
  }
  const added = Object.entries(inCamelCase(config)).map(([name, value]) => [name, JSON.stringify(value)])
  merged['generationConfig'] = mergeProviderOptions({
    body: asObject(body['generationConfig']) ?? {},
    options: Object.fromEntries(added),
    reserved: reservedConfig,
    provider,
  })
  return merged
}
