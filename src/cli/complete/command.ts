import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { UsageError } from '../usage-error.ts'
import { expectsFile } from './expects-file.ts'

const shells = ['bash', 'zsh', 'fish', 'powershell']

/** The library's way to say that the shell shall complete as it does by itself, which is with names of files. */
const filesDirective = ':0'

/**
 * `complete <shell>`: prints the script that lets a shell complete commands, options and their choices. The script asks
 * `complete -- <words>`, which reads nothing but the command line's own definition. Call it when all commands are there.
 */
export function addCompleteCommand(program: Command): Command {
  const root = tab(program)
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
    .action((shell: string | undefined) => {
      const words = wordsToComplete(program)
      // The library prints by console.log, and so does this: both are one output.
      if (words !== null) {
        if (expectsFile(program, words)) console.log(filesDirective)
        else root.parse(words)
        return
      }
      if (shell === undefined || !shells.includes(shell)) {
        throw new UsageError(`complete needs the name of a shell: expected one of ${shells.join(', ')}.`)
      }
      root.setup('model-service', 'model-service', shell)
      // Its registration for bash does not let names of files through, whatever the answer is.
      if (shell === 'bash') console.log('complete -o default -o bashdefault -F __model_service_complete model-service')
    })
}

/** What stands behind `complete --`; null where it is not asked so. */
function wordsToComplete(program: Command): string[] | null {
  const { rawArgs } = program as Command & { rawArgs: string[] }
  const at = rawArgs.indexOf('complete')
  return rawArgs[at + 1] === '--' ? rawArgs.slice(at + 2) : null
}
