/**
 * Every error a user can meet: a stable code, what it means, whether the same request may succeed later, what to do.
 * docs/errors.md is generated from this table.
 */
export const errorCatalogue = {
  MODEL_NOT_FOUND: {
    summary:
      'The request names a model or route that is not registered and whose provider cannot be inferred, or that was deleted.',
    retryable: false,
    action: 'Register the model, correct its name, or set `provider`.',
  },
  MODEL_INACTIVE: {
    summary: 'The model is registered but set INACTIVE.',
    retryable: false,
    action: 'Set its status to ACTIVE, or ask for another model.',
  },
  MODEL_ALREADY_EXISTS: {
    summary: 'A model with this id is registered already.',
    retryable: false,
    action: 'Update it instead, or choose another id.',
  },
  PROVIDER_UNKNOWN: {
    summary: 'The provider is neither registered nor a known preset.',
    retryable: false,
    action: 'Use one of the names that the message lists, or register the provider.',
  },
  PROVIDER_ALREADY_EXISTS: {
    summary: 'A provider with this id is registered already.',
    retryable: false,
    action: 'Update it instead, or choose another id.',
  },
  PROVIDER_IN_USE: {
    summary: 'The provider cannot be deleted because models refer to it.',
    retryable: false,
    action: 'Delete or move those models first.',
  },
  ROUTE_NOT_FOUND: {
    summary: 'No route with this id is registered.',
    retryable: false,
    action: 'List the routes and correct the id.',
  },
  ROUTE_ALREADY_EXISTS: {
    summary: 'A route with this id is registered already.',
    retryable: false,
    action: 'Update it instead, or choose another id.',
  },
  REQUEST_NOT_FOUND: {
    summary: 'No finished request of this tenant and id is in the request log.',
    retryable: false,
    action:
      'Correct tenant and id, and wait until it has ended. Requests are forgotten after REQUEST_LOG_RETENTION_DAYS.',
  },
  VERSION_CONFLICT: {
    summary: 'The entity was changed after the version that the command expected.',
    retryable: false,
    action: 'Read it again and repeat the command on the new version.',
  },
  COMMAND_ID_REUSED: {
    summary: 'The command id was used before for another command.',
    retryable: false,
    action: 'Send the command under a new id.',
  },
  COMMAND_NOT_SUPPORTED: {
    summary: 'This version of the service does not carry out this command.',
    retryable: false,
    action: 'Upgrade the workers, or use a command that the documentation lists.',
  },
  CAPABILITY_NOT_SUPPORTED: {
    summary: 'The model does not serve this type of request.',
    retryable: false,
    action: 'Choose a model with that capability, or correct the registered capabilities.',
  },
  INVALID_REQUEST: {
    summary: 'The request or command breaks a rule of the contract, or the provider refused it as malformed.',
    retryable: false,
    action: 'Correct the field that the message names.',
  },
  TOKEN_LIMIT: {
    summary: 'The request asks for more output tokens than the model gives.',
    retryable: false,
    action: 'Lower sampling.maxOutputTokens.',
  },
  CONTEXT_LENGTH: {
    summary: 'The input, with the output asked for, does not fit the context window of the model.',
    retryable: false,
    action: 'Shorten the input, or use a model with a larger window.',
  },
  CONTENT_FILTERED: {
    summary: 'The provider refused the content of the request or of the answer.',
    retryable: false,
    action: 'Change the content; sending it again elsewhere is not attempted.',
  },
  OUTPUT_INVALID: {
    summary:
      'The answer does not fit the JSON Schema that the request asked for. The completion keeps it; it was paid for.',
    retryable: false,
    action:
      'Use a model that keeps to schemas, simplify the schema, or raise sampling.maxOutputTokens when the answer was cut.',
  },
  PROVIDER_ERROR: {
    summary: 'The provider answered with an error of its own, or with something that is not a valid answer.',
    retryable: true,
    action: 'Send the request again under a new id; when it lasts, look at the provider.',
  },
  PROVIDER_UNAVAILABLE: {
    summary: 'The provider could not be reached, or was overloaded.',
    retryable: true,
    action: 'Send the request again under a new id, or add a fallback target.',
  },
  PROVIDER_AUTHENTICATION: {
    summary: 'The provider refused the key, or no key is configured.',
    retryable: false,
    action: 'Set the environment variable or secret file that the provider entry refers to.',
  },
  RATE_LIMITED: {
    summary: 'The provider refused because of its rate limit or quota.',
    retryable: true,
    action: 'Lower the rate, set limits on the provider, or raise the quota.',
  },
  REQUEST_TIMEOUT: {
    summary: 'The provider did not answer in time.',
    retryable: true,
    action: 'Raise the time limit, or use a faster model.',
  },
  DEADLINE_EXCEEDED: {
    summary: 'The deadline of the request passed before it had an answer.',
    retryable: false,
    action: 'Give the request more time, or a more urgent lane.',
  },
  CANCELLED: {
    summary: 'A CancelRequest command ended the request, or the caller aborted.',
    retryable: false,
    action: 'Nothing, unless it was cancelled by mistake: then send it under a new id.',
  },
  OUTCOME_UNKNOWN: {
    summary: 'The provider may have done the work, but its answer was lost, and the request asked not to call again.',
    retryable: false,
    action: 'Look at the provider account, then send the request under a new id if it is still wanted.',
  },
  DUPLICATE_REQUEST_ID: {
    summary: 'The request id was used before, by the same tenant, for a request with other content.',
    retryable: false,
    action: 'Send the request under a new id.',
  },
  SCHEMA_UNKNOWN: {
    summary: 'The record carries a schema id that the registry does not know.',
    retryable: false,
    action: 'Register the schema that the producer writes with, in the registry that the workers read.',
  },
  DECODE_FAILED: {
    summary: 'The record is not Avro in Confluent wire format, or does not match its schema.',
    retryable: false,
    action: 'Correct the producer; the dead letter holds the bytes.',
  },
  PAYLOAD_TOO_LARGE: {
    summary: 'The record, an answer or a medium is larger than the limit.',
    retryable: false,
    action: 'Send or ask for less, pass media by URL, or read the stored body that the completion points to.',
  },
  MEDIA_UNAVAILABLE: {
    summary: 'Media given by URL could not be fetched, or its checksum differs.',
    retryable: true,
    action: 'Check the address, its host against the allow-list, and the checksum.',
  },
  CONFIGURATION_INVALID: {
    summary: 'Settings are missing or invalid; the message lists all of them.',
    retryable: false,
    action: 'Correct the settings; docs/configuration.md describes each.',
  },
  DATABASE_UNAVAILABLE: {
    summary: 'PostgreSQL cannot be reached or does not answer.',
    retryable: true,
    action: 'Bring it back; intake is paused and goes on by itself.',
  },
  DATABASE_VERSION: {
    summary: 'The schema of the database is older or newer than this version of the service works with.',
    retryable: false,
    action: 'Run `model-service migrate`, or start the version that belongs to the database.',
  },
  BROKER_UNAVAILABLE: {
    summary: 'Kafka cannot be reached or does not answer.',
    retryable: true,
    action: 'Bring it back; work goes on by itself.',
  },
  SCHEMA_REGISTRY_UNAVAILABLE: {
    summary: 'The schema registry cannot be reached or does not answer.',
    retryable: true,
    action: 'Bring it back; work goes on by itself.',
  },
  TOPIC_MISSING: {
    summary: 'A topic that the service needs does not exist, or is not configured as it must be.',
    retryable: false,
    action: 'Run `model-service topics apply`.',
  },
  SCHEMA_MISSING: {
    summary: 'A schema that the service publishes with is not registered.',
    retryable: false,
    action: 'Run `model-service schemas register`.',
  },
  SCHEMA_INCOMPATIBLE: {
    summary: 'A schema breaks the compatibility rule of its subject.',
    retryable: false,
    action: 'Give new fields a default and do not remove or rename fields; docs/topics.md has the rules.',
  },
  WORK_FILE_UNUSABLE: {
    summary: 'The work file of a replay belongs to another question or version, is in use, or is damaged.',
    retryable: false,
    action: 'Ask the same question as before, delete the file, or name another with `--work-file`.',
  },
  INTERNAL_ERROR: {
    summary: 'A defect of this service.',
    retryable: true,
    action: 'Report it with the log line that has the request id.',
  },
} as const satisfies Record<string, ErrorEntry>

/** What the catalogue says of one code. */
export interface ErrorEntry {
  /** What happened, in one sentence. */
  summary: string
  /** Whether the same request may succeed later. */
  retryable: boolean
  /** What the reader should do. */
  action: string
}

/** A stable error code. */
export type ErrorCode = keyof typeof errorCatalogue
