/**
 * What must never reach a log: keys and passwords, prompts and answers. Three nets, as each has holes: fields by name at
 * any depth, secrets of known shape inside any text, and the literal secrets that this process was configured with.
 */

const hidden = '[redacted]'
const maxDepth = 8
const maxTextLength = 4_096

/** Names, in lower case and without separators, of fields that hold a secret. */
const secretNames = new Set([
  'apikey',
  'authorization',
  'proxyauthorization',
  'xapikey',
  'xgoogapikey',
  'cookie',
  'setcookie',
  'password',
  'saslpassword',
  'secret',
  'secrets',
  'accesstoken',
  'refreshtoken',
  'bearer',
  'credentials',
  'privatekey',
])

/** Names of fields that hold what people or models said. */
const contentNames = new Set([
  'prompt',
  'suffix',
  'messages',
  'content',
  'input',
  'inputs',
  'output',
  'outputs',
  'completion',
  'text',
  'texts',
  'refusal',
  'reasoning',
  'toolcalls',
  'arguments',
  'body',
  'value',
  'media',
  'audio',
  'images',
  'bytes',
  'correction',
  'comment',
])

/** Secrets that can be told by their shape: passwords in URLs, authorization values, provider keys. */
const secretShapes: readonly [RegExp, string][] = [
  [/(:\/\/[^\s"'/?#@]*:)[^\s"'/?#]+@/g, `$1${hidden}@`],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${hidden}`],
  [/\b(sk|pk|rk|gsk|xai|AIza)[-_]?[\w-]{16,}/g, hidden],
  [/([?&](?:key|api[-_]?key|access_token|password)=)[^\s&"']+/gi, `$1${hidden}`],
]

/** Met by every text that one of the shapes is in, and by few others: most texts are done after this one look. */
const hint = /:\/\/|bearer|basic|(?:sk|pk|rk|gsk|xai|aiza)[-_]?[\w-]{16}|[?&](?:key|api|access_token|password)/i

/** A copy of log fields with secrets and content taken out, errors unfolded, long texts and deep objects cut short. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactObject(fields, 0)
}

/** A text without secrets of known shape, nor the literal `secrets` in it. Secrets under 6 characters are not looked for. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  const withoutLiterals = secrets
    .filter((secret) => secret.length >= 6)
    .reduce((rest, secret) => rest.replaceAll(secret, hidden), text)
  if (!hint.test(withoutLiterals)) return withoutLiterals
  return secretShapes.reduce((rest, [shape, replacement]) => rest.replace(shape, replacement), withoutLiterals)
}

function redactObject(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redactNamed(name, value, depth)]))
}

/** Counts and flags are let through under any name: `output: 12` is no answer. */
function redactNamed(name: string, value: unknown, depth: number): unknown {
  const plain = plainName(name)
  const harmless = value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean'
  if (!harmless && (secretNames.has(plain) || contentNames.has(plain))) return hidden
  // A fencing token is a number and a token count is too; a token that is text opens a door.
  if (plain === 'token' && typeof value === 'string') return hidden
  return redactValue(value, depth + 1)
}

const plainNames = new Map<string, string>()

/** A name in lower case and without separators. The same few come with every line, so they are kept. */
function plainName(name: string): string {
  let plain = plainNames.get(name)
  if (plain === undefined) {
    plain = name.toLowerCase().replaceAll(/[-_]/g, '')
    if (plainNames.size < 1_000) plainNames.set(name, plain)
  }
  return plain
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    return redactText(value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value)
  }
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (value instanceof Date) return value.toISOString()
  if (depth > maxDepth) return '[deep]'
  if (value instanceof Error) return redactError(value, depth)
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redactValue(item, depth + 1))
  return redactObject(value, depth)
}

/** Only what is known of every error: foreign ones carry requests and answers in fields of their own. */
function redactError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    message: redactValue(error.message, depth),
    ...(error.stack === undefined ? {} : { stack: redactValue(error.stack, depth) }),
    ...(error.cause === undefined ? {} : { cause: redactValue(error.cause, depth + 1) }),
  }
}
