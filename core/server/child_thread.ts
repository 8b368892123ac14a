/**
 * A thread that serves: the main thread of a child process, or one of its crew.
 * Builds the configuration out of the generation's tree, then an engine, and
 * hands both to the MPM as a seat.
 */
import { Resolver } from '../config/resolve.ts'
import { OK } from '../hook/hook.ts'
import { logName } from '../hook/module.ts'
import type { Server } from '../hook/types.ts'
import { registerMethod } from '../http/methods.ts'
import type { Fd, Port } from '../port/port.ts'
import type { ChildStart } from './children.ts'
import { LANGUAGE_LEVEL } from '../base/version.ts'
import { globalCore, serverCore } from './core_settings.ts'
import type { FileCache } from './file_cache.ts'
import { htaccessAccess } from './htaccess_source.ts'
import { localEndOf } from './listeners.ts'
import { log, openErrorLogs, setThreadNumber } from './log.ts'
import type { Mpm, Seat } from './mpm.ts'
import { rebuild, type Payload } from './rebuild.ts'
import { Scoreboard } from './scoreboard.ts'
import { serverTokens } from './server_tokens.ts'
import type { Prepared, ProgramParts } from './startup.ts'
import { ThreadEngine } from './thread_engine.ts'

/** What the threads of one process have in common. */
export interface ProcessParts extends ProgramParts {
  readonly port: Port
  readonly defaultDocumentRoot: string
}

/** What differs between the threads of one process. */
export interface ThreadRole {
  /** -1: the main thread. */
  readonly thread: number
  readonly data: unknown
  /** Starts another thread of the crew; only the main thread can. */
  startThread(number: number, data: unknown): void
  ready(): void
  onFinish(act: () => void): void
  retire(): void
  finished(): void
}

export interface Seated {
  readonly mpm: Mpm
  readonly seat: Seat
}

/** Builds everything that one thread needs to serve. @throws Error if the generation cannot be rebuilt */
export async function takeSeat(start: ChildStart, payload: Payload, parts: ProcessParts, role: ThreadRole): Promise<Seated> {
  const prepared = await rebuild(payload, parts)
  const { mpm, modules } = prepared
  const server = prepared.servers[0]!
  if (role.thread >= 0) setThreadNumber(role.thread + 1)
  await inherit(start, prepared)
  server.get(globalCore).registeredMethods.forEach(registerMethod)
  await modules.hooks.childInit.run(server)
  const engine = engineOf(prepared, parts, role, mpm)
  return { mpm, seat: seatOf({ start, parts, role, server, engine, mpm }) }
}

// Modules take over what the control process opened for them.
async function inherit(start: ChildStart, { startup, modules }: Prepared): Promise<void> {
  const descriptor = (name: string): Fd => {
    const fd = start.descriptors[name]
    if (fd === undefined) throw new Error(`Cannot inherit descriptor "${name}": the control process did not open it`)
    return fd
  }
  const told = startup((level, module, text) => log(level, module, text), descriptor)
  openErrorLogs(told)
  for (const hook of [modules.hooks.openLogs, modules.hooks.postConfig]) {
    const status = await hook.run(told)
    if (status !== OK) throw new Error(`Cannot serve: ${hook.name} answered ${status}`)
  }
}

function engineOf(prepared: Prepared, parts: ProcessParts, role: ThreadRole, mpm: Mpm): ThreadEngine {
  const { servers, vhosts, modules } = prepared
  const settings = modules.settings()
  const resolverOf = (server: Server, files: FileCache): Resolver => new Resolver({
    conf: server.conf, settings,
    htaccess: htaccessAccess(files, server.get(serverCore).accessFileNames, {
      table: modules, serverRoot: prepared.serverRoot, program: prepared.program, checking: false,
      defines: prepared.defines, server: server.conf, env: process.env, languageLevel: LANGUAGE_LEVEL,
      note: (level, text) => log(level, 'core', text, { server }),
    }),
  })
  return new ThreadEngine({
    port: parts.port, hooks: modules.hooks, vhosts, servers, log,
    resolverOf,
    serverTokens: serverTokens(servers[0]!.get(globalCore).serverTokens),
    defaultDocumentRoot: parts.defaultDocumentRoot,
    mayBlock: !(mpm.traits.async && role.thread < 0),
  })
}

interface SeatParts {
  readonly start: ChildStart
  readonly parts: ProcessParts
  readonly role: ThreadRole
  readonly server: Server
  readonly engine: ThreadEngine
  readonly mpm: Mpm
}

function seatOf({ start, parts, role, server, engine, mpm }: SeatParts): Seat {
  const { port } = parts
  const board = Scoreboard.attach(port.shared, start.board, start.population)
  const worker = board.worker(start.slot, Math.max(role.thread, 0))
  worker.begin(start.generation, port.host.threadId())
  const ends = new Map(start.listeners.map((socket) => [socket.fd, localEndOf(socket)]))
  return {
    slot: start.slot, thread: role.thread, server, population: start.population, engine,
    poll: port.poll, poller: port.poll.open(),
    listeners: start.listeners.map(({ fd }) => fd),
    localEnd: (listener) => ends.get(listener),
    connectionsPerChild: server.get(globalCore).maxConnectionsPerChild,
    process: board.process(start.slot),
    worker,
    bell: () => port.shared.bell(),
    attachBell: (fd) => port.shared.attachBell(fd),
    data: role.data,
    startThread: (number, data) => role.startThread(number, data),
    ready: () => role.ready(),
    onFinish: (act) => role.onFinish(act),
    retire: () => role.retire(),
    finished: () => role.finished(),
    log: (level, text) => log(level, logName(mpm), text, { server }),
  }
}

