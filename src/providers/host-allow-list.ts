/** Says whether the host of an address is on the list. */
export type HostMatcher = (url: URL) => boolean

/**
 * A matcher for entries of the forms `host`, `host:port` and `*.suffix` (any name below it, not the suffix itself), in
 * any case. Without a port every port fits.
 */
export function createHostMatcher(entries: readonly string[]): HostMatcher {
  const rules = entries.map((entry) => {
    const { host, port } = splitPort(entry.trim().toLowerCase())
    return { host: host.startsWith('*.') ? host.slice(1) : host, isSuffix: host.startsWith('*.'), port }
  })
  return (url) => {
    const host = hostNameOf(url)
    const port = url.port || (url.protocol === 'https:' ? '443' : '80')
    return rules.some(
      (rule) =>
        (rule.port === null || rule.port === port) &&
        (rule.isSuffix ? host.endsWith(rule.host) && host.length > rule.host.length : host === rule.host),
    )
  }
}

/** The host of an address without port, brackets and final dot. */
export function hostNameOf(url: URL): string {
  return url.hostname
    .toLowerCase()
    .replace(/^\[(.+)\]$/, '$1')
    .replace(/\.$/, '')
}

/** Whether the address leads to this machine. */
export function isLoopback(url: URL): boolean {
  const host = hostNameOf(url)
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function splitPort(entry: string): { host: string; port: string | null } {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(entry)
  if (match?.[1] === undefined) return { host: entry, port: null }
  return { host: match[1].replace(/^\[(.+)\]$/, '$1'), port: match[2] ?? null }
}
