/** What the process ends with. Scripts rely on these; docs/cli.md lists them. */
export const exitCodes = {
  /** Done. */
  ok: 0,
  /** It ran, and found problems or was refused. */
  failed: 1,
  /** The command line, a file given to it or the settings are wrong. */
  usage: 2,
  /** Kafka, the schema registry, PostgreSQL or another part is away, or did not answer in time. */
  unavailable: 3,
} as const

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
