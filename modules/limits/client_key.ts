/* Whom a limit per client address counts as one: an IPv4 address, or a network of IPv6 addresses. */

import { Recent } from 'httpd'

const GROUPS = 8
const GROUP_BITS = 16

/** Addresses whose networks are remembered. */
const REMEMBERED = 512

/**
 * @param prefix bits that count of an IPv6 address
 * @returns what answers a text that is the same for all addresses of one client
 */
export function clientKeys(prefix: number): (address: string) => string {
  const networks = new Recent<string, string>(REMEMBERED)
  return (address) => {
    if (!address.includes(':')) return address
    return networks.get(address) ?? networks.set(address, networkOf(address, prefix))
  }
}

/** The first groups of the address as it is written out in full, with what is beyond the prefix cut off. */
function networkOf(address: string, prefix: number): string {
  const groups = groupsOf(address)
  let key = ''
  for (let i = 0, left = prefix; i < GROUPS && left > 0; i++, left -= GROUP_BITS) {
    const mask = left >= GROUP_BITS ? 0xffff : 0xffff << (GROUP_BITS - left) & 0xffff
    key += `${(groups[i]! & mask).toString(16)}:`
  }
  return key
}

function groupsOf(address: string): number[] {
  const gap = address.indexOf('::')
  if (gap < 0) return partsOf(address)
  const before = partsOf(address.slice(0, gap))
  const after = partsOf(address.slice(gap + 2))
  while (before.length + after.length < GROUPS) before.push(0)
  return before.concat(after)
}

/** Groups of one side; the last may be an IPv4 address (`::ffff:192.0.2.1`), and a zone does not count. */
function partsOf(text: string): number[] {
  if (text === '') return []
  const parts: number[] = []
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
      parts.push(a << 8 | b, c << 8 | d)
    } else parts.push(Number.parseInt(part, 16) || 0)
  }
  return parts
}
