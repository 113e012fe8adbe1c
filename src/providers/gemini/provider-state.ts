/** Marks a token as Gemini's, so that no other provider's is sent there. */
const prefix = 'gemini:'

/**
 * What Google documents for a function call whose signature is not at hand, because another provider made the call or its
 * owner lost it (ai.google.dev, Thought signatures).
 */
export const unknownSignature = 'skip_thought_signature_validator'

/** A thought signature as it travels in a tool call; null when there is none. */
export function toProviderState(signature: string | undefined): string | null {
  return signature ? `${prefix}${signature}` : null
}

/** The thought signature that a tool call carries; null when it carries none of Gemini's. */
export function signatureOf(providerState: string | null): string | null {
  return providerState?.startsWith(prefix) ? providerState.slice(prefix.length) : null
}
