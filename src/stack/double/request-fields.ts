import { isJsonObject } from '../../contract/json-object.ts'
import { DoubleError } from './double-error.ts'

/** The fields of a request body: parsed JSON, or a form, whose files are {@link File}. */
export type RequestFields = Record<string, unknown>

/** Reads a JSON body. @throws DoubleError 400 */
export function parseJsonFields(body: Buffer): RequestFields {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    throw new DoubleError(400, 'We could not parse the JSON body of your request.')
  }
  if (!isJsonObject(parsed)) {
    throw new DoubleError(400, 'The body of the request must be a JSON object.')
  }
  return parsed
}

/** Reads a multipart form. Fields that come several times (`name[]`) become lists. @throws DoubleError 400 */
export async function parseFormFields(body: Buffer, contentType: string): Promise<RequestFields> {
  if (!contentType.startsWith('multipart/form-data')) {
    throw new DoubleError(400, 'This endpoint takes multipart/form-data.')
  }
  const fields: RequestFields = {}
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
    for (const name of new Set(form.keys())) {
      fields[name] = name.endsWith('[]') ? form.getAll(name) : form.get(name)
    }
  } catch {
    throw new DoubleError(400, 'Could not parse multipart form.')
  }
  return fields
}

/** The text of a required field. @throws DoubleError 400 */
export function requiredText(fields: RequestFields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string' && value !== '') return value
  throw new DoubleError(400, `Missing or invalid parameter: '${name}'; a non-empty string was expected.`, {
    param: name,
    code: value === undefined ? 'missing_required_parameter' : 'invalid_type',
  })
}

/** A rough count of tokens: four characters each, at least one. */
export function roughTokenCount(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4))
}
