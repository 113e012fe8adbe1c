import type { ModelChunk } from '../contract/types.ts'
import type { ChatDelta } from '../providers/provider.ts'
import type { CallRun } from './call-run.ts'
import { defectFields } from './defect-fields.ts'

/** Makes numbered chunks of the deltas of one attempt. A listener that throws breaks nothing. */
export function chunkWriter(
  run: Pick<CallRun, 'request' | 'claim' | 'clock' | 'log'>,
  onChunk: (chunk: ModelChunk) => void,
  attempt: number,
): (delta: ChatDelta) => void {
  let index = 0
  return (delta) => {
    const chunk: ModelChunk = {
      requestId: run.request.requestId,
      tenant: run.request.tenant,
      token: run.claim.token,
      attempt,
      index,
      kind: delta.kind,
      text: delta.kind === 'TOOL_CALL' ? null : delta.text,
      toolCall: delta.kind === 'TOOL_CALL' ? delta.toolCall : null,
      createdAt: run.clock.now(),
    }
    index += 1
    try {
      onChunk(chunk)
    } catch (error) {
      run.log.warn(
        { requestId: chunk.requestId, tenant: chunk.tenant, ...defectFields(error) },
        'chunk listener failed',
      )
    }
  }
}
