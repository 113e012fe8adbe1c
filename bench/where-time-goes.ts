/** What a worker's main thread does, read from a CPU profile (the `.cpuprofile` format of V8). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A part of the work and its share of the busy time, 0 to 1. */
export interface TimeShare {
  part: string
  share: number
}

interface CallFrame {
  functionName: string
  url: string
}

/** What is read of a profile; times are in µs. */
export interface CpuProfile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

/** A sample belongs to the first part that its innermost frames name; frames of Node itself belong to whoever called. */
const parts: readonly { part: string; names: RegExp }[] = [
  { part: 'garbage collection on the main thread', names: /^\(garbage collector\)/ },
  {
    part: 'Kafka client: fetching, transactions, record batches',
    names: /node_modules\/kafkajs\/|src\/events\/(kafkajs|crc32c|key-partitioner|transactional)/,
  },
  { part: 'PostgreSQL client: claim, settle, mark', names: /node_modules\/pg|src\/delivery\/(postgres|sql)/ },
  { part: 'HTTP client and provider adapter', names: /node_modules\/undici\/|src\/providers\// },
  {
    part: 'Avro, hashes, event ids, records',
    names: /node_modules\/(avsc|canonicalize)\/|src\/codec\/|src\/events\/|src\/delivery\/outgoing/,
  },
  { part: 'log lines and metrics', names: /node_modules\/(pino|sonic-boom|prom-client)|src\/observability\// },
  { part: 'prices', names: /node_modules\/big\.js|src\/pricing\// },
  {
    part: 'the service: validation, routing, attempts, completion',
    names: /src\/(model-service|routing|reliability|tokens|contract|errors)\//,
  },
  { part: 'consuming and delivery: windows, lanes, batches', names: /src\/(consumers|delivery)\// },
]

/** Names that no part claims: microtasks, timers, sockets without a caller of ours. */
const rest = 'Node itself: microtasks, timers, sockets'

/** The shares, the largest first. The first half of the profile, in which code is compiled, does not count. */
export function timeShares(profile: CpuProfile): TimeShare[] {
  const partOf = partFinder(profile)
  const totals = new Map<string, number>()
  let busy = 0
  for (let index = Math.floor(profile.samples.length / 2); index < profile.samples.length; index++) {
    const part = partOf(profile.samples[index] ?? 0)
    const took = profile.timeDeltas[index] ?? 0
    if (part === undefined) continue
    busy += took
    totals.set(part, (totals.get(part) ?? 0) + took)
  }
  return [...totals].map(([part, took]) => ({ part, share: took / busy })).sort((a, b) => b.share - a.share)
}

/** The newest profile of a folder. */
export function newestProfile(folder: string): CpuProfile {
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .at(-1)
  if (newest === undefined) throw new Error('the worker under test wrote no CPU profile')
  return JSON.parse(readFileSync(join(folder, newest), 'utf8')) as CpuProfile
}

/** Finds the part of a sampled node; undefined while nothing is done. */
function partFinder({ nodes }: CpuProfile): (id: number) => string | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const known = new Map<number, string | undefined>()
  const find = (id: number): string | undefined => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame
      if (frame === undefined) break
      if (frame.functionName === '(idle)') return undefined
      const name = frame.url === '' ? frame.functionName : frame.url
      const found = parts.find(({ names }) => names.test(name))
      if (found !== undefined) return found.part
    }
    return rest
  }
  return (id) => {
    if (!known.has(id)) known.set(id, find(id))
    return known.get(id)
  }
}
