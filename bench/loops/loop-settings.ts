/** What the loops of the benchmark are told, by environment variables that the run sets. */
export interface LoopSettings {
  brokers: string[]
  schemaRegistryUrl: string
  groupId: string
  requestsTopic: string
  resultsTopic: string
  providerUrl: string
  inFlight: number
  partitionCount: number
}

/** Reads them. @throws Error when one is missing */
export function loopSettings(env: Readonly<Record<string, string | undefined>> = process.env): LoopSettings {
  const read = (name: string): string => {
    const value = env[name]
    if (value === undefined) throw new Error(`${name} is not set; the loops are started by scripts/bench.ts`)
    return value
  }
  return {
    brokers: read('BENCH_BROKERS').split(','),
    schemaRegistryUrl: read('BENCH_SCHEMA_REGISTRY_URL'),
    groupId: read('BENCH_GROUP_ID'),
    requestsTopic: read('BENCH_REQUESTS_TOPIC'),
    resultsTopic: read('BENCH_RESULTS_TOPIC'),
    providerUrl: read('BENCH_PROVIDER_URL'),
    inFlight: Number(read('BENCH_IN_FLIGHT')),
    partitionCount: Number(read('BENCH_PARTITION_COUNT')),
  }
}
