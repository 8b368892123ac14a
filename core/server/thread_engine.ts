/**
 * What one thread needs to serve: its buffers, its parser, its view of the
 * configuration, its clock. Shared by all connections of the thread.
 */
import type { ConfigVector } from '../config/settings.ts'
import type { Resolved, Resolver } from '../config/resolve.ts'
import { followClock, threadTime, timeOfDay } from '../base/clock.ts'
import { httpDate } from '../base/dates.ts'
import { endTurn } from '../base/turn.ts'
import type { Filters } from '../hook/filter.ts'
import type { Hooks } from '../hook/hooks.ts'
import type { LogLevel, Protocol, ReadLimits, ReadPreface, Server, Connection, Request } from '../hook/types.ts'
import { Atoms } from '../http/atoms.ts'
import { DEFAULT_LIMITS, type Limits } from '../http/limits.ts'
import { RequestHead } from '../http/request_head.ts'
import { statusLine } from '../http/status.ts'
import type { EncodedSlashes } from '../http/target.ts'
import { Errno, type Endpoint, type Fd, type Memory, type Port, type SendRing } from '../port/port.ts'
import { Chains } from './chains.ts'
import { HttpConn } from './http_conn.ts'
import type { IoTaps } from './io_tap.ts'
import { PlainConn } from './plain_conn.ts'
import { dirCore, Opt, optionBits, serverCore } from './core_settings.ts'
import { FileCache } from './file_cache.ts'
import type { Conn, ConnOwner, Engine } from './mpm.ts'
import { OutBuffer } from './outlet.ts'
import { SendBatch } from './send_batch.ts'
import { Streams } from './streams.ts'
import type { Tally } from './tally.ts'
import { allVectors } from './vectors.ts'
import type { VhostTable } from './vhost_table.ts'

const INPUT_BYTES = 16 * 1024
const OUTPUT_BYTES = 64 * 1024
/** Memory (bytes) for what is known of files: of a thread among many, and of the one that answers for all. */
const FILES_OF_MANY = 8 * 1024 * 1024
const FILES_OF_ONE = 48 * 1024 * 1024
/** Different targets remembered by the one that answers for all. */
const TARGETS_OF_ONE = 32768
/** Where answers wait for the end of the turn there is room for that many more. */
const WAITING_BYTES = 128 * 1024

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
  /** Answers of a turn leave together. */
  readonly sends?: SendRing | undefined
  /** Where somebody is told what passes; `port` is theirs then. */
  readonly taps?: IoTaps | undefined
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
  /** Options without FollowSymLinks stand somewhere, or in an .htaccess file that was met: links must be looked for. */
  checksLinks: boolean
  readonly settings: ReturnType<typeof settingsOf>
  readonly encodedSlashes: EncodedSlashes
  readonly reads: ReadLimits | undefined
  readonly preface: ReadPreface | undefined
  readonly protocol: Protocol | undefined
}

const SLASHES = { off: 'Off', on: 'On', nodecode: 'NoDecode' } as const

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
  readonly streams: Streams
  readonly head: RequestHead
  readonly files: FileCache
  readonly serverTokens: string
  readonly tally: Tally
  finishing = false
  /** The connection whose turn it is: what it has read is in `input`, and its request's head in `head`. */
  turn: HttpConn | PlainConn | undefined
  /** Whose request was the last one in this turn. */
  answered: HttpConn | undefined
  /** The only server, where there are no virtual hosts. */
  readonly only: Served | undefined
  /** Connections to some server begin with something else than a request. */
  readonly #hasPrefaces: boolean
  /** To some server something else than HTTP is spoken. */
  readonly #hasProtocols: boolean
  readonly #served = new Map<Server, Served>()
  readonly #parts: EngineParts
  #connections = 0
  readonly #resting: HttpConn[] = []
  #now = threadTime()
  #dateLines = ''
  /** By status, with these. */
  readonly #openings: (Buffer | undefined)[] = []
  /** When they must be made anew. */
  #datesEnd = -Infinity

  constructor(parts: EngineParts) {
    this.port = parts.port
    this.hooks = parts.hooks
    this.filters = parts.filters
    this.vhosts = parts.vhosts
    this.log = parts.log
    this.mayBlock = parts.mayBlock
    this.tally = parts.tally
    this.head = parts.mayBlock ? new RequestHead() : new RequestHead(new Atoms(TARGETS_OF_ONE))
    this.serverTokens = parts.serverTokens
    this.input = parts.port.host.memory(INPUT_BYTES)
    this.output = outBuffer(parts)
    this.streams = new Streams(parts.port, this.input, this.output)
    this.files = new FileCache(parts.port, parts.mayBlock ? FILES_OF_MANY : FILES_OF_ONE)
    this.#parts = parts
    this.#hasPrefaces = parts.servers.some((server) => parts.hooks.readPreface.run(server) !== undefined)
    this.#hasProtocols = parts.servers.some((server) => parts.hooks.processConnection.run(server) !== undefined)
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
    if (this.#hasProtocols && resumed === undefined) {
      const { protocol, settings } = this.served(this.#serverAt(fd, local))
      if (protocol !== undefined) {
        const speaks = { protocol, timeout: settings.timeout }
        return this.#met(new PlainConn(this, ++this.#connections, fd, peer, local, owner, speaks))
      }
    }
    return this.#met(new HttpConn(this, ++this.#connections, fd, peer, local, owner, resumed))
  }

  #met(connection: HttpConn | PlainConn): Conn {
    const { taps } = this.#parts
    if (taps !== undefined) taps.meets(connection, this.#serverAt(connection.fd, undefined))
    return connection
  }

  /** The server that the local address of a connection means. */
  #serverAt(fd: Fd, local: Endpoint | undefined): Server {
    const { address, port } = local ?? this.port.net.localEnd(fd)
    return this.vhosts.candidates(address, port).first
  }

  /** What reads that which comes before the first request; see Inlet. */
  prefaceFor(connection: HttpConn): ((bytes: Buffer) => number | undefined) | undefined {
    if (!this.#hasPrefaces) return undefined
    return (bytes) => {
      const read = connection.served.preface?.(bytes, connection)
      if (read?.used !== 0) connection.restartPace()
      if (read?.used !== undefined && read.used > 0) connection.peer = { ...connection.peer, ...read.client, introduced: true }
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

  readClock(): number {
    return (this.#now = threadTime())
  }

  /**
   * When a request begins, in milliseconds since 1970. Where nothing blocks, the clock was read when the turn began or
   * when the request before this one was answered, and need not be read again.
   */
  requestBegins(): number {
    const now = this.mayBlock ? this.readClock() : this.#now
    // The clock may have been set while nobody asked for anything.
    if (now >= this.#datesEnd) this.#makeDates(now)
    return timeOfDay(now)
  }

  /** `Date` and `Server` lines, made once a second. */
  dateAndServer(): string {
    const now = this.mayBlock || this.turn === undefined ? this.readClock() : this.#now
    if (now >= this.#datesEnd) this.#makeDates(now)
    return this.#dateLines
  }

  #makeDates(now: number): void {
    followClock()
    const ms = Date.now()
    this.#datesEnd = now + 1000 - ms % 1000
    this.#dateLines = `Date: ${httpDate(ms)}\r\nServer: ${this.serverTokens}\r\n`
    this.#openings.length = 0
  }

  /** How every head begins: status line, `Date` and `Server`. */
  opening(status: number): Buffer {
    const dateLines = this.dateAndServer()
    return (this.#openings[status] ??= Buffer.from(`HTTP/1.1 ${statusLine(status)}\r\n${dateLines}`, 'latin1'))
  }

  beginTurn(): void {
    this.#now = threadTime()
    this.answered = undefined
    this.files.beginTurn()
  }

  /** A connection idles. Where many do, its stream is another's once the turn is over and its answer has left. */
  rests(connection: HttpConn): void {
    if (!this.mayBlock) this.#resting.push(connection)
  }

  endTurn(): void {
    this.output.submit()
    for (let connection = this.#resting.pop(); connection !== undefined; connection = this.#resting.pop()) connection.rest()
    this.files.endTurn()
    endTurn()
  }

  #serve(server: Server, parts: EngineParts): Served {
    const settings = settingsOf(server)
    const served: Served = {
      server,
      settings,
      reads: parts.hooks.readLimits.run(server) as ReadLimits | undefined,
      preface: parts.hooks.readPreface.run(server) as ReadPreface | undefined,
      protocol: parts.hooks.processConnection.run(server) as Protocol | undefined,
      limits: {
        line: settings.limitRequestLine, fields: settings.limitRequestFields, fieldSize: settings.limitRequestFieldSize,
        blankLines: DEFAULT_LIMITS.blankLines, strict: settings.strict, allow09: settings.allow09,
        registeredMethodsOnly: settings.registeredMethodsOnly,
      },
      resolver: parts.resolverOf(server, this.files),
      chains: new Chains(parts.hooks, server, server.conf.defaults, parts.mayBlock),
      documentRoot: (settings.documentRoot ?? parts.defaultDocumentRoot).replace(/\/$/, ''),
      encodedSlashes: SLASHES[server.conf.defaults.holds(dirCore).allowEncodedSlashes],
      checksLinks: allVectors(server).some(forbidsLinks),
    }
    served.resolver.onHtaccess = ({ vector }) => {
      if (forbidsLinks(vector)) served.checksLinks = true
    }
    return served
  }
}

function outBuffer({ port, sends }: EngineParts): OutBuffer {
  if (sends === undefined) return new OutBuffer(port.host.memory(OUTPUT_BYTES))
  const memory = port.host.memory(OUTPUT_BYTES + WAITING_BYTES)
  return new OutBuffer(memory, OUTPUT_BYTES, new SendBatch(port.net, sends, memory))
}

const forbidsLinks = (vector: ConfigVector): boolean => {
  const options = vector.says(dirCore)?.options
  return options !== undefined && !(optionBits(options) & Opt.followSymLinks)
}
