import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/**
 * `complete <shell>`: prints the script that lets a shell complete commands, options and their choices. The script asks
 * `complete -- <words>`, which reads nothing but the command line's own definition. Call it when all commands are there and
 * settled: it takes over their settings.
 */
export function addCompleteCommand(program: Command): Command {
  tab(program)
  const complete = program.commands.find((command) => command.name() === 'complete')
  if (complete === undefined) throw new TypeError('the completion library has added no command')
  return complete
    .description('print the script that completes commands and options: bash, zsh, fish or powershell')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  # bash, for this session and for all\n' +
        '  $ source <(model-service complete bash)\n' +
        '  $ model-service complete bash > ~/.local/share/bash-completion/completions/model-service\n' +
        '  # zsh, in a folder of $fpath\n' +
        '  $ model-service complete zsh > ~/.zfunc/_model-service\n' +
        '  # fish\n' +
        '  $ model-service complete fish > ~/.config/fish/completions/model-service.fish\n' +
        '\nChoices come from the command line itself; models and topics are not looked up.',
    )
}
