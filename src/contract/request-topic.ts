/**
 * In which order the records of a request topic are served: `none` side by side; `key` those of one key (in one partition)
 * one after the other; `partition` all of a partition one after the other.
 */
export const orderModes = ['none', 'key', 'partition'] as const

/** See {@link orderModes}. */
export type OrderMode = (typeof orderModes)[number]

/** A topic from which requests are read, and what holds of its records. */
export interface RequestTopic {
  /** Name; the prefix of all topics goes before it where it is said so. */
  readonly name: string
  readonly order: OrderMode
  /** The only tenant whose requests the topic may hold; null when it may hold those of any. */
  readonly tenant: string | null
}
