/** Every hook of the server, in the order a server's life and a request meet them. One set per generation. */
import { firstOf, runAll, runFirst, runVoid, type Hook, type HookFn, type Place } from './hook.ts'
import type { TreeNode } from '../config/reading.ts'
import type { ModuleList } from './modules.ts'
import type { Connection, IoTap, Protocol, ReadLimits, ReadPreface, Request, Server } from './types.ts'

export const createHooks = () => ({
  /** Before the configuration is carried out. */
  preConfig: runAll<Startup>('pre_config'),
  /** Directives are done: refuse, correct and warn about settings here. */
  checkConfig: runAll<Startup>('check_config'),
  /** Only for `-t` and dumps, after check_config. */
  testConfig: runVoid<Startup>('test_config'),
  /** Control process, still privileged: open what needs privilege. */
  openLogs: runAll<Startup>('open_logs'),
  postConfig: runAll<Startup>('post_config'),
  /** In each child and each of its threads, before it serves. */
  childInit: runVoid<Server>('child_init'),

  /** Asked once per server and thread: how fast its requests have to come. */
  readLimits: firstOf<Server, ReadLimits | undefined>('read_limits', undefined),
  /** Asked once per server and thread: what reads that which its connections begin with. */
  readPreface: firstOf<Server, ReadPreface | undefined>('read_preface', undefined),
  /** Asked once per server and thread: who speaks on its connections in the place of HTTP. */
  processConnection: firstOf<Server, Protocol | undefined>('process_connection', undefined),
  /** Asked once per server and thread: who is told of the bytes of its connections. */
  ioTap: firstOf<Server, IoTap | undefined>('io_tap', undefined),
  preConnection: runAll<Connection>('pre_connection'),

  postReadRequest: runAll<Request>('post_read_request'),
  /** Answers without knowing where the request leads: a cache. What holds is what its URL alone says. */
  quickHandler: runFirst<Request>('quick_handler'),
  translateName: runFirst<Request>('translate_name'),
  mapToStorage: runFirst<Request>('map_to_storage'),
  headerParser: runAll<Request>('header_parser'),
  accessChecker: runAll<Request>('access_checker'),
  accessCheckerEx: runFirst<Request>('access_checker_ex'),
  checkUserId: runFirst<Request>('check_user_id'),
  authChecker: runFirst<Request>('auth_checker'),
  typeChecker: runFirst<Request>('type_checker'),
  fixups: runAll<Request>('fixups'),
  /** Add filters here: `r.addOutputFilter(name)`. */
  insertFilter: runVoid<Request>('insert_filter'),
  /** The same for a response that the server makes itself because of an error. */
  insertErrorFilter: runVoid<Request>('insert_error_filter'),
  handler: runFirst<Request>('handler'),
  logTransaction: runAll<Request>('log_transaction'),
})

export type Hooks = ReturnType<typeof createHooks>

/** What a server keeps from its first start until it stops, whatever its configuration says later. */
export interface FixedLimits {
  /** Children and threads that the scoreboard has room for. */
  readonly serverLimit: number
  readonly threadLimit: number
  /** Sets of listening sockets. */
  readonly buckets: number
}

/** What hooks of the server's start are told. */
export interface Startup {
  readonly server: Server
  /** What has been loaded, and the lines of the configuration that were carried out: for a listing. */
  readonly modules: ModuleList
  readonly tree: readonly TreeNode[]
  /** In a child process: what is to be said at a start has been said. */
  readonly inChild: boolean
  /** `-t`, a dump, or a signal to a running server: touch nothing. */
  readonly checking: boolean
  /** False at the first start, true when the running server reads its configuration again. */
  readonly restart: boolean
  /** Undefined at the first start. */
  readonly fixed: FixedLimits | undefined
  /** Defines from -D and Define. */
  readonly defines: ReadonlyMap<string, string | undefined>
  serverRootRelative(path: string): string
  /** A message of the start: plain on standard error at first, in the error log on restart. */
  note(level: 'crit' | 'error' | 'warn' | 'notice' | 'info' | 'debug', module: string, text: string): void
  /** Opens (or inherits) a descriptor that the children of this generation get under this name. */
  descriptor(name: string, open: () => number): number
  /**
   * Memory that all processes and threads of this generation share, zeroed at first; from open_logs on. The name is that
   * of the use: whoever asks for the same one gets the same memory, and says the same size.
   * @param bytes whole pages are used, once they are written to
   * @param prepare asks for memory that outlives restarts, so that counts go on and children of two generations see the
   * same; called with it before anybody else sees it
   * @returns maps it into this thread: to be called by whoever serves, on first use
   */
  sharedMemory(name: string, bytes: number, prepare?: (memory: ArrayBuffer) => void): () => ArrayBuffer
}

/** Adds a function under the name of the module that is registering. */
export type On = <T, R>(hook: Hook<T, R>, fn: HookFn<T, R>, place?: Place) => void
