/**
 * Addresses of <VirtualHost>: `address`, `address:port`, `address:*`, `[IPv6]:port`,
 * `*` or `_default_`, or a host name. Pure: names come from the table that is given.
 */
import { isIP } from 'node:net'
import type { HostsFile } from './hosts_file.ts'

export interface VhostAddress {
  /** Numeric, in its one canonical form; `*` for any address. */
  readonly address: string
  /** 0: any port. */
  readonly port: number
  /** The host as written: what a request may ask for if no ServerName or ServerAlias matches. */
  readonly written: string
}

export type AddressAnswer =
  | { readonly kind: 'addresses'; readonly list: readonly VhostAddress[] }
  /** A name that nobody knows: the address is ignored, with a message (AH00547). */
  | { readonly kind: 'unknown'; readonly host: string }
  /** Not an address: the configuration is refused with this text. */
  | { readonly kind: 'bad'; readonly message: string }

const INVALID: AddressAnswer = { kind: 'bad', message: 'The address or port is invalid' }

/** Reads one argument of <VirtualHost>. */
export function parseVhostAddress(text: string, hosts: HostsFile): AddressAnswer {
  const [, host = text, digits] = /^(.*):(\*|\d+)$/s.exec(text) ?? []
  if (/^\d+$/.test(text) || host === '') return { kind: 'bad', message: 'Missing address for VirtualHost' }
  const port = digits === undefined || digits === '*' ? 0 : Number(digits)
  if (port > 65535 || (port === 0 && digits !== undefined && digits !== '*')) return INVALID
  if (host === '*' || host.toLowerCase() === '_default_') return found([ANY], port, host)
  if (host.startsWith('[')) {
    const inner = host.slice(1, -1)
    return host.endsWith(']') && isIP(inner) === 6 ? found([inner], port, host) : INVALID
  }
  if (isIP(host) === 4) return found([host], port, host)
  const known = hosts.addressesOf(host)
  return known.length > 0 ? found(known, port, host) : { kind: 'unknown', host }
}

/** Any address. */
export const ANY = '*'

const found = (addresses: readonly string[], port: number, written: string): AddressAnswer =>
  ({ kind: 'addresses', list: addresses.map((address) => ({ address: canonicalAddress(address), port, written })) })

/** One text per address: IPv6 in its shortest form, IPv4 inside IPv6 as IPv4, the unspecified address as `*`. */
export function canonicalAddress(address: string): string {
  if (address === ANY || address === '0.0.0.0') return ANY
  if (!address.includes(':')) return address
  const [bare = '', zone] = address.split('%', 2)
  if (isIP(bare) !== 6) return address
  const short = new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short)
  if (mapped !== null) return canonicalAddress(dotted(mapped[1]!) + '.' + dotted(mapped[2]!))
  if (short === '::') return ANY
  return zone === undefined ? short : `${short}%${zone}`
}

const dotted = (group: string): string => {
  const value = Number.parseInt(group, 16)
  return `${value >> 8}.${value & 255}`
}

/** The last four bytes of an address, folded into one: the order in which Apache lists addresses. */
export function addressHash(address: string): number {
  const fold = (bytes: readonly number[]) => bytes.reduce((sum, byte) => sum ^ byte, 0)
  if (!address.includes(':')) return fold(address.split('.').map(Number))
  const groups = address.replace(/%.*/, '').split(':')
  const last = (index: number) => Number.parseInt(groups.at(index) || '0', 16)
  const tail = [last(-2), last(-1)]
  return fold(tail.flatMap((group) => [group >> 8, group & 255]))
}

/** As `-S` shows it: IPv6 in brackets, port 0 as `*`. */
export const showAddress = ({ address, port }: { readonly address: string; readonly port: number }): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port === 0 ? '*' : port}`
