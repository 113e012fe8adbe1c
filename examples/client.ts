import { CompletionFailed, ModelClient, optionsFromEnvironment } from 'model-service/client'

const model = process.env.MODEL ?? 'quickstart-chat'
const messages = [
  { role: 'USER' as const, content: [{ text: process.env.PROMPT ?? 'What is the capital of France?' }] },
]
// The same id is the same request: asked again, by whomever, it is not paid for again.
const requestId = process.env.REQUEST_ID ?? crypto.randomUUID()

// KAFKA_BROKERS, SCHEMA_REGISTRY_URL, TOPIC_PREFIX and so on, as for workers and the command line.
await using client = await ModelClient.connect(optionsFromEnvironment())
try {
  const { chat, cost } = await client.chat({ messages }, { model, requestId, timeoutMs: 60_000 })
  console.log(chat.text)
  console.error(`cost ${cost.amount ?? `unknown (${cost.unknownReason})`} ${cost.currency}`)

  for await (const event of client.stream({ messages }, { model, timeoutMs: 60_000 })) {
    if (event.type === 'text') process.stderr.write(event.delta)
    if (event.type === 'restart') process.stderr.write('\n(from the beginning) ')
  }
  process.stderr.write('\n')
} catch (error) {
  if (!(error instanceof CompletionFailed)) throw error
  console.error(`${error.completion.status}: ${error.code}: ${error.message}`)
  process.exitCode = 1
}
