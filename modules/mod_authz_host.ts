/*
 * mod_authz_host: requirements about where a request comes from: `Require ip`, `host`, `forward-dns`, `local`.
 * Addresses are compared at once, and the answer for an address is kept; names are asked for without waiting.
 */
import { lookup, reverse } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { ConfigError, registerAuthz, type AuthzStatus, type Module, type Request } from 'httpd'

/** Answers kept per Require line. */
const MAX_KEPT = 1024

/** A set of addresses as a Require line gives it. */
export class AddressSet {
  readonly #list = new BlockList()
  readonly #kept = new Map<string, boolean>()

  /** @throws ConfigError for what is no address, part of one, or network */
  add(text: string): void {
    try {
      this.#add(text)
    } catch {
      throw new ConfigError(`ip address '${text}' appears to be invalid`)
    }
  }

  has(address: string): boolean {
    let known = this.#kept.get(address)
    if (known === undefined) {
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
      this.#kept.set(address, known = this.#list.check(address, address.includes(':') ? 'ipv6' : 'ipv4'))
    }
    return known
  }

  #add(text: string): void {
    const [address, mask] = text.split('/', 2) as [string, string?]
    const family = isIP(address)
    if (family === 6) return this.#subnet(address, mask === undefined ? 128 : prefix(mask, 128), 'ipv6')
    const parts = address.replace(/\.$/, '').split('.')
    if (parts.length > 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) throw new Error()
    const whole = [...parts, ...Array<string>(4 - parts.length).fill('0')].map(Number).join('.')
    this.#subnet(whole, mask === undefined ? parts.length * 8 : ipv4Prefix(mask), 'ipv4')
  }

  #subnet(address: string, bits: number, family: 'ipv4' | 'ipv6'): void {
    this.#list.addSubnet(address, bits, family)
  }
}

function prefix(text: string, most: number): number {
  if (!/^\d+$/.test(text) || Number(text) > most) throw new Error()
  return Number(text)
}

/** `16` or `255.255.0.0`; the ones of a mask must stand together. */
function ipv4Prefix(text: string): number {
  // The dot first: node takes milliseconds to make its pattern of IPv6 addresses, in every process and thread.
  if (!text.includes('.') || isIP(text) !== 4) return prefix(text, 32)
  const bits = text.split('.').map((part) => Number(part).toString(2).padStart(8, '0')).join('')
  if (!/^1*0*$/.test(bits)) throw new Error()
  return bits.indexOf('0') < 0 ? 32 : bits.indexOf('0')
}

const wordsOf = (args: string, what: string): string[] => {
  const words = args.split(/\s+/).filter((text) => text !== '' && text !== 'from')
  if (words.length === 0) throw new ConfigError(`'require ${what}' requires at least one argument`)
  return words
}

/** An IPv4 client of an IPv6 socket counts as IPv4. */
const clientOf = (r: Request): string => r.clientIp.replace(/^::ffff:(?=\d+\.)/i, '')

registerAuthz('ip', {
  parse(args) {
    const set = new AddressSet()
    for (const text of wordsOf(args, 'ip')) set.add(text)
    return set
  },
  check: (r, set) => set.has(clientOf(r)) ? 'granted' : 'denied',
})

let loopbackSet: AddressSet | undefined

/** Made when it is asked for the first time. */
const loopback = {
  has(address: string): boolean {
    if (loopbackSet === undefined) {
      loopbackSet = new AddressSet()
      for (const network of ['127.0.0.0/8', '::1']) loopbackSet.add(network)
    }
    return loopbackSet.has(address)
  },
}

registerAuthz('local', {
  parse(args) {
    if (args.trim() !== '') throw new ConfigError("'require local' does not take arguments")
    return undefined
  },
  check: (r) => r.clientIp === r.connection.localIp || loopback.has(clientOf(r)) ? 'granted' : 'denied',
})

/** `example.org` is a domain with all names in it, and so is `.example.org` without itself. */
export const inDomain = (domain: string, name: string): boolean => {
  const whole = domain.toLowerCase()
  const lower = name.toLowerCase().replace(/\.$/, '')
  return whole.startsWith('.') ? lower.endsWith(whole) : lower === whole || lower.endsWith(`.${whole}`)
}

interface Names {
  reverse(address: string): Promise<string[]>
  addressesOf(name: string): Promise<string[]>
}

const system: Names = {
  reverse,
  addressesOf: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
}

/** The names of an address that lead back to it: anyone can give his address any name. */
export async function provenNames(address: string, names: Names = system): Promise<string[]> {
  const proven: string[] = []
  for (const name of await names.reverse(address)) {
    const addresses = await names.addressesOf(name).catch((): string[] => [])
    if (addresses.includes(address)) proven.push(name)
  }
  return proven
}

async function checkHost(r: Request, domains: readonly string[]): Promise<AuthzStatus> {
  const names = await provenNames(clientOf(r)).catch((): string[] => [])
  if (names.length === 0) {
    r.log('error', 'authz_host', `AH01753: access check of '${domains.join(' ')}' to ${r.uri} failed, reason: ` +
      'unable to get the remote host name')
    return 'denied'
  }
  return names.some((name) => domains.some((domain) => inDomain(domain, name))) ? 'granted' : 'denied'
}

registerAuthz('host', { slow: true, parse: (args) => wordsOf(args, 'host'), check: checkHost })

async function checkForward(r: Request, hosts: readonly string[]): Promise<AuthzStatus> {
  const client = clientOf(r)
  for (const host of hosts) {
    const addresses = await system.addressesOf(host).catch((): string[] => [])
    if (addresses.includes(client)) return 'granted'
  }
  return 'denied'
}

registerAuthz('forward-dns', { slow: true, parse: (args) => wordsOf(args, 'forward-dns'), check: checkForward })

export const module = {
  name: 'authz_host_module',
  file: 'mod_authz_host.c',
} satisfies Module
