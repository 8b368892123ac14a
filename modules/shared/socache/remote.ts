/*
 * Small objects kept by servers elsewhere, each object by one of them. One rule: a server that does not answer has
 * nothing, and is left alone for a moment, so that requests do not wait for it one after the other.
 */
import { ConfigError, type Server, type Socache, type Startup } from 'httpd'

export interface Endpoint { readonly host: string; readonly port: number }

/** A connection to one server, made when it is first used. All of it may reject. */
export interface Backend {
  get(key: string): Promise<Buffer | undefined>
  /** @param ms how long it is good for, 1 at least */
  set(key: string, value: Buffer, ms: number): Promise<boolean>
  remove(key: string): Promise<boolean>
  close(): void
}

/** What the configuration says of connections, ms. */
export interface Times {
  /** A connection that nobody used for so long is closed. */
  readonly idle: number
  readonly timeout: number
}

export interface Kind {
  /** As configuration names it: `redis`. */
  readonly name: string
  readonly port: number
  times(server: Server): Times
  connect(at: Endpoint, times: Times): Backend
}

/** Longest key of memcached. */
const MOST_KEY = 250
/** How long (ms) a server that has failed is not asked. */
const REST = 1000

/** `host[:port],…`; an address of IPv6 stands in brackets. @throws ConfigError */
export function endpointsIn(argument: string | undefined, { name, port }: Pick<Kind, 'name' | 'port'>): Endpoint[] {
  const words = (argument ?? '').split(',').filter((word) => word !== '')
  if (words.length === 0) throw new ConfigError(`List of server names required to create ${name} socache.`)
  return words.map((word) => {
    const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(word) ?? []
    const host = bracketed ?? plain
    if (host === undefined || host === '' || Number(digits ?? port) > 65_535)
      throw new ConfigError(`Cannot use server "${word}" for ${name} socache: it must be host or host:port`)
    return { host, port: Number(digits ?? port) }
  })
}

const sha256 = (id: Uint8Array): string =>
  process.getBuiltinModule('node:crypto').createHash('sha256').update(id).digest('hex')

/** Printable, without blanks, and never too long: other servers may share the store. */
export function keyOf(name: string, id: Uint8Array): string {
  const key = `httpd-${name}:${Buffer.from(id).toString('hex')}`
  return key.length <= MOST_KEY ? key : `httpd-${name}:sha256-${sha256(id)}`
}

/** One of the servers. */
class Node {
  readonly at: Endpoint
  readonly #kind: Kind
  readonly #times: Times
  #backend: Backend | undefined
  #restsUntil = 0
  #asked = 0
  #idle: NodeJS.Timeout | undefined

  constructor(at: Endpoint, kind: Kind, times: Times) {
    this.at = at
    this.#kind = kind
    this.#times = times
  }

  async ask<T>(server: Server, otherwise: T, act: (backend: Backend) => Promise<T>): Promise<T> {
    if (Date.now() < this.#restsUntil) return otherwise
    const backend = (this.#backend ??= this.#kind.connect(this.at, this.#times))
    this.#asked++
    try {
      return await act(backend)
    } catch (error) {
      // What else was asked of it fails for the same reason.
      if (this.#backend === backend) this.#rest(server, error)
      return otherwise
    } finally {
      this.#asked--
      this.#sleepLater()
    }
  }

  #rest(server: Server, error: unknown): void {
    this.#restsUntil = Date.now() + REST
    this.#close()
    const { host, port } = this.at
    server.log('error', `socache_${this.#kind.name}`, `SY00178: Cannot use ${this.#kind.name} server ${host}:${port}: ` +
      (error instanceof Error ? error.message : String(error)))
  }

  #sleepLater(): void {
    if (this.#idle !== undefined) this.#idle.refresh()
    else {
      this.#idle = setTimeout(() => {
        if (this.#asked === 0) this.#close()
      }, this.#times.idle).unref()
    }
  }

  #close(): void {
    this.#backend?.close()
    this.#backend = undefined
  }
}

class RemoteCache implements Socache {
  readonly quick = false
  readonly #endpoints: readonly Endpoint[]
  readonly #kind: Kind
  #name = ''
  #nodes: readonly Node[] = []

  constructor(argument: string | undefined, kind: Kind) {
    this.#endpoints = endpointsIn(argument, kind)
    this.#kind = kind
  }

  open(name: string, _hints: unknown, { server }: Startup): void {
    this.#name = name
    this.#nodes = this.#endpoints.map((at) => new Node(at, this.#kind, this.#kind.times(server)))
  }

  store(id: Uint8Array, value: Uint8Array, expires: number, server: Server): Promise<boolean> {
    const ms = Math.max(1, Math.ceil(expires - Date.now()))
    return this.#at(id, (node, key) => node.ask(server, false, (backend) => backend.set(key, Buffer.from(value), ms)))
  }

  retrieve(id: Uint8Array, server: Server): Promise<Uint8Array | undefined> {
    return this.#at(id, (node, key) =>
      node.ask<Buffer | undefined>(server, undefined, (backend) => backend.get(key)))
  }

  remove(id: Uint8Array, server: Server): Promise<boolean> {
    return this.#at(id, (node, key) => node.ask(server, false, (backend) => backend.remove(key)))
  }

  #at<T>(id: Uint8Array, act: (node: Node, key: string) => T): T {
    const key = keyOf(this.#name, id)
    let hash = 0
    for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) >>> 0
    return act(this.#nodes[hash % this.#nodes.length]!, key)
  }
}

/** A cache kept by the servers that an argument lists. @throws ConfigError */
export const remoteCache = (argument: string | undefined, kind: Kind): Socache => new RemoteCache(argument, kind)
