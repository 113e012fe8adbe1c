/** Limits that the contract itself sets. */

/** Ids (request, tenant, command, model, provider, route) are 1 to 128 visible ASCII characters. */
const idPattern = /^[\x21-\x7e]{1,128}$/

/** Whether a text may be an id. */
export function isId(text: string): boolean {
  return idPattern.test(text)
}
