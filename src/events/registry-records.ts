/** Registry events and command results as records, for the outbox. */
import type { PublishedEncoders } from '../codec/record-encoder.ts'
import { topicName } from '../contract/topics.ts'
import type { CommandResult, RegistryEvent } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { cloudEventHeaders, eventId, passedOnHeaders } from './cloud-events.ts'

/** Encodes what a registry change announces. */
export interface RegistryRecords {
  encodeRegistryEvent(event: RegistryEvent): OutgoingRecord
  /** `headers` are those of the command: what concerns tracing and correlation is passed on. */
  encodeCommandResult(result: CommandResult, headers?: Headers): OutgoingRecord
  /** The same for the topic that `reply-topic` of the command names; null when it names none that is allowed. */
  encodeReply(result: CommandResult, headers: Headers): OutgoingRecord | null
}

type Headers = Readonly<Record<string, string>>

/** What {@link createRegistryRecords} needs. */
export interface RegistryRecordsOptions {
  encoders: Pick<PublishedEncoders, 'RegistryEvent' | 'CommandResult'>
  /** Stands before all topic names. */
  topicPrefix: string
  /** Topics, by their full names, that may get replies; none by default. */
  replyTopics?: ReadonlySet<string>
}

/** Makes the encoders. */
export function createRegistryRecords(options: RegistryRecordsOptions): RegistryRecords {
  const { encoders, topicPrefix, replyTopics = new Set() } = options

  function encodeCommandResult(result: CommandResult, headers: Headers = {}): OutgoingRecord {
    const { commandId, occurredAt, error } = result
    // The other command of this id has an event of its own.
    const isOfAnother = error?.code === 'COMMAND_ID_REUSED'
    const event = {
      id: eventId('CommandResult', commandId, ...(isOfAnother ? ['refused', occurredAt] : [])),
      type: 'model.command.answered',
      subject: commandId,
      timeMs: occurredAt,
    }
    return {
      topic: topicName('commandResults', topicPrefix),
      key: Buffer.from(commandId),
      headers: { ...cloudEventHeaders(event), ...passedOnHeaders(headers) },
      value: encoders.CommandResult(result),
    }
  }

  return {
    encodeCommandResult,

    encodeReply(result, headers) {
      const topic = headers['reply-topic']
      return topic !== undefined && replyTopics.has(topic) ? { ...encodeCommandResult(result, headers), topic } : null
    },

    encodeRegistryEvent(event) {
      const { kind, action, id, version, occurredAt } = event
      return {
        topic: topicName('registry', topicPrefix),
        key: Buffer.from(`${kind}/${id}`),
        headers: cloudEventHeaders({
          id: eventId(kind, id, version),
          // model.registered, provider.updated, route.deleted, …
          type: `${kind}.${action}`.toLowerCase(),
          subject: id,
          timeMs: occurredAt,
        }),
        value: encoders.RegistryEvent(event),
      }
    },
  }
}
