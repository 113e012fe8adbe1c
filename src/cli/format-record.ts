/** Records of the topics as lines for people. Texts of models are foreign: control characters are shown as escapes. */
import type {
  CommandResult,
  Cost,
  ModelChunk,
  ModelCompletion,
  PerformanceEvent,
  RegistryEvent,
  Usage,
} from '../contract/types.ts'
import { tokenTotals } from '../pricing/token-totals.ts'
import { counted } from './counted.ts'
import { printable } from './terminal.ts'

/** The answer of a completion in words: its text, or what was made of it. */
export function answerText(completion: ModelCompletion): string {
  const { chat, embedding, imageGeneration } = completion
  if (completion.error !== null) return `${completion.error.code}: ${printable(completion.error.message)}`
  if (chat !== null) {
    const calls = chat.toolCalls.map((call) => `[tool call ${printable(call.name)} ${printable(call.arguments)}]`)
    return [printable(chat.refusal ?? chat.text), ...calls].filter((part) => part !== '').join('\n')
  }
  if (embedding !== null) return `${counted(embedding.vectors.length, 'vector')} of ${embedding.dimensions} dimensions`
  if (imageGeneration !== null) {
    return imageGeneration.images
      .map(({ media }) => `${media?.mediaType ?? 'image'}: ${media?.url ?? `${media?.bytes?.length ?? 0} bytes`}`)
      .join('\n')
  }
  const spoken = completion.completion ?? completion.audioTranscription ?? completion.audioTranslation
  if (spoken !== null) return printable(spoken.text)
  return completion.storedBody === null ? '' : `(the answer is in the request log: ${printable(completion.storedBody)})`
}

/** One line: when, how it ended, whose it is, what answered, what it took. */
export function completionLine(completion: ModelCompletion): string {
  const { status, tenant, requestId, kind, timings } = completion
  const facts = [
    time(timings.finishedAt),
    status,
    `${tenant}/${requestId}`,
    kind,
    answeredBy(completion),
    accountLine(completion),
  ]
  return facts.filter((fact) => fact !== '').join('  ')
}

/** What a request took: tokens, cost, attempts, time. */
export function accountLine({ usage, cost, attempts, timings }: ModelCompletion): string {
  const tookMs =
    timings.finishedAt === null
      ? null
      : timings.finishedAt - (timings.claimedAt ?? timings.queuedAt ?? timings.finishedAt)
  const facts = [
    usageText(usage),
    costText(cost),
    `${counted(attempts.length, 'attempt')}`,
    tookMs === null ? '' : `${tookMs} ms`,
  ]
  return facts.filter((fact) => fact !== '').join(', ')
}

/** The model and provider that answered, or were asked for. */
export function answeredBy({ model, provider }: Pick<ModelCompletion, 'model' | 'provider'>): string {
  if (model === null && provider === null) return ''
  return printable(provider === null ? String(model) : `${model ?? '?'} (${provider})`)
}

/** One line for a performance event. */
export function performanceLine(event: PerformanceEvent): string {
  if (event.kind === 'FEEDBACK') return feedbackLine(event)
  const outcome = event.kind === 'ATTEMPT' ? `attempt ${event.attempt} ${event.outcome}` : `request ${event.status}`
  const facts = [
    time(event.occurredAt),
    `${event.tenant}/${event.requestId}`,
    outcome,
    event.errorCode ?? '',
    answeredBy(event),
    usageText(event.usage),
    costText(event.cost),
    `${event.durationMs} ms`,
  ]
  return facts.filter((fact) => fact !== '').join('  ')
}

function feedbackLine(event: PerformanceEvent): string {
  const score = event.score === null ? 'feedback without a score' : `feedback ${event.score}`
  const facts = [time(event.occurredAt), `${event.tenant}/${event.requestId}`, score, answeredBy(event)]
  return facts.filter((fact) => fact !== '').join('  ')
}

/** One line for a registry event. */
export function registryLine(event: RegistryEvent): string {
  const by = event.actor === null ? '' : `  by ${printable(event.actor)}`
  return `${time(event.occurredAt)}  ${event.action}  ${event.kind} ${printable(event.id)}  version ${event.version}${by}`
}

/** One line for a command result. */
export function commandResultLine(result: CommandResult): string {
  const entity = result.entityId === null ? '' : `  ${result.entityKind} ${printable(result.entityId)}`
  const version = result.version === null ? '' : `  version ${result.version}`
  const error = result.error === null ? '' : `  ${result.error.code}: ${printable(result.error.message)}`
  return `${time(result.occurredAt)}  ${result.status}  ${result.command}  ${printable(result.commandId)}${entity}${version}${error}`
}

/** One line for a chunk of a streamed answer. */
export function chunkLine(chunk: ModelChunk): string {
  const piece = chunk.text ?? (chunk.toolCall === null ? '' : `${chunk.toolCall.name ?? ''}${chunk.toolCall.arguments}`)
  const place = `${chunk.tenant}/${chunk.requestId}  ${chunk.token}.${chunk.attempt}.${chunk.index}`
  return `${place}  ${chunk.kind}  ${JSON.stringify(printable(piece))}`
}

function time(at: number | null): string {
  return at === null || at === 0 ? '' : new Date(at).toISOString()
}

function usageText(usage: Usage | null): string {
  if (usage === null) return ''
  const { input, output } = tokenTotals(usage)
  return `${usage.estimated ? 'about ' : ''}${input} tokens in, ${output} out`
}

/** A cost, or why it is not known. */
export function costText(cost: Cost): string {
  return cost.amount === null ? `cost unknown (${cost.unknownReason ?? '?'})` : `${cost.amount} ${cost.currency}`
}
