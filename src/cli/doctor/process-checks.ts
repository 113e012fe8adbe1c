/** What is looked at without asking anybody: Node, the settings, the folder of secrets. */
import { readFileSync, statSync } from 'node:fs'
import { misspeltSettings } from '../../config/misspelt-settings.ts'
import type { DoctorContext } from './doctor-context.ts'
import { type Check, type Finding, failure, fine, warning } from './finding.ts'
import { judgeNode } from './judge.ts'

/** Checks of this process and its settings. */
export function processChecks(context: DoctorContext): Check[] {
  return [
    { name: 'node', run: async () => [judgeNode(process.version, engines())] },
    { name: 'settings', run: async () => checkSettings(context) },
  ]
}

function checkSettings({ env, settings, problems }: DoctorContext): Finding[] {
  const findings = problems.map((problem) => failure(problem, 'docs/configuration.md lists all settings.'))
  for (const { given, meant } of misspeltSettings(env)) {
    findings.push(warning(`${given} is not a setting`, `Did you mean ${meant}?`))
  }
  const secretsDir = settings.models?.secretsDir ?? null
  if (secretsDir !== null && statSync(secretsDir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    findings.push(failure('SECRETS_DIR is no folder that can be read', 'Mount it, or correct the path.'))
  }
  return findings.length > 0 ? findings : [fine('all settings are valid')]
}

/** The versions of Node that package.json asks for; src/cli/doctor and dist/cli/doctor lie three levels below it. */
function engines(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const found = typeof content === 'object' && content !== null && 'engines' in content ? content.engines : null
  return typeof found === 'object' && found !== null && 'node' in found ? String(found.node) : ''
}
