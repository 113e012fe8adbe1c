import { BlockList, isIP } from 'node:net'

/** Not for the public: IANA's special-purpose registries for IPv4 (RFC 6890 and later). */
const ipv4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's own service on every virtual machine, though the address is a public one (learn.microsoft.com, 168.63.129.16).
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]

/** The same for IPv6; 2002::/16 (6to4) and 2001::/23 (Teredo and more) can hide any IPv4 address. */
const ipv6: readonly (readonly [string, number])[] = [
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['100:0:0:1::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

/** Prefixes in whose last 32 bits an IPv4 address stands: mapped, translated (RFC 7915), compatible, NAT64. */
const embedding = ['::ffff:', '::ffff:0:', '::', '64:ff9b::']

let blocked: BlockList | undefined

/** Whether an IP address is private, loopback, link-local or otherwise not public. What is no address counts as such. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return true
  blocked ??= buildBlockList()
  return blocked.check(address.replace(/%.*$/, ''), family === 4 ? 'ipv4' : 'ipv6')
}

function buildBlockList(): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of ipv4) {
    list.addSubnet(network, prefix, 'ipv4')
    for (const before of embedding) list.addSubnet(`${before}${network}`, 96 + prefix, 'ipv6')
  }
  for (const [network, prefix] of ipv6) list.addSubnet(network, prefix, 'ipv6')
  return list
}
