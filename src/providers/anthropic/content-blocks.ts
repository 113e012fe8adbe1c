import type { ChatOutput } from '../../contract/types.ts'
import { madeUpId } from '../answers/made-up-id.ts'
import { asObject, asText, type JsonObject } from '../http/json-shape.ts'
import type { ChatDelta } from '../provider.ts'
import { toProviderState } from './provider-state.ts'

interface Block {
  kind: 'text' | 'thinking' | 'redacted' | 'tool' | 'json' | 'other'
  pieces: string[]
  /** Signature of thinking, data of redacted thinking. */
  seal: string
  id: string
  name: string
  /** Place among the tool calls. */
  callIndex: number
  /** Arguments that came with the beginning of a call; they count when no piece follows. */
  given: string
  isOpen: boolean
}

/**
 * The content of an answer: text, thinking and tool calls, block by block, whole or in pieces, so that the answer is the
 * same either way. Tells every piece as a delta. Blocks of the provider's own tools are passed over.
 */
export class ContentBlocks {
  readonly #jsonTool: string | null
  readonly #onDelta: (delta: ChatDelta) => void
  readonly #blocks: Block[] = []
  /** The block that an index of the stream means now. */
  readonly #byIndex = new Map<unknown, Block>()
  #callCount = 0

  constructor(jsonTool: string | null, onDelta: (delta: ChatDelta) => void) {
    this.#jsonTool = jsonTool
    this.#onDelta = onDelta
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0
  }

  /** Whether the answer came as arguments of the tool that stands in for a JSON format. */
  get isJsonAnswer(): boolean {
    return this.#blocks.some(({ kind }) => kind === 'json')
  }

  /** A block begins; what it holds already counts. */
  begin(index: unknown, raw: JsonObject): void {
    const block = this.#add(index, this.#kindOf(raw), raw)
    if (block.kind === 'text') this.#extend(block, asText(raw['text']) ?? '')
    if (block.kind === 'thinking') this.#extend(block, asText(raw['thinking']) ?? '')
    if (block.kind === 'tool') {
      const toolCall = { index: block.callIndex, id: block.id, name: block.name, arguments: '' }
      this.#onDelta({ kind: 'TOOL_CALL', toolCall })
    }
  }

  /** A piece of a block. One whose beginning was not seen is taken by what it is. */
  extend(index: unknown, delta: JsonObject): void {
    switch (delta['type']) {
      case 'text_delta':
        this.#extend(this.#byIndex.get(index) ?? this.#add(index, 'text', {}), asText(delta['text']) ?? '', 'text')
        return
      case 'thinking_delta': {
        const block = this.#byIndex.get(index) ?? this.#add(index, 'thinking', {})
        this.#extend(block, asText(delta['thinking']) ?? '', 'thinking')
        return
      }
      case 'signature_delta': {
        const block = this.#byIndex.get(index)
        if (block?.kind === 'thinking') block.seal += asText(delta['signature']) ?? ''
        return
      }
      case 'input_json_delta': {
        const block = this.#byIndex.get(index)
        if (block !== undefined) this.#extend(block, asText(delta['partial_json']) ?? '', 'tool', 'json')
        return
      }
      default:
      // Citations, and whatever comes to be.
    }
  }

  /** A block ends: a call without a piece has the arguments of its beginning. */
  end(index: unknown): void {
    const block = this.#byIndex.get(index)
    if (block !== undefined) this.#close(block)
  }

  /** Everything that came, blocks that were never ended included. */
  output(): Omit<ChatOutput, 'refusal'> {
    for (const block of this.#blocks) this.#close(block)
    const textOf = (...kinds: Block['kind'][]) =>
      this.#blocks
        .filter(({ kind }) => kinds.includes(kind))
        .map(({ pieces }) => pieces.join(''))
        .join('')
    const toolCalls: ChatOutput['toolCalls'] = []
    let thinking: JsonObject[] = []
    for (const { kind, pieces, seal, id, name } of this.#blocks) {
      if (kind === 'thinking' && seal !== '') {
        thinking.push({ type: 'thinking', thinking: pieces.join(''), signature: seal })
      }
      if (kind === 'redacted' && seal !== '') thinking.push({ type: 'redacted_thinking', data: seal })
      if (kind !== 'tool') continue
      toolCalls.push({ id, name, arguments: pieces.join(''), providerState: toProviderState(thinking) })
      thinking = []
    }
    return { text: textOf('text', 'json'), reasoning: textOf('thinking') || null, toolCalls }
  }

  #kindOf(raw: JsonObject): Block['kind'] {
    switch (raw['type']) {
      case 'text':
      case 'thinking':
        return raw['type']
      case 'redacted_thinking':
        return 'redacted'
      case 'tool_use': {
        const name = asText(raw['name'])
        if (!name) return 'other'
        return name === this.#jsonTool ? 'json' : 'tool'
      }
      default:
        return 'other'
    }
  }

  #add(index: unknown, kind: Block['kind'], raw: JsonObject): Block {
    const callIndex = kind === 'tool' ? this.#callCount++ : -1
    const input = asObject(raw['input'])
    const block: Block = {
      kind,
      pieces: [],
      seal: asText(raw['signature']) ?? asText(raw['data']) ?? '',
      id: asText(raw['id']) || madeUpId(callIndex),
      name: asText(raw['name']) ?? '',
      callIndex,
      given: input === undefined ? '{}' : JSON.stringify(input),
      isOpen: true,
    }
    this.#blocks.push(block)
    this.#byIndex.set(index, block)
    return block
  }

  /** Adds a piece to a block of one of the kinds that it can belong to. */
  #extend(block: Block, piece: string, ...kinds: Block['kind'][]): void {
    if (piece === '' || (kinds.length > 0 && !kinds.includes(block.kind))) return
    block.pieces.push(piece)
    if (block.kind === 'thinking') this.#onDelta({ kind: 'REASONING', text: piece })
    else if (block.kind === 'tool') {
      this.#onDelta({ kind: 'TOOL_CALL', toolCall: { index: block.callIndex, id: null, name: null, arguments: piece } })
    } else this.#onDelta({ kind: 'TEXT', text: piece })
  }

  #close(block: Block): void {
    const hasArguments = block.kind === 'tool' || block.kind === 'json'
    if (block.isOpen && hasArguments && block.pieces.length === 0) this.#extend(block, block.given)
    block.isOpen = false
  }
}
