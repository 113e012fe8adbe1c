import type { FinishReason } from '../../contract/types.ts'

/** `done_reason` in our words. It is `stop` after tool calls too; versions before 0.3 gave none. */
export function mapFinishReason(reason: string | undefined, toolCallCount: number): FinishReason {
  switch (reason) {
    case 'stop':
      return toolCallCount > 0 ? 'TOOL_CALLS' : 'STOP'
    case 'length':
      return 'LENGTH'
    case undefined:
    case '':
      return toolCallCount > 0 ? 'TOOL_CALLS' : 'UNSPECIFIED'
    default:
      // `load` and `unload` answer a request that only moves the model.
      return 'OTHER'
  }
}
