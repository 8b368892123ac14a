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
import type { Fd, Port, SendRing } from '../port/port.ts'
import type { ChildStart } from './children.ts'
import { LANGUAGE_LEVEL } from '../base/version.ts'
import { globalCore, serverCore } from './core_settings.ts'
import type { FileCache } from './file_cache.ts'
import { htaccessAccess, HtaccessFiles, shareWatches } from './htaccess_source.ts'
import { localEndOf } from './listeners.ts'
import { log, openErrorLogs, setThreadNumber } from './log.ts'
import type { Mpm, Seat } from './mpm.ts'
import { setRunning } from './running.ts'
import { rebuild, type Payload } from './rebuild.ts'
import { Scoreboard, type WorkerRow } from './scoreboard.ts'
import { serverTokens } from './server_tokens.ts'
import { useShared } from './shared_memory.ts'
import type { Prepared, ProgramParts } from './startup.ts'
import { Tally } from './tally.ts'
import { ThreadEngine } from './thread_engine.ts'

/** What the threads of one process have in common. */
export interface ProcessParts extends ProgramParts {
  readonly port: Port
  readonly defaultDocumentRoot: string
  /** When the program was built, in Apache's format. */
  readonly builtOn: string
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
  onThreadLost(act: (thread: number) => void): void
  retire(): void
  finished(): void
}

export interface Seated {
  readonly mpm: Mpm
  readonly seat: Seat
}

/** Builds everything that one thread needs to serve. @throws Error if the generation cannot be rebuilt */
export async function takeSeat(start: ChildStart, payload: Payload, parts: ProcessParts, role: ThreadRole): Promise<Seated> {
  useShared(parts.port.shared)
  const prepared = await rebuild(payload, parts)
  const { mpm, modules } = prepared
  const server = prepared.servers[0]!
  if (role.thread >= 0) setThreadNumber(role.thread + 1)
  await inherit(start, payload, prepared, parts.port)
  server.get(globalCore).registeredMethods.forEach(registerMethod)
  await modules.hooks.childInit.run(server)
  const board = Scoreboard.attach(parts.port.shared, start.board, start.population)
  const worker = board.worker(start.slot, mpm.traits.threads === 'none' ? 0 : role.thread)
  worker.begin(start.generation, process.pid, parts.port.host.threadId())
  const extended = isExtended(prepared)
  const tally = new Tally(worker, { extended, mayBlock: mayBlock(mpm, role), tail: server.get(globalCore).seeRequestTail })
  const engine = engineOf(prepared, parts, role, tally)
  setRunning({
    board, extended, traits: mpm.traits, population: start.population, slot: start.slot, thread: role.thread,
    description: engine.serverTokens, built: parts.builtOn,
  })
  return { mpm, seat: seatOf({ start, parts, role, server, engine, mpm, board, worker }) }
}

// As Apache: On by itself where the status is shown.
const isExtended = ({ servers, modules }: Prepared): boolean =>
  servers[0]!.get(globalCore).extendedStatus ?? modules.has('status_module')

const mayBlock = ({ traits }: Mpm, { thread }: ThreadRole): boolean => !(traits.async && thread < 0)

// Modules take over what the control process opened for them.
async function inherit(
  { descriptors }: ChildStart, { descriptorNames }: Payload, { startup, modules }: Prepared, port: Port,
): Promise<void> {
  const byName = new Map(descriptorNames.map((name, i) => [name, descriptors[i]]))
  const descriptor = (name: string): Fd => {
    const fd = byName.get(name)
    if (fd === undefined) throw new Error(`Cannot inherit descriptor "${name}": the control process did not open it`)
    return fd
  }
  const told = startup((level, module, text) => log(level, module, text), descriptor)
  openErrorLogs(told, (path) => port.service.datagram(path))
  for (const hook of [modules.hooks.openLogs, modules.hooks.postConfig]) {
    const status = await hook.run(told)
    if (status !== OK) throw new Error(`Cannot serve: ${hook.name} answered ${status}`)
  }
}

function engineOf(prepared: Prepared, parts: ProcessParts, role: ThreadRole, tally: Tally): ThreadEngine {
  const { servers, vhosts, modules, mpm } = prepared
  const settings = modules.settings()
  shareWatches()
  let htaccess: HtaccessFiles | undefined
  const htaccessOf = (files: FileCache) =>
    (htaccess ??= new HtaccessFiles(parts.port, files, (level, text) => log(level, 'core', text, { server: servers[0]! })))
  const resolverOf = (server: Server, files: FileCache): Resolver => new Resolver({
    conf: server.conf, settings,
    htaccess: htaccessAccess(htaccessOf(files), server.get(serverCore).accessFileNames, {
      table: modules, serverRoot: prepared.serverRoot, program: prepared.program, checking: false,
      defines: prepared.defines, server: server.conf, env: process.env, languageLevel: LANGUAGE_LEVEL,
      note: (level, text) => log(level, 'core', text, { server }),
    }),
  })
  return new ThreadEngine({
    port: parts.port, hooks: modules.hooks, filters: modules.filters, vhosts, servers, log,
    resolverOf,
    serverTokens: serverTokens(servers[0]!.get(globalCore).serverTokens),
    defaultDocumentRoot: parts.defaultDocumentRoot,
    mayBlock: mayBlock(mpm, role),
    sends: mayBlock(mpm, role) ? undefined : openSends(parts.port, servers[0]!),
    tally,
  })
}

// Only a thread that has many connections has several answers in a turn.
function openSends({ poll }: Port, server: Server): SendRing | undefined {
  try {
    return poll.openSends?.()
  } catch (error) {
    log('info', 'core', `SY00120: ${(error as Error).message}: each answer is sent on its own`, { server })
    return undefined
  }
}

interface SeatParts {
  readonly start: ChildStart
  readonly parts: ProcessParts
  readonly role: ThreadRole
  readonly server: Server
  readonly engine: ThreadEngine
  readonly mpm: Mpm
  readonly board: Scoreboard
  readonly worker: WorkerRow
}

function seatOf({ start, parts, role, server, engine, mpm, board, worker }: SeatParts): Seat {
  const { port } = parts
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
    onThreadLost: (act) => role.onThreadLost(act),
    retire: () => role.retire(),
    finished: () => role.finished(),
    log: (level, text) => log(level, logName(mpm), text, { server }),
  }
}

