import type { Command } from 'commander'
import { defaultTenant } from '../../contract/limits.ts'

/** Adds `--tenant`: a request is known by tenant and id together. */
export function withTenantOption(command: Command): Command {
  return command.option('--tenant <id>', 'whose request it is', defaultTenant)
}
