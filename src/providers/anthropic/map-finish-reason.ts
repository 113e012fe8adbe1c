import type { FinishReason } from '../../contract/types.ts'

/**
 * Anthropic's stop reasons in our words. `pause_turn` is not the end: tools of the provider's own were running, and it
 * waits to be called again.
 */
export function mapFinishReason(reason: string | null | undefined): FinishReason {
  switch (reason) {
    case 'end_turn':
    case 'stop_sequence':
      return 'STOP'
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'LENGTH'
    case 'tool_use':
      return 'TOOL_CALLS'
    case 'refusal':
      return 'CONTENT_FILTER'
    case null:
    case undefined:
    case '':
      return 'UNSPECIFIED'
    default:
      return 'OTHER'
  }
}
