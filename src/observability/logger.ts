import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { redactFields, redactText } from './redact.ts'

/** How to log. */
export interface LoggerOptions {
  /** Lowest level that is written. */
  level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Literal secrets of this process (passwords, provider keys), taken out wherever they appear. */
  secrets?: readonly string[]
  /** Fields of every line, for example the worker's id. */
  base?: Readonly<Record<string, unknown>>
  /** Where lines go; standard output by default. */
  destination?: DestinationStream
}

/**
 * A logger that writes one JSON object a line: `level` (a word), `time` (ISO 8601), `msg`, and the fields of the call.
 * Secrets, prompts and answers are taken out on the way. It fits the port `Log` of the model service.
 */
export function createLogger(options: LoggerOptions): Logger {
  const secrets = [...(options.secrets ?? [])]
  // A secret with a quote or a backslash is written escaped.
  const written = [...new Set([...secrets, ...secrets.map((secret) => JSON.stringify(secret).slice(1, -1))])]
  return pino(
    {
      level: options.level,
      base: redactFields(options.base ?? {}),
      timestamp: stdTimeFunctions.isoTime,
      // Fields are unfolded by redactFields, errors included; pino's own error serializer would come after it.
      serializers: { err: (value: unknown) => value },
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      hooks: { streamWrite: (line) => redactText(line, written) },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  )
}

/** Values of the variables that hold secrets, for {@link LoggerOptions.secrets}: provider keys, and passwords by name. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env)
    .filter(([name]) => /^MODEL_KEY_|PASSWORD$|SECRET$/.test(name))
    .map(([, value]) => value ?? '')
    .filter((value) => value !== '')
}
