/** The kinds of request that a model endpoint is named for. */
export const modelKinds = [
  'chat',
  'completion',
  'embedding',
  'imageGeneration',
  'audioTranscription',
  'audioTranslation',
] as const
export type ModelKind = (typeof modelKinds)[number]

/** Where one kind of request is answered. */
export interface ModelEndpoint {
  source: 'ollama' | 'local' | 'double'
  /** Which wire format it speaks. */
  provider: 'ollama' | 'openai'
  /** `http://127.0.0.1:<port>/v1` for `openai`, without `/v1` for `ollama`. */
  baseUrl: string
  model: string
  /** Why this one was taken, and for a double how to get the real thing. */
  reason: string
}

/** Everything that a worker or a test needs to reach the stack. */
export interface StackAddresses {
  /** `host:port`, several joined by commas. */
  kafkaBrokers: string
  /** Base address for a Confluent-compatible client. */
  schemaRegistryUrl: string
  /** `postgresql://…`; holds a password. */
  databaseUrl: string
  /** Empty when no models were asked for. */
  models: Partial<Record<ModelKind, ModelEndpoint>>
}
