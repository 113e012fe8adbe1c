/** Where the prompts of specializations come from. */
export interface SpecializationSource {
  /** The prompt, or null when there is no such specialization. Failing is the caller's warning, never an error. */
  prompt(specializationId: string, signal: AbortSignal): Promise<string | null>
}
