import type { Command } from 'commander'
import type { RunAction } from '../program.ts'
import { addCancelCommand } from './cancel.ts'
import { addEraseCommand } from './erase.ts'
import { addGetCommand } from './get.ts'

/** `requests get|cancel|erase`: single requests, by tenant and id. */
export function addRequestsCommand(program: Command, run: RunAction): void {
  const requests = program.command('requests').description('single requests, by their ids')
  addGetCommand(requests, run)
  addCancelCommand(requests, run)
  addEraseCommand(requests, run)
}
