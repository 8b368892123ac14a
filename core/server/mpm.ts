/**
 * The MPM contract. An MPM decides who waits where: the core advances a
 * connection as far as it can without waiting and answers what it waits for;
 * the MPM decides which process or thread does the waiting.
 *
 * What the core guarantees to an MPM:
 * - `advance()` never waits and never throws; it may be called again at any time.
 * - Between two calls a connection holds no thread, and no shared buffer (but after Next.handover: see `unread`).
 * What an MPM guarantees to modules:
 * - a handler runs on a thread that serves no other request until it returns
 *   (or, once it awaits, until it has answered, in MPMs that are not async);
 * - a child that dies takes only its own connections with it.
 */
import type { FixedLimits } from '../hook/hooks.ts'
import type { Module } from '../hook/module.ts'
import type { Server } from '../hook/types.ts'
import type { Bell, Endpoint, Fd, Poller, PollProvider } from '../port/port.ts'
import type { FinishReason, ProcessRow, Scoreboard, WorkerRow } from './scoreboard.ts'

/** What a connection waits for. Plain numbers: one is answered for each step. */
export const Next = {
  /** more of a request that has begun */
  read: 0,
  /** the next request; nothing is held for it */
  idle: 1,
  /** room in the socket's send buffer */
  write: 2,
  /** a promise of a module; it calls back */
  suspend: 3,
  /** the client's last bytes, to be thrown away, before the socket is closed */
  linger: 4,
  /** nothing: the connection is over */
  close: 5,
  /** a thread that may block: the request has not begun, `unread()` has its bytes */
  handover: 6,
} as const
export type Next = (typeof Next)[keyof typeof Next]

/** One connection, seen by an MPM. */
export interface Conn {
  readonly fd: Fd
  /** Goes on as far as possible without waiting. */
  advance(): Next
  /** The wait that `advance` answered took too long. Answers what it waits for now. */
  timedOut(): Next
  /** How long the wait may take, in milliseconds, for the last answer of `advance`. */
  readonly patience: number
  /**
   * Bytes that were received and not yet used, after Next.handover: to be used before another connection's turn,
   * or to be kept.
   */
  unread(): Uint8Array
  /** Keeps the unread bytes for later. */
  keep(): void
  /** Requests begun on this connection. */
  readonly keepalives: number
  readonly peer: Endpoint
  /** Closes the descriptor and logs what was under way. */
  close(): void
  /** Lets go without closing: another thread has the descriptor now. */
  release(): void
  /** After Next.handover: another thread has the unread bytes, and the descriptor until `takeBack`. */
  lend(): void
  /** The other thread has given it back. @param keepalives requests begun on it since it was accepted */
  takeBack(keepalives: number): void
}

/** How the core reaches the MPM when a connection can go on without its descriptor being ready. */
export interface ConnOwner {
  resume(conn: Conn): void
  /** A request begins / has ended: for the scoreboard. */
  status(conn: Conn, status: number): void
}

/** Makes connections out of accepted descriptors; one per thread. */
export interface Engine {
  /**
   * @param resumed a connection that another thread had: its `unread` is copied
   * The first `advance` must follow at once.
   */
  connect(fd: Fd, peer: Endpoint, local: Endpoint | undefined, owner: ConnOwner, resumed?: { keepalives: number; unread: Uint8Array }): Conn
  accept(listener: Fd): Fd
  peer(): Endpoint
  /** Once set, answers end with `Connection: close` and waiting connections may be closed. */
  finishing: boolean
  /** Takes bytes that nobody wants off a socket; answers true at its end. */
  drain(fd: Fd): boolean
  /** A turn of the event loop begins: the clock is read, and looks at files are made anew. */
  beginTurn(): void
  /** It ends: log lines are written. */
  endTurn(): void
  /** Milliseconds, monotonic, as of the beginning of this turn. */
  now(): number
}

export interface Traits {
  /** As `httpd -V` shows it: `event`. */
  readonly name: string
  readonly processes: 'one' | 'fixed' | 'dynamic'
  readonly threads: 'none' | 'fixed' | 'dynamic'
  /** May wait for a connection without holding a worker. */
  readonly async: boolean
}

/** Numbers of the log lines that the control process writes for an MPM; the texts are common. */
export interface LogNumbers {
  readonly up: string
  readonly built: string
  readonly forkFailed: string
  readonly ignoredFatal: string
  /** Children lack something before any could serve; absent: the MPM has no such message. */
  readonly shortage?: string
  readonly stop: string
  readonly gracefulStop: string
  readonly graceful: string
  readonly restart: string
}

/** How the server multiplies itself: a module that also runs the show. */
export interface Mpm extends Module {
  readonly traits: Traits
  readonly logNumbers: LogNumbers
  /** What is said at a graceful restart, where it is not the usual text. */
  readonly gracefulText?: string
  /** Whether a restart (HUP) is logged before the children are ended, or when they are gone. */
  readonly logsRestart: 'first' | 'last'
  /**
   * The population, out of the configuration (after check_config).
   * @param fixed at a restart: what holds since the first start
   */
  population(server: Server, fixed?: FixedLimits): Population
  /**
   * Control process: looks after one generation of children until something else is asked for. Called again for
   * the same generation, its children alive, when what was asked for could not be done.
   */
  run(site: Site): Promise<Asked>
  /** A child process's main thread: begins to serve and returns. */
  child(seat: Seat): void
  /** A thread of a child. It has a name here because a function cannot be sent to a thread. */
  thread?(seat: Seat): void
}

/** Numbers that hold for a generation; the scoreboard is laid out by the limits. */
export interface Population {
  readonly startServers: number
  readonly serverLimit: number
  readonly threadLimit: number
  readonly threadsPerChild: number
  /** Processes at most: MaxRequestWorkers / ThreadsPerChild. */
  readonly maxServers: number
  readonly minSpare: number
  readonly maxSpare: number
  /** Sets of listening sockets (ListenCoresBucketsRatio); each child has one of them. Fixed at the first start. */
  readonly buckets: number
  /** AsyncRequestWorkerFactor, where a connection that waits holds no worker. */
  readonly asyncFactor?: number
}

export type Asked = 'stop' | 'graceful-stop' | 'restart' | 'graceful'
  /** Nothing can serve: the server ends with an error. */
  | 'fatal'
  /** The new configuration cannot be served after all: the one before it goes on. */
  | 'revert'

/** The control process's view of a generation. */
export interface Site {
  readonly generation: number
  readonly server: Server
  readonly population: Population
  readonly board: Scoreboard
  /** Children alive, old generations included, by slot. */
  readonly children: ReadonlyMap<number, ChildHandle>
  /**
   * Starts a child. If no process can be made, it ends at once with APEXIT_CHILDSICK.
   * @param bucket which set of listening sockets it gets
   */
  start(slot: number, bucket: number): ChildHandle
  /** Things said once in the life of the control process, across restarts: the numbers of messages. */
  readonly said: Set<string>
  /** Milliseconds, monotonic. */
  now(): number
  /** What happens next: a second passed, a child ended, or somebody asked for something. */
  next(): Promise<SiteEvent>
  log(level: 'error' | 'warn' | 'notice' | 'info' | 'debug' | 'alert', text: string): void
}

export type SiteEvent =
  /** A second passed in which no child ended. */
  | { readonly kind: 'tick' }
  /** A child said that it serves. */
  | { readonly kind: 'ready'; readonly child: ChildHandle }
  /**
   * A child has served long enough. With MaxConnectionsPerChild it accepts nothing any more; otherwise it serves on
   * until it is told to finish, so that another can take its place first.
   */
  | { readonly kind: 'retiring'; readonly child: ChildHandle; readonly reason: FinishReason }
  | { readonly kind: 'ended'; readonly child: ChildHandle; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: 'asked'; readonly asked: Asked }

export interface ChildHandle {
  readonly pid: number
  readonly slot: number
  readonly generation: number
  /** It said that it serves. */
  readonly ready: boolean
  readonly bucket: number
  /** It was told to finish, or does so of its own accord. */
  readonly finishing: boolean
  /** Why it asked to be replaced. */
  readonly retiring: FinishReason | undefined
  /** Answer what is under way, then end. */
  finish(reason: FinishReason): void
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** A child's (or a thread's) view. */
export interface Seat {
  readonly slot: number
  /** 0 and up for a thread of the crew, -1 for the main thread. */
  readonly thread: number
  readonly server: Server
  readonly population: Population
  readonly engine: Engine
  readonly poll: PollProvider
  readonly poller: Poller
  readonly listeners: readonly Fd[]
  /** Where a listening socket is bound, if that says where its connections arrive; undefined for a wildcard. */
  localEnd(listener: Fd): Endpoint | undefined
  /** MaxConnectionsPerChild; 0: no limit. */
  readonly connectionsPerChild: number
  readonly process: ProcessRow
  readonly worker: WorkerRow
  bell(): Bell
  attachBell(fd: Fd): Bell
  /** Starts thread `number` of the crew; it is given `data` (structured clone; SharedArrayBuffer is shared). */
  startThread(number: number, data: unknown): void
  /** What startThread was given. */
  readonly data: unknown
  /** This thread serves now. The child is reported ready when all that it expects are. */
  ready(): void
  /** Called once when the child is to finish. */
  onFinish(act: () => void): void
  /**
   * Main thread: called when a thread of the crew is no more (HandlerTimeout, or an exception that nobody caught), after
   * it has ended and before another one takes its number. Whatever it held is to be closed.
   */
  onThreadLost(act: (thread: number) => void): void
  /** Asks for the whole child to finish: it has served long enough. */
  retire(): void
  /** This thread has finished; the process ends when all of them have. */
  finished(): void
  log(level: 'error' | 'warn' | 'notice' | 'info' | 'debug', text: string): void
}

export const isMpm = (module: Module): module is Mpm => 'traits' in module
