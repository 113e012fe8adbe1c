import type { Command } from 'commander'
import type { RunAction } from '../program.ts'
import { addCancelCommand } from './cancel.ts'

/** `requests`: what can be done about single requests. */
export function addRequestsCommand(program: Command, run: RunAction): void {
  const requests = program.command('requests').description('single requests, by their ids')
  addCancelCommand(requests, run)
}
