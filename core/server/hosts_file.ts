/**
 * Host names without waiting: the table of /etc/hosts. A configuration is read
 * in one go, so a name that only DNS knows is not resolved.
 */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'

export interface HostsFile {
  /** Addresses of a name, in the order of the file. */
  addressesOf(name: string): readonly string[]
  /** The first (canonical) name of an address. */
  nameOf(address: string): string | undefined
}

/** Reads the text of a hosts(5) file. `localhost` has its address even if the file says nothing of it. */
export function parseHosts(text: string): HostsFile {
  const addresses = new Map<string, string[]>()
  const names = new Map<string, string>()
  const rows = text.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
  for (const [address = '', ...aliases] of [...rows, ['127.0.0.1', 'localhost']]) {
    if (isIP(address) === 0 || aliases.length === 0) continue
    if (!names.has(address)) names.set(address, aliases[0]!)
    for (const alias of aliases) {
      const list = addresses.get(alias.toLowerCase()) ?? []
      if (address === '127.0.0.1' && list.length > 0 && alias === 'localhost') continue
      if (!list.includes(address)) addresses.set(alias.toLowerCase(), [...list, address])
    }
  }
  return {
    addressesOf: (name) => addresses.get(name.toLowerCase()) ?? [],
    nameOf: (address) => names.get(address),
  }
}

/** The machine's own table; empty but for localhost if it cannot be read. */
export function readHosts(path = '/etc/hosts'): HostsFile {
  try {
    return parseHosts(readFileSync(path, 'latin1'))
  } catch {
    return parseHosts('')
  }
}

/**
 * The name of a server without ServerName: the machine's name if it has a domain, else the canonical name
 * of its address; failing that, `sure` is false and the address stands in (Apache's ap_get_local_host).
 */
export function localHost(hostname: string, hosts: HostsFile): { readonly name: string; readonly sure: boolean } {
  if (hostname.includes('.')) return { name: hostname, sure: true }
  const address = hosts.addressesOf(hostname)[0] ?? '127.0.0.1'
  const name = hosts.nameOf(address)
  return name?.includes('.') ? { name, sure: true } : { name: address, sure: false }
}
