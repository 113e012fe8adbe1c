/** One protection of the delivery protocol, taken out of the sources, and how the fault suite must answer. */
export interface Sabotage {
  name: string
  /** What is broken, in a few words. */
  breaks: string
  /** Source file, from the root of the repository. */
  file: string
  /** Text that occurs there exactly once. */
  find: string
  /** What stands there instead. */
  replaceBy: string
  /** Scenarios of the full suite that must notice. */
  scenarios: readonly string[]
  /** What the oracles must say, as in test/faults/oracles.ts. */
  oracle: string
}

const statements = 'src/delivery/sql/ledger-statements.ts'
const recovery = 'src/delivery/recovery.ts'

const lost = 'lost: no terminal record'
const doubled = 'doubled: several terminal records'

/**
 * Each is the smallest change after which one rule of docs/delivery.md does not hold any more. Where a protection has a second one
 * behind it, the scenario is one in which only the first can help.
 */
export const sabotages: readonly Sabotage[] = [
  {
    name: 'settle-fence',
    breaks: 'an outcome is settled without asking for owner and token (rule 8)',
    file: statements,
    find: `    AND l.state = 'CLAIMED' AND l.owner = $1 AND l.token = i.token
  RETURNING i.ordinal`,
    replaceBy: `    AND l.state = 'CLAIMED' AND $1 <> ''
  RETURNING i.ordinal`,
    scenarios: ['late-settle'],
    oracle: 'a terminal record of another outcome than the one that was settled',
  },
  {
    name: 'publish-fence',
    breaks: 'a recovery publishes under a transactional id of its own, which fences nobody (rules 9 and 12a)',
    file: 'src/app-delivery.ts',
    find: 'fence: (id) => openPublisher(id, noSteps)',
    replaceBy: `fence: (id) => openPublisher(\`\${id}-recovery\`, noSteps)`,
    scenarios: ['stop-at-begun'],
    oracle: doubled,
  },
  {
    name: 'payload-hash',
    breaks: 'the same id with another payload passes for a redelivery (rule 5)',
    file: statements,
    find: `l.payload_hash_version = i.hash_version AND l.payload_hash <> decode(i.hash, 'hex') AS mismatch`,
    replaceBy: 'false AS mismatch',
    scenarios: ['other-payload'],
    oracle: 'other dead letters than expected',
  },
  {
    name: 'low-watermark-received',
    breaks: 'offsets are committed as soon as records are received (rule 19)',
    file: 'src/consumers/offset-tracker.ts',
    find: 'return this.#received[this.#head] ?? this.#nextFetch',
    replaceBy: 'return this.#nextFetch',
    scenarios: ['crash-behind-slow'],
    oracle: lost,
  },
  {
    name: 'low-watermark-finished',
    breaks: 'the highest finished offset is committed, not the low watermark (rule 19)',
    file: 'src/consumers/offset-tracker.ts',
    find: 'while (this.#head < this.#received.length && !this.#unfinished.has(this.#received[this.#head] ?? -1)) this.#head++',
    replaceBy: 'this.#head = Math.max(this.#head, this.#received.indexOf(offset) + 1)',
    scenarios: ['crash-behind-slow'],
    oracle: lost,
  },
  {
    name: 'recovery-trusts-the-ledger',
    breaks: 'a recovery takes all that was settled for published (rules 12d to 12f)',
    file: recovery,
    find: `    await steps.reached('scanned')`,
    replaceBy: `    present.push(...missing.values())
    missing.clear()
    await steps.reached('scanned')`,
    scenarios: ['crash-at-settled'],
    oracle: lost,
  },
  {
    name: 'recovery-without-scan',
    breaks: 'a recovery publishes what was settled without reading the log (rule 12d)',
    file: recovery,
    find: '    await completions.scan({ from: await ledger.scanFrom(owner), to, onRecord, signal }) // (d)',
    replaceBy: '',
    scenarios: ['crash-at-committed'],
    oracle: doubled,
  },
  {
    name: 'recovery-visible-end',
    breaks: 'a recovery scans up to the last stable offset, not to the high watermark (rule 12c)',
    file: 'src/events/log-ends.ts',
    find: 'isolationLevel: isolationLevels.readUncommitted',
    replaceBy: 'isolationLevel: isolationLevels.readCommitted',
    scenarios: ['doubt-behind-open-transaction'],
    oracle: doubled,
  },
]
