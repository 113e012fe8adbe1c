import type { ChatMessage, MessageRole } from '../../contract/types.ts'
import type { UnfitAnswer } from './judge-answer.ts'
import type { OutputProblem } from './output-schema.ts'

const namedToModel = 20

/** The conversation with the unfit answer and what is wrong with it, so that the model gives it again. Pure. */
export function repairInput({ input, text, problems }: UnfitAnswer): UnfitAnswer['input'] {
  const named = problems.slice(0, namedToModel).map((problem) => `- ${describe(problem)}`)
  if (problems.length > namedToModel) named.push(`- and ${problems.length - namedToModel} more`)
  const complaint = [
    'That answer does not fit the JSON Schema that was asked for:',
    ...named,
    'Give the whole answer again: only the JSON text, without any explanation and without a code fence.',
  ].join('\n')
  // Providers refuse messages without content.
  const answer = text.trim() === '' ? [] : [message('ASSISTANT', text)]
  return { ...input, messages: [...input.messages, ...answer, message('USER', complaint)] }
}

function describe({ place, expected, surplus }: OutputProblem): string {
  const name = surplus === null ? '' : ` (${JSON.stringify(surplus.slice(0, 200))})`
  return `${place === '' ? 'the whole' : place.slice(0, 200)} ${expected}${name}`
}

function message(role: MessageRole, text: string): ChatMessage {
  return {
    role,
    content: [{ kind: 'TEXT', text, media: null, detail: null }],
    name: null,
    toolCalls: [],
    toolCallId: null,
  }
}
