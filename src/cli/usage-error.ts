/** The command line, or a file given to it, is wrong; ends with exit code 2. The message says what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
