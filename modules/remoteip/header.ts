/**
 * Whom a header such as X-Forwarded-For says that a request is for: its addresses are taken from the right, each on the
 * word of the one before it, as long as that is a proxy that is trusted. Pure.
 */
import { isIP, SocketAddress } from 'node:net'
import type { Subnet } from 'httpd'

export interface Proxy {
  readonly holds: Subnet
  /** It may speak for addresses of private networks, too, and is not told of further on. */
  readonly internal: boolean
}

export interface Found {
  readonly client: string
  /** What is left of the header; empty: nothing. */
  readonly rest: string
  /** Proxies that were passed, those of one's own network left out. */
  readonly proxies: readonly string[]
  /** Why the rest was not used. */
  readonly doubt: string | undefined
}

/** @param proxies undefined: whoever sends the header is trusted */
export function follow(value: string, peer: string, proxies: readonly Proxy[] | undefined, header: string): Found {
  let client = peer
  let rest = value
  // Who came by a proxy of others does so from there on.
  let internal = proxies !== undefined
  let doubt: string | undefined
  const passed: string[] = []
  while (rest !== '') {
    if (proxies !== undefined) {
      const known = proxies.find(({ holds }) => holds(client))
      if (known === undefined) break
      internal &&= known.internal
    }
    const comma = rest.lastIndexOf(',')
    const address = rest.slice(comma + 1).replace(/^ +| +$/g, '')
    if (address === '') break
    const said = plain(address)
    if (said === undefined) {
      doubt = `AH01568: RemoteIP: Header ${header} value of ${address} cannot be parsed as a client IP`
      break
    }
    if (!internal && isPrivate(said)) {
      doubt = `AH01569: RemoteIP: Header ${header} value of ${address} appears to be a private IP or nonsensical.  Ignored`
      break
    }
    if (!internal) passed.push(client)
    client = said
    rest = comma < 0 ? '' : rest.slice(0, comma)
  }
  return { client, rest, proxies: passed, doubt }
}

const MAPPED = '::ffff:'

/** An address as it is compared and logged, one of IPv4 as that however it is written; undefined if it is none. */
function plain(text: string): string | undefined {
  const version = isIP(text)
  if (version !== 6) return version === 4 ? text : undefined
  if (text.includes('%')) return undefined
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address
}

/** Of networks that nobody reaches over the internet: RFC 3330, and all but 2000::/3 (RFC 4291). */
export function isPrivate(address: string): boolean {
  if (address.includes(':')) return !/^[23][0-9a-f]{3}:/i.test(address)
  const [a, b] = address.split('.').map(Number) as [number, number]
  return a === 10 || a === 127 || (a === 169 && b === 254) || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168)
}
