/**
 * What one thread needs to serve: its buffers, its parser, its view of the
 * configuration, its clock. Shared by all connections of the thread.
 */
import type { ConfigVector } from '../config/settings.ts'
import type { Resolved, Resolver } from '../config/resolve.ts'
import { httpDate } from '../base/dates.ts'
import { endTurn } from '../base/turn.ts'
import type { Filters } from '../hook/filter.ts'
import type { Hooks } from '../hook/hooks.ts'
import type { LogLevel, ReadLimits, ReadPreface, Server, Connection, Request } from '../hook/types.ts'
import { DEFAULT_LIMITS, type Limits } from '../http/limits.ts'
import { RequestHead } from '../http/request_head.ts'
import { Errno, type Endpoint, type Fd, type Memory, type Port } from '../port/port.ts'
import { Chains } from './chains.ts'
import { HttpConn } from './http_conn.ts'
import { dirCore, Opt, optionBits, serverCore } from './core_settings.ts'
import { FileCache } from './file_cache.ts'
import type { Conn, ConnOwner, Engine } from './mpm.ts'
import { OutBuffer } from './outlet.ts'
import type { Tally } from './tally.ts'
import { allVectors } from './vectors.ts'
import type { VhostTable } from './vhost_table.ts'

const INPUT_BYTES = 16 * 1024
const OUTPUT_BYTES = 64 * 1024

export type EngineLog = (level: LogLevel, module: string, message: string, about: {
  server?: Server, connection?: Connection, request?: Request, errno?: number,
}) => void

export interface EngineParts {
  readonly port: Port
  readonly hooks: Hooks
  readonly filters: Filters
  readonly vhosts: VhostTable
  readonly servers: readonly Server[]
  /** @param files where looks at .htaccess files are kept */
  resolverOf(server: Server, files: FileCache): Resolver
  readonly log: EngineLog
  /** As the `Server:` header shows it. */
  readonly serverTokens: string
  readonly defaultDocumentRoot: string
  /** False for event's listener. */
  readonly mayBlock: boolean
  /** This thread's row of the scoreboard. */
  readonly tally: Tally
}

/** What the engine keeps of one server, decided once. */
export interface Served {
  readonly server: Server
  readonly limits: Limits
  readonly resolver: Resolver
  readonly chains: Chains
  readonly documentRoot: string
  /** Options without FollowSymLinks stand somewhere: links must be looked for. */
  readonly checksLinks: boolean
  readonly settings: ReturnType<typeof settingsOf>
  readonly reads: ReadLimits | undefined
  readonly preface: ReadPreface | undefined
}

const settingsOf = (server: Server) => server.get(serverCore)

export class ThreadEngine implements Engine {
  readonly port: Port
  readonly hooks: Hooks
  readonly filters: Filters
  readonly vhosts: VhostTable
  readonly log: EngineLog
  readonly mayBlock: boolean
  readonly input: Memory
  readonly output: OutBuffer
  readonly head = new RequestHead()
  readonly files: FileCache
  readonly serverTokens: string
  readonly tally: Tally
  finishing = false
  /** The connection whose turn it is: what it has read is in `input`, and its request's head in `head`. */
  turn: HttpConn | undefined
  /** The only server, where there are no virtual hosts. */
  readonly only: Served | undefined
  /** Connections to some server begin with something else than a request. */
  readonly #hasPrefaces: boolean
  readonly #served = new Map<Server, Served>()
  readonly #parts: EngineParts
  #connections = 0
  #now = performance.now()
  #second = 0
  #dateLines = ''

  constructor(parts: EngineParts) {
    this.port = parts.port
    this.hooks = parts.hooks
    this.filters = parts.filters
    this.vhosts = parts.vhosts
    this.log = parts.log
    this.mayBlock = parts.mayBlock
    this.tally = parts.tally
    this.serverTokens = parts.serverTokens
    this.input = parts.port.host.memory(INPUT_BYTES)
    this.output = new OutBuffer(parts.port.host.memory(OUTPUT_BYTES))
    this.files = new FileCache(parts.port)
    this.#parts = parts
    this.#hasPrefaces = parts.servers.some((server) => parts.hooks.readPreface.run(server) !== undefined)
    this.only = parts.servers.length === 1 ? this.served(parts.servers[0]!) : undefined
  }

  /** Made when the first request for the server comes: most of many hosts are asked for seldom, by few threads. */
  served(server: Server): Served {
    let served = this.#served.get(server)
    if (served === undefined) this.#served.set(server, (served = this.#serve(server, this.#parts)))
    return served
  }

  /** The hook functions for what holds of a request, computed when first met. */
  chainsOf(server: Server, resolved: Resolved): Chains {
    const slot = resolved.slot as Chains | undefined
    if (slot !== undefined) return slot
    const chains = new Chains(this.hooks, server, resolved.vector, this.mayBlock)
    resolved.slot = chains
    return chains
  }

  connect(fd: Fd, peer: Endpoint, local: Endpoint | undefined, owner: ConnOwner,
          resumed?: { keepalives: number; unread: Uint8Array }): Conn {
    return new HttpConn(this, ++this.#connections, fd, peer, local, owner, resumed)
  }

  /** What reads that which comes before the first request; see Inlet. */
  prefaceFor(connection: HttpConn): ((bytes: Buffer) => number | undefined) | undefined {
    if (!this.#hasPrefaces) return undefined
    return (bytes) => {
      const read = connection.served.preface?.(bytes, connection)
      if (read?.client !== undefined) connection.peer = { ...connection.peer, ...read.client }
      return read?.used
    }
  }

  accept(listener: Fd): Fd {
    return this.port.net.accept(listener)
  }

  peer(): Endpoint {
    return this.port.net.peer()
  }

  drain(fd: Fd): boolean {
    for (let i = 0; i < 16; i++) {
      const got = this.port.net.recv(fd, this.input, 0, INPUT_BYTES)
      if (got === 0 || (got < 0 && got !== -Errno.again)) return true
      if (got < 0) return false
    }
    return false
  }

  now(): number {
    return this.#now
  }

  /** `Date` and `Server` lines, made once a second. */
  dateAndServer(): string {
    const ms = Date.now()
    const second = Math.floor(ms / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#dateLines = `Date: ${httpDate(second * 1000)}\r\nServer: ${this.serverTokens}\r\n`
    }
    return this.#dateLines
  }

  beginTurn(): void {
    this.#now = performance.now()
    this.files.beginTurn()
  }

  endTurn(): void {
    endTurn()
  }

  #serve(server: Server, parts: EngineParts): Served {
    const settings = settingsOf(server)
    return {
      server,
      settings,
      reads: parts.hooks.readLimits.run(server) as ReadLimits | undefined,
      preface: parts.hooks.readPreface.run(server) as ReadPreface | undefined,
      limits: {
        line: settings.limitRequestLine, fields: settings.limitRequestFields, fieldSize: settings.limitRequestFieldSize,
        blankLines: DEFAULT_LIMITS.blankLines, strict: settings.strict, allow09: settings.allow09,
        registeredMethodsOnly: settings.registeredMethodsOnly,
      },
      resolver: parts.resolverOf(server, this.files),
      chains: new Chains(parts.hooks, server, server.conf.defaults, parts.mayBlock),
      documentRoot: (settings.documentRoot ?? parts.defaultDocumentRoot).replace(/\/$/, ''),
      checksLinks: allVectors(server).some(forbidsLinks),
    }
  }
}

const forbidsLinks = (vector: ConfigVector): boolean => {
  const options = vector.says(dirCore)?.options
  return options !== undefined && !(optionBits(options) & Opt.followSymLinks)
}
