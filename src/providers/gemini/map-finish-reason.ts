import type { FinishReason } from '../../contract/types.ts'

/** Gemini's finish reasons (js-genai 2.18, `FinishReason`) in our words. A call of a function also ends with STOP. */
export function mapFinishReason(reason: string | null | undefined): FinishReason {
  switch (reason) {
    case 'STOP':
      return 'STOP'
    case 'MAX_TOKENS':
      return 'LENGTH'
    // Google itself says STOP; look-alikes say this.
    case 'FUNCTION_CALL':
      return 'TOOL_CALLS'
    case 'SAFETY':
    case 'RECITATION':
    case 'BLOCKLIST':
    case 'PROHIBITED_CONTENT':
    case 'SPII':
    case 'IMAGE_SAFETY':
    case 'IMAGE_PROHIBITED_CONTENT':
    case 'IMAGE_RECITATION':
      return 'CONTENT_FILTER'
    case 'MALFORMED_FUNCTION_CALL':
    case 'UNEXPECTED_TOOL_CALL':
    case 'TOO_MANY_TOOL_CALLS':
    case 'MISSING_THOUGHT_SIGNATURE':
    case 'MALFORMED_RESPONSE':
      return 'ERROR'
    case null:
    case undefined:
    case '':
    case 'FINISH_REASON_UNSPECIFIED':
      return 'UNSPECIFIED'
    default:
      return 'OTHER'
  }
}
