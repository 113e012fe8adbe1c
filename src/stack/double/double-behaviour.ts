/**
 * How the protocol double misbehaves on demand. The *model name* of a request chooses it, so that a test can ask for it
 * through any path that leads to the double. Every name that is not in the table gets a normal answer.
 *
 * | model name | what happens |
 * | --- | --- |
 * | `double-status-<code>` | the HTTP status, with OpenAI's error envelope for it; 429 carries `retry-after: 1` |
 * | `double-status-<code>-html` | the HTTP status with an HTML body, as gateways send it |
 * | `double-quota` | 429 `insufficient_quota`, which waiting does not cure |
 * | `double-context-length` | 400 `context_length_exceeded` |
 * | `double-content-filter` | 400 `content_filter`, the prompt refused |
 * | `double-filtered-answer` | 200 with finish reason `content_filter` and no text |
 * | `double-refusal` | 200 with `message.refusal` and finish reason `stop` |
 * | `double-length` | 200 with finish reason `length` |
 * | `double-tool` | 200 with a call of the first tool of the request |
 * | `double-garbage` | 200 with a body that is not JSON; in a stream, a chunk that is not JSON |
 * | `double-empty` | 200 with `{}` |
 * | `double-timeout` | no answer, ever; the connection stays open |
 * | `double-reset` | the connection is reset before any answer |
 * | `double-delay-<ms>` | a normal answer after that many ms |
 * | `double-fail-<n>-<label>` | the first n calls with exactly this name get 500, later ones a normal answer |
 * | `double-cut-stream` | a stream whose connection breaks after two pieces |
 * | `double-stall-stream` | a stream that falls silent after two pieces |
 * | `double-no-done` | a stream that ends without finish reason and `[DONE]` |
 * | `double-stream-error` | a stream with an error event after two pieces |
 *
 * The stream behaviours answer normally where no stream was asked for, but for `double-cut-stream`, which then breaks
 * the connection in the middle of the body.
 */
export type DoubleBehaviour =
  | { kind: 'NORMAL' }
  | { kind: 'STATUS'; status: number; html: boolean }
  | { kind: 'FAIL_FIRST'; count: number }
  | { kind: 'DELAY'; delayMs: number }
  | { kind: (typeof namedBehaviours)[number] }

const namedBehaviours = [
  'QUOTA',
  'CONTEXT_LENGTH',
  'CONTENT_FILTER',
  'FILTERED_ANSWER',
  'REFUSAL',
  'LENGTH',
  'TOOL',
  'GARBAGE',
  'EMPTY',
  'TIMEOUT',
  'RESET',
  'CUT_STREAM',
  'STALL_STREAM',
  'NO_DONE',
  'STREAM_ERROR',
] as const

/** Longest delay that can be asked for, in ms. */
const longestDelayMs = 600_000

/** The behaviour that a model name asks for. */
export function behaviourOf(model: string): DoubleBehaviour {
  const status = /^double-status-([2-5]\d\d)(-html)?$/.exec(model)
  if (status) return { kind: 'STATUS', status: Number(status[1]), html: status[2] !== undefined }
  const delay = /^double-delay-(\d{1,6})$/.exec(model)
  if (delay) return { kind: 'DELAY', delayMs: Math.min(Number(delay[1]), longestDelayMs) }
  const fail = /^double-fail-(\d{1,6})-/.exec(model)
  if (fail) return { kind: 'FAIL_FIRST', count: Number(fail[1]) }
  const kind = namedBehaviours.find((name) => model === `double-${name.toLowerCase().replaceAll('_', '-')}`)
  return kind === undefined ? { kind: 'NORMAL' } : { kind }
}
