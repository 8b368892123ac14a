/**
 * Which server answers: first by the local address of the connection, then by
 * the host name of the request. Built once per generation; a look-up is one or
 * two Map reads. A list of name-based hosts is in the order of the file, and
 * its first host is the default.
 *
 *   local address ─► exact IP:port, IP:*, *:port, *:*, main server ─► Candidates
 *   host name     ─► ServerName and ServerAlias in order of the file ─► Server
 */
import { serverCore } from './core_settings.ts'
import { addressHash, ANY, canonicalAddress, type VhostAddress } from './vhost_address.ts'
import type { Server } from '../hook/types.ts'

/** A virtual host with the addresses that its <VirtualHost> resolved to. */
export interface Addressed {
  readonly server: Server
  readonly addresses: readonly VhostAddress[]
}

interface Ranked {
  readonly rank: number
  readonly server: Server
}

/** The servers of one address and port. */
export class Candidates {
  readonly address: string
  readonly port: number
  /** In the order of the file; the first is the default. */
  readonly servers: readonly Server[]
  readonly #names = new Map<string, Ranked>()
  readonly #patterns: (Ranked & { readonly pattern: string })[] = []
  /** Hosts as written in <VirtualHost>: tried last. */
  readonly #written = new Map<string, Server>()
  readonly #paths: { readonly path: string; readonly server: Server }[] = []

  constructor(address: string, port: number, entries: readonly { server: Server; written: string }[]) {
    this.address = address
    this.port = port
    this.servers = [...new Set(entries.map(({ server }) => server))]
    this.servers.forEach((server, rank) => this.#enter(server, rank))
    for (const { server, written } of entries) {
      const host = written.replace(/^\[(.*)\]$/, '$1').toLowerCase()
      if (!this.#written.has(host)) this.#written.set(host, server)
    }
  }

  #enter(server: Server, rank: number): void {
    const { serverName, serverAliases, serverPath } = server.get(serverCore)
    const exact = serverAliases.filter((alias) => !isPattern(alias))
    for (const name of serverName === undefined ? exact : [serverName, ...exact]) {
      const host = name.toLowerCase()
      if (!this.#names.has(host)) this.#names.set(host, { rank, server })
    }
    for (const alias of serverAliases)
      if (isPattern(alias)) this.#patterns.push({ rank, server, pattern: alias.toLowerCase() })
    if (serverPath !== undefined) this.#paths.push({ path: serverPath, server })
  }

  /** The default: it answers when no name matches. */
  get first(): Server {
    return this.servers[0]!
  }

  /** The server that a host name (lower case, without port) belongs to; undefined if it is nobody's. */
  find(hostname: string): Server | undefined {
    const host = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname
    const exact = this.#names.get(host)
    for (const { rank, server, pattern } of this.#patterns) {
      if (exact !== undefined && exact.rank <= rank) break
      if (matchesPattern(pattern, host)) return server
    }
    return exact?.server ?? this.#written.get(host)
  }

  /** For clients that send no host name: the server whose ServerPath leads to the path. */
  findByPath(uri: string): Server | undefined {
    return this.#paths.find(({ path }) =>
      uri.startsWith(path) && (path.endsWith('/') || uri.length === path.length || uri[path.length] === '/'))?.server
  }
}

/** True for a ServerAlias that is a pattern. */
export const isPattern = (alias: string): boolean => /[*?]/.test(alias)

/** `*` is any run of characters, `?` any one. Time is bounded by the product of the lengths. */
export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0
  let star = -1
  let mark = 0
  for (let t = 0; t < text.length;) {
    if (pattern[p] === '*') {
      star = p++
      mark = t
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++mark
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** All candidates of one local address. */
interface Ports {
  readonly exact: Map<number, Candidates>
  any: Candidates | undefined
}

const noPorts = (): Ports => ({ exact: new Map(), any: undefined })

export class VhostTable {
  /** Address by address as `-S` lists them: by hash, then wildcards; within that as the file has them. */
  readonly chains: readonly Candidates[]
  readonly main: Candidates
  readonly #byAddress = new Map<string, Ports>()
  readonly #wildcard = noPorts()

  constructor(main: Server, hosts: readonly Addressed[]) {
    this.main = new Candidates(ANY, 0, [{ server: main, written: '' }])
    const chains = chainsOf(hosts)
    const hash = (chain: Candidates) => (chain.address === ANY ? 256 : addressHash(chain.address))
    this.chains = chains.toSorted((a, b) => hash(a) - hash(b))
    for (const chain of chains) {
      const ports = chain.address === ANY ? this.#wildcard : this.#portsOf(chain.address)
      if (chain.port === 0) ports.any = chain
      else ports.exact.set(chain.port, chain)
    }
  }

  #portsOf(address: string): Ports {
    const known = this.#byAddress.get(address)
    if (known !== undefined) return known
    const ports = noPorts()
    this.#byAddress.set(address, ports)
    return ports
  }

  /** The servers that may answer on a connection. `localIp` is numeric; keep the answer with the connection. */
  candidates(localIp: string, localPort: number): Candidates {
    if (this.#byAddress.size > 0) {
      const ports = this.#byAddress.get(localIp)
        ?? (localIp.includes(':') ? this.#byAddress.get(canonicalAddress(localIp)) : undefined)
      const found = ports?.exact.get(localPort) ?? ports?.any
      if (found !== undefined) return found
    }
    return this.#wildcard.exact.get(localPort) ?? this.#wildcard.any ?? this.main
  }

  /** The server for a request: by name, by ServerPath if it names no host, else the default. */
  select(candidates: Candidates, hostname: string | undefined, uri: string): Server {
    const found = hostname === undefined ? candidates.findByPath(uri) : candidates.find(hostname)
    return found ?? candidates.first
  }
}

/**
 * One chain per address and port. Apache goes through the hosts from the last to the first and puts each new
 * chain in front, so a chain stands where its last host does in the file.
 */
function chainsOf(hosts: readonly Addressed[]): Candidates[] {
  const chains = new Map<string, { address: string; port: number; entries: { server: Server; written: string }[] }>()
  for (const { server, addresses } of hosts.toReversed()) {
    for (const { address, port, written } of addresses) {
      const key = `${address} ${port}`
      const chain = chains.get(key)
      if (chain === undefined) chains.set(key, { address, port, entries: [{ server, written }] })
      else chain.entries.push({ server, written })
    }
  }
  return [...chains.values()].reverse()
    .map(({ address, port, entries }) => new Candidates(address, port, entries.toReversed()))
}
