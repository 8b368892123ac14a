// A thread's engine on a socket made of two lists: no descriptor, no clock. For tests of connections.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ServerConf } from '../../core/config/server_conf.ts'
import { ModuleList } from '../../core/hook/modules.ts'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import type { Memory, Port } from '../../core/port/port.ts'
import type { Conn } from '../../core/server/mpm.ts'
import { buildServers } from '../../core/server/server.ts'
import { Scoreboard } from '../../core/server/scoreboard.ts'
import { Tally } from '../../core/server/tally.ts'
import { ThreadEngine, type EngineParts } from '../../core/server/thread_engine.ts'
import { VhostTable } from '../../core/server/vhost_table.ts'

const AGAIN = -11
const EPIPE = -32
const real = linux(epoll)
export const root = mkdtempSync(join(tmpdir(), 'conn-'))
t.teardown(() => rmSync(root, { recursive: true }))
writeFileSync(join(root, 'hello'), 'hello, world\n')
writeFileSync(join(root, 'large'), 'x'.repeat(100_000))

/** One socket: what the client has sent and not been read, what has been written. */
class Socket {
  incoming: Buffer[] = []
  outgoing = ''
  /** The same, by descriptor. */
  readonly sentTo = new Map<number, string>()
  /** Bytes that the send buffer takes before it is full. */
  capacity = Infinity
  /** Descriptors whose client is gone: writing fails. */
  readonly gone = new Set<number>()
  ended = false
  closed = false
  shut = false
  readonly port: Port

  constructor() {
    this.port = {
      ...real,
      net: {
        ...real.net,
        recv: (_fd, into, at, length) => this.#recv(into, at, length),
        send: (fd, from, at, length) => this.#take(fd, from.bytes.toString('latin1', at, at + length)),
        sendfile: (fd, file, offset, length) => {
          const memory = real.host.memory(length)
          const got = real.files.pread(file, memory, 0, length, offset)
          return got <= 0 ? got : this.#take(fd, memory.bytes.toString('latin1', 0, got))
        },
        shutdown: () => { this.shut = true },
        close: () => { this.closed = true },
        localEnd: () => ({ address: '127.0.0.1', port: 80 }), peerEnd: () => undefined,
      },
    }
  }

  #recv(into: Memory, at: number, length: number): number {
    const first = this.incoming.shift()
    if (first === undefined) return this.ended ? 0 : AGAIN
    const taken = Math.min(length, first.length)
    first.copy(into.bytes, at, 0, taken)
    if (taken < first.length) this.incoming.unshift(first.subarray(taken))
    return taken
  }

  #take(fd: number, text: string): number {
    if (this.gone.has(fd)) return EPIPE
    const taken = Math.min(this.capacity, text.length)
    if (taken === 0) return AGAIN
    this.capacity -= taken
    this.outgoing += text.slice(0, taken)
    this.sentTo.set(fd, (this.sentTo.get(fd) ?? '') + text.slice(0, taken))
    return taken
  }
}

/** A second connection on the same thread. */
export function another({ engine }: Made): Conn {
  return engine.connect(901, { address: '10.0.0.2', port: 4001 }, undefined, { resume: () => undefined, status: () => undefined })
}

export interface Made {
  readonly socket: Socket
  readonly conn: Conn
  readonly engine: ThreadEngine
  readonly resumed: () => number
  readonly logged: string[]
  say(text: string): void
}

export function make(register?: (modules: ModuleList) => void, parts: Partial<EngineParts> = {}, conf = plainConf()): Made {
  const socket = new Socket()
  const modules = new ModuleList()
  register?.(modules)
  const servers = buildServers({ main: conf, virtual: [] }, () => undefined)
  const resolved = { vector: conf.defaults, id: 0, slot: undefined, conditions: [], naming: [], selective: false }
  const logged: string[] = []
  const board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(1, 1)), 1, 1)
  const engine = new ThreadEngine({
    port: socket.port, hooks: modules.hooks, filters: modules.filters, servers, vhosts: new VhostTable(servers[0]!, []),
    // Only what the engine asks of a resolver: one configuration for everything.
    resolverOf: () => ({ forLocation: () => resolved, forFile: () => resolved }) as unknown as ReturnType<EngineParts['resolverOf']>,
    log: (_level, _module, message) => void logged.push(message),
    serverTokens: 'Test', defaultDocumentRoot: root, mayBlock: true, ...parts,
    tally: new Tally(board.worker(0, 0), { extended: true, mayBlock: parts.mayBlock ?? true, tail: false }),
  })
  let resumed = 0
  const owner = { resume: (c: Conn) => { resumed++; c.advance() }, status: () => undefined }
  const conn = engine.connect(900, { address: '10.0.0.1', port: 4000 }, undefined, owner)
  return { socket, conn, engine, logged, resumed: () => resumed, say: (text) => void socket.incoming.push(Buffer.from(text, 'latin1')) }
}

export function plainConf(): ServerConf {
  return new ServerConf(false, { file: 'test', line: 1 })
}

export const GET = 'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n'
export const answers = (text: string): string[] => text.split('HTTP/1.1 ').slice(1).map((part) => part.slice(0, 3))
