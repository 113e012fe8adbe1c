/**
 * Compaction may take every record out of a batch and leave its head. kafkajs 2.2.4 decodes such a batch to nothing, so a
 * reader that finds only such batches cannot tell them from an answer without any, and asks for the same offset for ever. Here the
 * head of an empty batch becomes a control record at the batch's last offset: skipped, but counted as read. Only in the
 * version that was read.
 */
import type { FetchedMessage } from './kafkajs-cluster.ts'
import { kafkajsPart, replaceKafkajsPart } from './kafkajs-parts.ts'

/** A batch as kafkajs decodes it. */
export interface DecodedBatch {
  firstOffset: string
  lastOffsetDelta: number
  firstTimestamp: string
  records: unknown[]
}

const decoderFile = 'protocol/recordBatch/v0/decoder'

type Decode = ((source: unknown) => Promise<DecodedBatch>) & { isReplaced?: true }

/** Lets all readers pass empty batches. False when this is another version, which is left alone. */
export function installEmptyBatches(): boolean {
  const decode = kafkajsPart<Decode>(decoderFile)
  if (decode === undefined || decode.isReplaced) return decode !== undefined
  const replacement = async (source: unknown): Promise<DecodedBatch> => markEmpty(await decode(source))
  replaceKafkajsPart(decoderFile, Object.assign(replacement, { isReplaced: true }))
  return true
}

/** Gives a batch without records one that stands for its end. */
export function markEmpty(batch: DecodedBatch): DecodedBatch {
  if (batch.records.length > 0) return batch
  const end: FetchedMessage = {
    key: null,
    value: null,
    headers: {},
    timestamp: batch.firstTimestamp,
    attributes: 0,
    offset: String(BigInt(batch.firstOffset) + BigInt(batch.lastOffsetDelta)),
    isControlRecord: true,
    batchContext: batch,
  }
  return { ...batch, records: [end] }
}
