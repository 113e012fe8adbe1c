import { attemptsToText } from '../codec/attempts-text.ts'
import { maxAttemptsPerClaim } from '../contract/limits.ts'
import type { Attempt } from '../contract/types.ts'
import { performanceSamples, qualityOf } from '../performance/performance-sample.ts'
import type { ClaimRequest, MarkRequest, ReleaseRequest, SettleRequest } from './ledger.ts'
import type { RequestKey } from './request-key.ts'

/** Orders a batch by its keys, byte by byte as the database does, so that two batches lock rows in the same order. */
export function byKey(left: RequestKey, right: RequestKey): number {
  if (left.tenant !== right.tenant) return left.tenant < right.tenant ? -1 : 1
  if (left.requestId === right.requestId) return 0
  return left.requestId < right.requestId ? -1 : 1
}

/** Turns batches into the parallel arrays that the statements in sql/ledger-statements.ts take. */
export const batchParameters = {
  keys: (batch: readonly RequestKey[]) => [batch.map((item) => item.tenant), batch.map((item) => item.requestId)],

  marks: (batch: readonly MarkRequest[]) => [...batchParameters.keys(batch), batch.map((item) => item.token)],

  ownedKeys: (owner: string, batch: readonly RequestKey[]) => [owner, ...batchParameters.keys(batch)],

  tokens: (owner: string, batch: readonly (RequestKey & { token: number })[]) => [
    ...batchParameters.ownedKeys(owner, batch),
    batch.map((item) => item.token),
  ],

  claims: (owner: string, epoch: number, batch: readonly ClaimRequest[]) => [
    ...hashedKeys(owner, batch),
    batch.map((item) => item.onUncertain),
    batch.map((item) => item.source.topic),
    batch.map((item) => item.source.partition),
    batch.map((item) => item.source.offset),
    batch.map((item) => item.retry),
    batch.map((item) => Math.max(0, ...item.attempts.map(({ number }) => number))),
    batch.map((item) => storedAttempts(item.attempts)),
    epoch,
  ],

  takeOver: (owner: string, epoch: number, batch: readonly ClaimRequest[], adopt: readonly boolean[]) => [
    ...hashedKeys(owner, batch),
    adopt,
    batch.map((item) => item.retry),
    batch.map((item) => item.inPlace),
    maxAttemptsPerClaim,
    epoch,
  ],

  release: (owner: string, batch: readonly ReleaseRequest[]) => [
    ...batchParameters.tokens(owner, batch),
    batch.map((item) => item.attemptCount),
  ],

  findSettled: (owner: string, batch: readonly SettleRequest[]) => [
    ...batchParameters.tokens(owner, batch),
    batch.map((item) => (item.outcome === null ? item.retry : null)),
  ],

  /** `hasLog` false leaves the request log out, and with it every value that a row of it could be refused for. */
  settle: (owner: string, batch: readonly SettleRequest[], hasLog: boolean) => {
    const bytes = new ByteParameter()
    const outcomes = batch.map((item) => bytes.add(item.outcome))
    const requests = batch.map((item) => bytes.add(hasLog ? item.bodies.request : null))
    const completions = batch.map((item) => bytes.add(hasLog ? item.bodies.completion : null))
    const logs = batch.map((item) => (hasLog ? item.log : null))
    const samples = logs.flatMap((log, index) =>
      log === null ? [] : performanceSamples(log).map((sample) => ({ ...sample, ordinal: index + 1 })),
    )
    const retried = batch.map((item) => (item.retry === null ? null : storedAttempts(item.attempts)))
    return [
      owner,
      bytes.value(),
      ...batchParameters.keys(batch),
      batch.map((item) => item.token),
      batch.map((item) => item.log?.status ?? null),
      ...[outcomes, requests, completions].flatMap((slices) => [
        slices.map((slice) => slice?.at ?? null),
        slices.map((slice) => slice?.length ?? null),
      ]),
      logs.map((log) => log?.startedAt ?? null),
      logs.map((log) => log?.finishedAt ?? null),
      logs.map((log) => log?.durationMs ?? null),
      logs.map((log) => log?.requestType ?? null),
      logs.map((log) => storable(log?.taskType)),
      logs.map((log) => storable(log?.model)),
      logs.map((log) => storable(log?.provider)),
      logs.map((log) => storable(log?.errorCode)),
      logs.map((log) => log?.attemptCount ?? null),
      logs.map((log) => log?.registryVersion ?? null),
      logs.map((log) => (log?.usage ? JSON.stringify(log.usage) : null)),
      logs.map((log) => log?.cost?.amount ?? null),
      logs.map((log) => log?.cost?.currency ?? null),
      logs.map((log) => storable(log?.cost?.unknownReason)),
      logs.map((log) => storable(log?.cost?.priceSource)),
      logs.map((log) => storable(log?.cost?.priceCardVersion)),
      logs.map((log) => log?.source?.topic ?? null),
      logs.map((log) => log?.source?.partition ?? null),
      logs.map((log) => log?.source?.offset ?? null),
      logs.map((log) => qualityOf(log?.confidence ?? null)),
      batch.map((item) => hasLog && item.log !== null),
      batch.map((item) => item.bodies.areHashes === true),
      batch.map((item) => item.retry),
      batch.map((item) => item.attemptCount),
      retried,
      samples.map(({ ordinal }) => ordinal),
      samples.map(({ model }) => storable(model)),
      samples.map(({ taskType }) => storable(taskType)),
      samples.map(({ currency }) => storable(currency)),
      samples.map(({ cost }) => cost),
      samples.map(({ isSuccess }) => isSuccess),
    ]
  },
}

function storedAttempts(attempts: readonly Attempt[]): string | null {
  return attempts.length === 0 ? null : attemptsToText(attempts)
}

function hashedKeys(owner: string, batch: readonly ClaimRequest[]) {
  const hashes = batch.map((item) => parseHash(item.payloadHash))
  return [
    ...batchParameters.ownedKeys(owner, batch),
    hashes.map((hash) => hash.hex),
    hashes.map((hash) => hash.version),
  ]
}

/** Takes `v1:…` apart. Hashes of different versions cannot be compared and never count as a mismatch. */
function parseHash(payloadHash: string): { version: number; hex: string } {
  const [, version, hex] = /^v(\d{1,4}):([0-9a-f]+)$/.exec(payloadHash) ?? []
  if (version === undefined || hex === undefined) {
    throw new TypeError(
      `A payload hash must be "v1:" and hexadecimal digits, not ${JSON.stringify(payloadHash.slice(0, 20))}`,
    )
  }
  return { version: Number(version), hex }
}

/** PostgreSQL's text has no U+0000, but what users send may. */
function storable(text: string | null | undefined): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null
}

/** Gathers many byte strings into one parameter, and tells where each lies (counted from 1, as `substring` does). */
class ByteParameter {
  private readonly parts: Buffer[] = []
  private nextAt = 1

  add(part: Buffer | null): { at: number; length: number } | null {
    if (part === null) return null
    const slice = { at: this.nextAt, length: part.length }
    this.parts.push(part)
    this.nextAt += part.length
    return slice
  }

  value(): Buffer {
    return Buffer.concat(this.parts)
  }
}
