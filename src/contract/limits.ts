/** Limits that the contract itself sets. */

/** Ids (request, tenant, command, model, provider, route) are 1 to 128 visible ASCII characters. */
const idPattern = /^[\x21-\x7e]{1,128}$/

/** Whether a text may be an id. */
export function isId(text: string): boolean {
  return idPattern.test(text)
}

/** The tenant of a request that names none. */
export const defaultTenant = 'default'

/** Calls that one claim of a request makes at most: so many attempt numbers are passed over when its owner dies. */
export const maxAttemptsPerClaim = 16

/** Targets of one route; each may be an attempt. */
export const maxRouteTargets = maxAttemptsPerClaim

/** Routes that lead to routes, at most. */
export const maxRouteDepth = 8
