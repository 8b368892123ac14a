/** Networks of addresses, as `-R` and `-ipmatch` compare with them (apr_ipsubnet_create). Pure. */
import { BlockList, isIP, SocketAddress } from 'node:net'

/** Tells whether an address is in the network. */
export type Subnet = (address: string) => boolean

/** Answers kept for each network. */
const MAX_KEPT = 1024

/**
 * @param text an address, the first one to three numbers of an IPv4 address, or an address with `/BITS` or, for IPv4, `/MASK`
 * @throws Error with Apache's text
 */
export function subnet(text: string): Subnet {
  const slash = text.indexOf('/')
  const [address, mask] = slash < 0 ? [text, undefined] : [text.slice(0, slash), text.slice(slash + 1)]
  const holds = networkOf(address, mask)
  const kept = new Map<string, boolean>()
  return (asked) => {
    let known = kept.get(asked)
    if (known === undefined) {
      if (kept.size >= MAX_KEPT) kept.clear()
      kept.set(asked, known = holds(plain(asked)))
    }
    return known
  }
}

/** An IPv4 address inside of an IPv6 one counts as IPv4, however it is written (`::ffff:1.2.3.4`, `0::ffff:102:304`). */
function plain(address: string): string {
  if (isIP(address) !== 6) return address
  const written = new SocketAddress({ address, family: 'ipv6' }).address
  return written.startsWith(MAPPED) && written.includes('.') ? written.slice(MAPPED.length) : address
}
const MAPPED = '::ffff:'

function networkOf(address: string, mask: string | undefined): Subnet {
  try {
    return isIP(address) === 6 ? ipv6(address, mask) : ipv4(address, mask)
  } catch {
    throw new Error('parsing of subnet/netmask failed')
  }
}

function ipv6(address: string, mask: string | undefined): Subnet {
  if (address !== plain(address)) throw new Error()
  const list = new BlockList()
  list.addSubnet(address, mask === undefined ? 128 : bitsOf(mask, 128), 'ipv6')
  return (asked) => isIP(asked) === 6 && list.check(asked, 'ipv6')
}

function ipv4(address: string, mask: string | undefined): Subnet {
  const parts = address.replace(/\.$/, '').split('.')
  if (parts.length > 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) throw new Error()
  if (mask !== undefined && isIP(address) !== 4) throw new Error()
  const bits = mask === undefined ? ones(parts.length * 8) : isIP(mask) === 4 ? numberOf(mask) : ones(bitsOf(mask, 32))
  const network = numberOf([...parts, '0', '0', '0'].slice(0, 4).join('.')) & bits
  return (asked) => isIP(asked) === 4 && (numberOf(asked) & bits) === network
}

const numberOf = (address: string): number =>
  address.split('.').reduce((number, part) => (number << 8) | Number(part), 0)

const ones = (count: number): number => (count === 0 ? 0 : -1 << (32 - count))

function bitsOf(text: string, most: number): number {
  if (!/^\d+$/.test(text) || Number(text) > most || Number(text) < 1) throw new Error()
  return Number(text)
}
