/** Registry events and command results as records, for the outbox. */
import type { PublishedEncoders } from '../codec/record-encoder.ts'
import { topicName } from '../contract/topics.ts'
import type { CommandResult, RegistryEvent } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { cloudEventHeaders, eventId } from './cloud-events.ts'

/** Encodes what a registry change announces. */
export interface RegistryRecords {
  encodeRegistryEvent(event: RegistryEvent): OutgoingRecord
  encodeCommandResult(result: CommandResult): OutgoingRecord
}

/** Makes the encoders; `topicPrefix` stands before all topic names. */
export function createRegistryRecords(
  encoders: Pick<PublishedEncoders, 'RegistryEvent' | 'CommandResult'>,
  topicPrefix: string,
): RegistryRecords {
  return {
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
    encodeCommandResult(result) {
      const { commandId, occurredAt } = result
      return {
        topic: topicName('commandResults', topicPrefix),
        key: Buffer.from(commandId),
        headers: cloudEventHeaders({
          id: eventId('CommandResult', commandId),
          type: 'model.command.answered',
          subject: commandId,
          timeMs: occurredAt,
        }),
        value: encoders.CommandResult(result),
      }
    },
  }
}
