import type { FinishReason } from '../../contract/types.ts'

/** OpenAI's finish reasons and those of its relatives (Mistral `model_length`, DeepSeek, OpenRouter `error`) in our words. */
export function mapFinishReason(reason: string | null | undefined): FinishReason {
  switch (reason) {
    case 'stop':
    case 'eos':
      return 'STOP'
    case 'length':
    case 'model_length':
      return 'LENGTH'
    case 'tool_calls':
    case 'function_call':
      return 'TOOL_CALLS'
    case 'content_filter':
      return 'CONTENT_FILTER'
    case 'error':
    case 'insufficient_system_resource':
      return 'ERROR'
    case null:
    case undefined:
    case '':
      return 'UNSPECIFIED'
    default:
      return 'OTHER'
  }
}
