import type { Command } from 'commander'
import type { RunAction } from '../program.ts'
import { type CommandOptions, sendCommand, withCommandOptions } from '../registry/send-command.ts'

interface CancelOptions extends CommandOptions {
  tenant: string
  reason?: string
}

/** `requests cancel`: asks the workers that a request end CANCELLED. */
export function addCancelCommand(requests: Command, run: RunAction): void {
  withCommandOptions(
    requests
      .command('cancel')
      .argument('<id>')
      .description('end a request CANCELLED, wherever it is: running, waiting, or not there yet'),
    [
      ['end it', 'requests cancel my-request'],
      ['of a tenant, and say why', 'requests cancel my-request --tenant acme --reason "asked by mistake"'],
    ],
  )
    .option('--tenant <tenant>', 'whose request it is', 'default')
    .option('--reason <text>', 'why; goes into the error of the completion')
    .addHelpText('after', '\nThe result is APPLIED, or UNCHANGED when the request has ended already.')
    .action((requestId: string, options: CancelOptions) =>
      run(options, (terminal) => {
        const { tenant: requestTenant, reason = null } = options
        return sendCommand({ type: 'CancelRequest', requestId, requestTenant, reason }, options, terminal)
      }),
    )
}
