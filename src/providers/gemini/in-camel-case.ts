/**
 * The same fields with their names in camel case. Google's JSON reads `generation_config` as `generationConfig`
 * (protobuf's JSON mapping), so names must be compared in one form.
 */
export function inCamelCase<TValue>(fields: Readonly<Record<string, TValue>>): Record<string, TValue> {
  const entries = Object.entries(fields).map(([name, value]) => {
    return [name.replace(/(?<=[A-Za-z0-9])_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()), value] as const
  })
  return Object.fromEntries(entries)
}
