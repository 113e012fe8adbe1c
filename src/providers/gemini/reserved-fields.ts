/** Fields of a generateContent body that decide what is asked: never the caller's to set. */
export const reservedFields: ReadonlySet<string> = new Set(['contents', 'systemInstruction', 'model'])

/** Fields of its `generationConfig`: a second candidate that nobody reads, and media for which a chat has no place. */
export const reservedConfigFields: ReadonlySet<string> = new Set(['candidateCount', 'responseModalities'])

/** Fields of each request of batchEmbedContents. */
export const reservedEmbeddingFields: ReadonlySet<string> = new Set(['model', 'content'])
