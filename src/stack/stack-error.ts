/** Every code a {@link StackError} can carry. */
export const stackErrorCodes = [
  'STACK_PLATFORM_UNSUPPORTED',
  'STACK_OPTIONS_INVALID',
  'STACK_JAVA_MISSING',
  'STACK_MAVEN_MISSING',
  'STACK_POSTGRES_MISSING',
  'STACK_PYTHON_MISSING',
  'STACK_DOCKER_MISSING',
  'STACK_OFFLINE_CACHE_MISS',
  'STACK_DOWNLOAD_FAILED',
  'STACK_CHECKSUM_MISMATCH',
  'STACK_WEIGHTS_REQUIRED',
  'STACK_PART_FAILED',
  'STACK_BUSY',
  'STACK_ABORTED',
] as const

/** What went wrong while bringing up or taking down the local stack. */
export type StackErrorCode = (typeof stackErrorCodes)[number]

/** An error of the local stack: `message` says what was wrong, `hint` what to do about it. Match on `code`. */
export class StackError extends Error {
  readonly code: StackErrorCode
  readonly hint: string

  constructor(code: StackErrorCode, message: string, hint: string, cause?: unknown) {
    super(hint === '' ? message : `${message}\n${hint}`, cause === undefined ? undefined : { cause })
    this.name = 'StackError'
    this.code = code
    this.hint = hint
  }
}

/** The ways out that every error about a missing tool for Kafka or the registry names. */
export const waysOutWithoutJava = [
  'Ways out: install Java 17 or later and Maven (Debian: apt install openjdk-17-jre-headless maven; macOS: brew install openjdk maven);',
  'or use Docker (--backend compose; MODEL_SERVICE_TEST_BACKEND=compose for npm test); or give addresses of running ones in MODEL_SERVICE_TEST_KAFKA_BROKERS and',
  'MODEL_SERVICE_TEST_SCHEMA_REGISTRY_URL.',
].join(' ')
