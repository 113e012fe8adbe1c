import { createHash } from 'node:crypto'
import { DoubleError } from './double-error.ts'
import { type RequestFields, requiredText, roughTokenCount } from './request-fields.ts'
import { smallPng } from './small-png.ts'

/** Length of vectors when the request does not choose one. */
const usualDimensions = 64

/** The body of `/v1/embeddings`: vectors of length 1 that follow from the texts alone. @throws DoubleError 400 */
export function answerEmbedding(model: string, fields: RequestFields): object {
  const input = fields['input']
  const texts = typeof input === 'string' ? [input] : input
  if (!Array.isArray(texts) || texts.length === 0 || texts.length > 2048 || !texts.every(isFilled)) {
    throw new DoubleError(400, "Invalid 'input': 1 to 2048 non-empty strings were expected.", { param: 'input' })
  }
  const dimensions = fields['dimensions'] ?? usualDimensions
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 1 || dimensions > 4096) {
    throw new DoubleError(400, "Invalid 'dimensions'.", { param: 'dimensions' })
  }
  const asBase64 = fields['encoding_format'] === 'base64'
  const tokens = texts.reduce((sum: number, text: string) => sum + roughTokenCount(text), 0)
  return {
    object: 'list',
    data: texts.map((text: string, index) => {
      const vector = vectorOf(text, dimensions)
      return { object: 'embedding', index, embedding: asBase64 ? toBase64(vector) : [...vector] }
    }),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

/** The body of `/v1/images/generations`: real PNG pictures. @throws DoubleError 400 */
export function answerImages(fields: RequestFields): object {
  const prompt = requiredText(fields, 'prompt')
  const count = fields['n'] ?? 1
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > 10) {
    throw new DoubleError(400, "Invalid 'n': 1 to 10 was expected.", { param: 'n' })
  }
  const tokens = roughTokenCount(prompt)
  return {
    created: Math.floor(Date.now() / 1000),
    data: Array.from({ length: count }, (_, index) => ({
      b64_json: smallPng(`${index}:${prompt}`).toString('base64'),
      revised_prompt: `[double] ${prompt.slice(0, 400)}`,
    })),
    usage: {
      input_tokens: tokens,
      output_tokens: 64 * count,
      total_tokens: tokens + 64 * count,
      input_tokens_details: { text_tokens: tokens, image_tokens: 0 },
    },
  }
}

/** The body of `/v1/audio/transcriptions` and `…/translations`. @throws DoubleError 400 */
export function answerAudio(fields: RequestFields, task: 'transcribe' | 'translate'): object {
  const file = fields['file']
  if (!(file instanceof File) || file.size === 0) {
    throw new DoubleError(400, "Missing parameter: 'file'; a non-empty recording was expected.", { param: 'file' })
  }
  const seconds = Math.max(1, Math.round(file.size / 32_000))
  const text = `[double] ${task === 'translate' ? 'Translation' : 'Transcript'} of ${file.size} bytes.`
  const format = fields['response_format'] ?? 'json'
  const usage = { type: 'duration', seconds }
  if (format === 'json') return { text, usage }
  if (format !== 'verbose_json') {
    throw new DoubleError(400, "Invalid 'response_format': json or verbose_json was expected.", {
      param: 'response_format',
    })
  }
  const granularities = fields['timestamp_granularities[]']
  const wantsWords = Array.isArray(granularities) && granularities.includes('word')
  const words = text.split(' ')
  const step = seconds / words.length
  return {
    task,
    language: 'english',
    duration: seconds,
    text,
    segments: [{ id: 0, seek: 0, start: 0, end: seconds, text, tokens: [], temperature: 0 }],
    ...(wantsWords && { words: words.map((word, i) => ({ word, start: i * step, end: (i + 1) * step })) }),
    usage,
  }
}

function isFilled(text: unknown): text is string {
  return typeof text === 'string' && text !== ''
}

function vectorOf(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions)
  for (let block = 0; block * 8 < dimensions; block += 1) {
    const digest = createHash('sha256').update(`${block}:${text}`).digest()
    for (let i = 0; i < 8 && block * 8 + i < dimensions; i += 1) {
      vector[block * 8 + i] = digest.readInt32LE(i * 4) / 2 ** 31
    }
  }
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}

/** Little-endian 32 bit floats, one after the other, in base64: OpenAI's compact form. */
function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4)
  })
  return bytes.toString('base64')
}
