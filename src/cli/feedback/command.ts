import { type Command, InvalidArgumentError } from 'commander'
import type { RunAction } from '../program.ts'
import { type CommandOptions, sendCommand, withCommandOptions } from '../registry/send-command.ts'
import { UsageError } from '../usage-error.ts'

interface FeedbackOptions extends CommandOptions {
  tenant: string
  score?: number
  correction?: string
  comment?: string
}

/** `feedback <request-id>`: what somebody thinks of an answer, sent as a command to the workers. */
export function addFeedbackCommand(program: Command, run: RunAction): void {
  withCommandOptions(
    program.command('feedback').argument('<request-id>').description('say how good the answer to a request was'),
    [
      ['a score', 'feedback my-request --score 0.8'],
      [
        'what the answer should have been, for a tenant',
        'feedback my-request --tenant acme --score 0 --correction "Paris, not Lyon."',
      ],
    ],
  )
    .option('--tenant <tenant>', 'tenant of the request', 'default')
    .option('--score <number>', 'how good it was, 0 to 1; replaces an earlier score of the same user', scoreOf)
    .option('--correction <text>', 'what the answer should have been')
    .option('--comment <text>', 'anything else')
    .action((requestId: string, options: FeedbackOptions) =>
      run(options, (terminal) => {
        const { tenant: requestTenant, score = null, correction = null, comment = null } = options
        if (score === null && correction === null && comment === null) {
          throw new UsageError('Nothing is said about the answer: expected --score, --correction or --comment.')
        }
        const command = { type: 'RecordFeedback' as const, requestId, requestTenant, score, correction, comment }
        return sendCommand(command, options, terminal)
      }),
    )
}

function scoreOf(text: string): number {
  const score = Number(text)
  if (text.trim() === '' || !(score >= 0 && score <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.')
  return score
}
