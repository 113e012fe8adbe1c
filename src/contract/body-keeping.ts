/**
 * What the request log keeps of requests and completions: `full` their wire-format bytes; `hash` the SHA-256 of these bytes,
 * so that a record can be proved to be unchanged; `none` nothing.
 */
export const bodyKeepings = ['full', 'hash', 'none'] as const

/** See {@link bodyKeepings}. */
export type BodyKeeping = (typeof bodyKeepings)[number]
