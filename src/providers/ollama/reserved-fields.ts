/** Fields that decide what is asked, of whom and how it comes back: never the caller's to set. */
export const reservedFields: ReadonlySet<string> = new Set(['model', 'messages', 'prompt', 'images', 'input', 'stream'])
