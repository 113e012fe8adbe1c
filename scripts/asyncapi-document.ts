/**
 * docs/asyncapi.yaml: the topics as an AsyncAPI 3 document, from the table of topics and the Avro schemas. Operations are told from the
 * side of the service: what it sends, its users receive.
 */
import { readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { contractSchema } from '../src/codec/contract-schemas.ts'
import { maxMessageBytes, type TopicDefinition, type TopicRole, topics } from '../src/contract/topics.ts'

type Json = Record<string, unknown>
type RecordName = NonNullable<TopicDefinition['record']>

const text = (description: string): Json => ({ type: 'string', description })

const traceHeaders = {
  traceparent: text('W3C trace context, passed on to all that comes of the request or command.'),
  tracestate: text('W3C trace state; at most 512 characters are passed on.'),
  'correlation-id': text('The sender’s own word, at most 1,024 characters, passed on from the request or command.'),
}

const eventHeaders = {
  ce_specversion: { type: 'string', const: '1.0', description: 'CloudEvents, Kafka binding, binary mode.' },
  ce_id: { type: 'string', format: 'uuid', description: 'The same whenever the same event is published again.' },
  ce_source: { type: 'string', const: '/model-service', description: 'Who publishes.' },
  ce_type: text('What happened, for example `model.request.completed`.'),
  ce_subject: text('What it is about, for example a request id.'),
  ce_time: { type: 'string', format: 'date-time', description: 'When.' },
  'content-type': { type: 'string', const: 'application/avro', description: 'Of the value.' },
}

const requestHeaders = {
  ...traceHeaders,
  'reply-topic': text(
    'Asks for a copy of the completion on this topic: `model.replies`, or one of the setting `REPLY_TOPICS`.',
  ),
}

const commandHeaders = {
  ...traceHeaders,
  'reply-topic': text(
    'Asks for a copy of the result on this topic: `model.replies`, or one of the setting `REPLY_TOPICS`.',
  ),
}

const retryHeaders = {
  'retry-count': text('Which retry it is, from 1.'),
  'retry-not-before': text('Unix ms before which it is not tried.'),
  'retry-attempts': text('All attempts so far, as JSON.'),
  'retry-id': text('Id by which a recovery knows it.'),
  'retry-source-topic': text('Where the request lay.'),
  'retry-source-partition': text('Where the request lay.'),
  'retry-source-offset': text('Where the request lay.'),
  'retry-source-timestamp': text('When the request was written, in Unix ms.'),
  'retry-key-absent': text('`true` where the request had no key.'),
}

const deadLetterHeaders = {
  'dlt-reason': text('Code of the error, as in docs/errors.md.'),
  'dlt-message': text('What was wrong.'),
  'dlt-source-topic': text('Where the record lay.'),
  'dlt-source-partition': text('Where the record lay.'),
  'dlt-source-offset': text('Where the record lay.'),
  'dlt-source-timestamp': text('When the record was written, in Unix ms.'),
  'dlt-key-absent': text('`true` where the record had no key.'),
  'dlt-omitted-bytes': text('Size of key and value, where they were left out because the topic does not take them.'),
}

interface Message {
  record: RecordName | null
  headers: Record<string, Json>
  required: readonly string[]
  summary: string
}

const event = (record: RecordName, headers: Record<string, Json> = {}): Message => ({
  record,
  headers: { ...eventHeaders, ...headers },
  required: Object.keys(eventHeaders),
  summary: summaryOf(record),
})

/** The messages by name; several topics may hold the same. */
const messages: Record<string, Message> = {
  ModelRequest: { record: 'ModelRequest', headers: requestHeaders, required: [], summary: summaryOf('ModelRequest') },
  ModelCommand: { record: 'ModelCommand', headers: commandHeaders, required: [], summary: summaryOf('ModelCommand') },
  ModelCompletion: event('ModelCompletion', traceHeaders),
  ModelChunk: event('ModelChunk'),
  PerformanceEvent: event('PerformanceEvent', traceHeaders),
  RegistryEvent: event('RegistryEvent'),
  CommandResult: event('CommandResult', traceHeaders),
  RetriedRequest: {
    record: 'ModelRequest',
    headers: { ...requestHeaders, ...retryHeaders },
    required: Object.keys(retryHeaders).filter((name) => name !== 'retry-key-absent'),
    summary: 'A request that is tried again: original key, bytes and headers. Only workers write these.',
  },
  DeadLetter: {
    record: null,
    headers: deadLetterHeaders,
    required: Object.keys(deadLetterHeaders).filter((name) => !/key-absent|omitted/.test(name)),
    summary: 'A record that could not be served: original key, bytes and headers, and why.',
  },
}

const messagesOf = {
  requests: ['ModelRequest'],
  commands: ['ModelCommand'],
  completions: ['ModelCompletion'],
  chunks: ['ModelChunk'],
  replies: ['ModelCompletion', 'CommandResult'],
  performance: ['PerformanceEvent'],
  registry: ['RegistryEvent'],
  commandResults: ['CommandResult'],
  retry10s: ['RetriedRequest'],
  retry1m: ['RetriedRequest'],
  retry10m: ['RetriedRequest'],
  requestsDeadLetters: ['DeadLetter'],
  commandsDeadLetters: ['DeadLetter'],
} as const satisfies Record<TopicRole, readonly (keyof typeof messages)[]>

/** What the service reads; the retry topics it both writes and reads. */
const read: readonly TopicRole[] = ['requests', 'commands', 'retry10s', 'retry1m', 'retry10m']
const notWritten: readonly TopicRole[] = ['requests', 'commands']

/** The document as YAML. */
export function asyncApiDocument(): string {
  const roles = Object.keys(topics) as TopicRole[]
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Model Service',
      version: packageVersion(),
      description:
        'Requests to AI models in, completions out, over Kafka. Values are Avro in Confluent wire format: a zero byte, four bytes with the ' +
        'schema id, the Avro bytes; subjects are `<topic>-value`. The setting `TOPIC_PREFIX` goes before all addresses. ' +
        'docs/topics.md and docs/delivery.md say what is promised.',
      license: { name: 'Apache 2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/avro',
    servers: {
      local: {
        host: '127.0.0.1:9092',
        protocol: 'kafka',
        description: 'The broker of compose.yaml.',
        bindings: {
          kafka: { schemaRegistryUrl: 'http://127.0.0.1:8081/apis/ccompat/v7', schemaRegistryVendor: 'apicurio' },
        },
      },
    },
    channels: Object.fromEntries(roles.map((role) => [role, channelOf(role)])),
    operations: Object.fromEntries(roles.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries(
        Object.entries(messages).map(([name, message]) => [name, messageObject(name, message)]),
      ),
      correlationIds: {
        sendersWord: { description: 'Ties a reply to its request.', location: '$message.header#/correlation-id' },
      },
    },
  }
  const head =
    '# Written by scripts/generate-docs.ts from src/contract/topics.ts and schemas/; `npm run generate` writes it anew.\n'
  return head + stringify(document, { lineWidth: 120, aliasDuplicateObjects: false })
}

function channelOf(role: TopicRole): Json {
  const { name, key, summary, retentionMs, cleanupPolicy }: TopicDefinition = topics[role]
  return {
    address: name,
    summary,
    description: `The key is: ${key}.`,
    messages: Object.fromEntries(
      messagesOf[role].map((message) => [message, { $ref: `#/components/messages/${message}` }]),
    ),
    bindings: {
      kafka: {
        topic: name,
        topicConfiguration: {
          'cleanup.policy': [cleanupPolicy],
          'retention.ms': retentionMs,
          'max.message.bytes': maxMessageBytes,
        },
        bindingVersion: '0.5.0',
      },
    },
  }
}

function operationsOf(role: TopicRole): [string, Json][] {
  const channel = { $ref: `#/channels/${role}` }
  const messageRefs = messagesOf[role].map((message) => ({ $ref: `#/channels/${role}/messages/${message}` }))
  const operation = (action: 'send' | 'receive', rest: Json = {}): Json => ({
    action,
    channel,
    messages: messageRefs,
    ...rest,
  })
  const operations: [string, Json][] = []
  if (read.includes(role)) operations.push([nameOf('receive', role), operation('receive', repliesOf(role))])
  if (!notWritten.includes(role)) operations.push([nameOf('send', role), operation('send')])
  return operations
}

function nameOf(verb: string, role: TopicRole): string {
  return `${verb}${role.charAt(0).toUpperCase()}${role.slice(1)}`
}

function repliesOf(role: TopicRole): Json {
  switch (role) {
    case 'requests':
      return {
        summary: 'Every request ends in exactly one completion, and a copy of it as reply where one is asked for.',
        reply: {
          address: { location: '$message.header#/reply-topic', description: 'Where the copy goes.' },
          channel: { $ref: '#/channels/replies' },
          messages: [{ $ref: '#/channels/replies/messages/ModelCompletion' }],
        },
      }
    case 'commands':
      return {
        summary:
          'Every command is answered by one result, whose key is the id of the command, and a copy of it where one is asked for.',
        reply: {
          channel: { $ref: '#/channels/commandResults' },
          messages: [{ $ref: '#/channels/commandResults/messages/CommandResult' }],
        },
      }
    default:
      return {}
  }
}

function messageObject(name: string, { record, headers, required, summary }: Message): Json {
  const hasHeaders = Object.keys(headers).length > 0
  return {
    name,
    summary,
    contentType: record === null ? 'application/octet-stream' : 'application/avro',
    ...(hasHeaders && {
      headers: { type: 'object', properties: headers, ...(required.length > 0 && { required: [...required] }) },
    }),
    ...('correlation-id' in headers && { correlationId: { $ref: '#/components/correlationIds/sendersWord' } }),
    payload:
      record === null
        ? { description: 'The bytes of the record as they came, whatever they are.' }
        : { schemaFormat: 'application/vnd.apache.avro;version=1.9.0', schema: contractSchema(record) },
    bindings: {
      kafka: {
        key: { type: 'string', description: 'UTF-8.' },
        ...(record !== null && {
          schemaIdLocation: 'payload',
          schemaIdPayloadEncoding: 'confluent',
          schemaLookupStrategy: 'TopicNameStrategy',
        }),
        bindingVersion: '0.5.0',
      },
    },
  }
}

function summaryOf(record: RecordName): string {
  return contractSchema(record).doc ?? record
}

function packageVersion(): string {
  const content = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return content.version
}
