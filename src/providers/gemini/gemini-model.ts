import { invalidRequest } from '../invalid-request.ts'

/** Generations before 3; every other name, aliases such as `gemini-flash-latest` included, is taken for a newer one. */
const olderModel = /^gemini-([12][.-]|pro$|pro-vision$|robotics-er-1)/

/**
 * The model's place in the address: `models/<name>`, or `tunedModels/<name>` as it is. The name becomes part of an address
 * to which the key goes, so nothing but a plain name passes. @throws INVALID_REQUEST
 */
export function modelPath(model: string, provider: string): string {
  const match = /^(?:(models|tunedModels)\/)?([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/.exec(model)
  if (match?.[2] === undefined) {
    throw invalidRequest(
      provider,
      `The model of provider ${provider} must be a name of letters, digits, dots and dashes; correct providerModel.`,
    )
  }
  return `${match[1] ?? 'models'}/${match[2]}`
}

/** The name without its folder. */
export function bareModel(model: string): string {
  return model.replace(/^(models|tunedModels)\//, '')
}

/**
 * Whether the model is of generation 3 or later: thinking has levels instead of a budget, function calls must come back
 * with their thought signature, and tool results may hold media (ai.google.dev, Gemini 3 developer guide).
 */
export function isGemini3OrLater(model: string): boolean {
  const name = bareModel(model)
  return name.startsWith('gemini-') && !olderModel.test(name)
}

/** Whether the model takes no `systemInstruction`. */
export function isGemma(model: string): boolean {
  return bareModel(model).startsWith('gemma-')
}

/** Whether the model is one of the Imagen family, which has a call of its own. */
export function isImagen(model: string): boolean {
  return bareModel(model).startsWith('imagen-')
}
