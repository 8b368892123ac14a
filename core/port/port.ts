/**
 * The port: all that the server asks of an operating system. A platform is one
 * object of this type, written in one file, put together from shared parts.
 *
 * Calls on the request path answer a count, or a negative errno, and never
 * throw. Set-up calls throw a SystemError. Descriptors are non-blocking and
 * close-on-exec unless they are made to be inherited.
 */
export type Fd = number
/** A count, or a negative errno. */
export type Result = number

export interface Port {
  readonly platform: string
  readonly poll: PollProvider
  readonly net: Net
  readonly files: Files
  readonly changes: Changes
  readonly shared: Shared
  readonly host: Host
  readonly service: Service
}

/** Bits of interest and of readiness. */
export const Ready = { in: 1, out: 2, hangup: 4, /** only to ask: wake one of several waiters */ exclusive: 8 } as const

export interface PollProvider {
  /** Name as in `httpd -V` and --with-poll. */
  readonly method: string
  open(): Poller
  /** The poller behind a handle that another thread of this process opened: to add and remove only. */
  attach(handle: Fd): PollSet
  /**
   * A way to send to many sockets in one call, for the calling thread alone; not before it has the user that it serves
   * as. Absent where there is none.
   * @throws SystemError: the kernel does not allow it
   */
  openSends?(): SendRing
}

/** Sends of one thread that are handed over together. */
export interface SendRing {
  /** How many may be added between two `submit`. */
  readonly size: number
  /**
   * Adds a send as `Net.send` without `more`. The bytes stay as they are until `submit` is over. At most one of a socket:
   * were the first cut short, the second would follow all the same.
   */
  add(fd: Fd, from: Memory, offset: number, length: number): void
  /** Sends all of them now. @returns how many there were: `results` holds that many, as `Net.send` answers, in their order */
  submit(): number
  readonly results: Int32Array
  close(): void
}

/** Level-triggered readiness, whatever the kernel mechanism. May be changed from any thread. */
export interface PollSet {
  readonly handle: Fd
  add(fd: Fd, interest: number): Result
  change(fd: Fd, interest: number, was: number): Result
  remove(fd: Fd, was: number): Result
}

export interface Poller extends PollSet {
  /**
   * Takes what is ready; `fds` and `ready` hold that many entries.
   * @param ms how long to wait if nothing is, with the whole thread: 0 or very little
   */
  take(ms: number): number
  readonly fds: Int32Array
  readonly ready: Uint8Array
  /**
   * Calls back, through the event loop of this thread, whenever something is ready. Keeps the thread alive.
   * @param endable the thread may be ended (worker.terminate()) in the middle of it; costs a little more
   */
  watch(onReady: () => void, endable?: boolean): void
  close(): void
}

/** Bytes at a fixed place in memory: system calls take its address without any conversion. */
export interface Memory {
  readonly bytes: Buffer
  readonly address: number
}

export interface Endpoint {
  readonly address: string
  readonly port: number
  /** What came before the first request was for saying who this is, whether it did or not (PROXY protocol). */
  readonly introduced?: boolean
}

export interface Net {
  /** @throws SystemError (EADDRINUSE, EACCES …) */
  listen(at: { address: string; port: number; v6only: boolean }, options: ListenOptions): Fd
  /** Accepts one connection; its peer stands in `peer()` until the next call. */
  accept(listener: Fd): Result
  peer(): Endpoint
  localEnd(fd: Fd): Endpoint
  /** The other end; undefined: there is none (any more). */
  peerEnd(fd: Fd): Endpoint | undefined
  recv(fd: Fd, into: Memory, offset: number, length: number): Result
  /** `more`: more follows at once (MSG_MORE). Never raises SIGPIPE. */
  send(fd: Fd, from: Memory, offset: number, length: number, more: boolean): Result
  sendfile(socket: Fd, file: Fd, offset: number, length: number): Result
  /** Sends FIN. */
  shutdown(fd: Fd): void
  close(fd: Fd): void
  noDelay(fd: Fd): void
}

export interface ListenOptions {
  readonly backlog: number
  readonly reusePort: boolean
  readonly sendBuffer: number
  readonly receiveBuffer: number
}

/** What stat(2) says; times in milliseconds with a fraction. One object per call site, reused. */
export interface Stat {
  mode: number
  size: number
  mtimeMs: number
  ctimeMs: number
  ino: number
  dev: number
  uid: number
}

export interface Files {
  /** @param path one character per byte @param follow false: the link itself */
  stat(path: string, into: Stat, follow: boolean): Result
  /** The same of an open file. */
  statOpen(fd: Fd, into: Stat): Result
  /** Opens for reading. A count of 0 or more is a descriptor. */
  open(path: string): Result
  pread(fd: Fd, into: Memory, offset: number, length: number, position: number): Result
  close(fd: Fd): void
}

/**
 * Being told of changes to directories: who is in them, and who may look. A platform that cannot say so before the
 * call that makes the change returns has `changes/none.ts`.
 */
export interface Changes {
  /** Opens a queue, for all threads of the process: a descriptor, or a negative errno. */
  open(): Result
  /** A thread's view of the queue; undefined where changes to mounts cannot be told. */
  attach(queue: Fd): ChangeQueue | undefined
}

/** Bits of what waits: entries of the queue; somebody has mounted or unmounted something. */
export const Waiting = { changes: 1, mounts: 2 } as const

/** What is said of a change. `all`: some were lost. */
export const Change = { entry: 1, directory: 2, all: 4 } as const

export interface ChangeQueue {
  /** Bits of Waiting, without waiting itself; takes nothing but the word of mounts, which each thread gets once. */
  look(): Result
  /**
   * Watches the directory at a path, which may not be a link. The same directory has the same number.
   * @param path bytes ending in NUL
   * @returns its number, or a negative errno; -ENOTSUP where changes may be made that nobody here hears of
   */
  add(path: Buffer): Result
  remove(watch: number): void
  /**
   * Takes a batch of what waits.
   * @param each is told: of an entry its name; of the directory itself no name. `all` is of no directory
   */
  take(each: (watch: number, change: number, name: string) => void): void
}

export interface Shared {
  /**
   * Memory seen by every process that inherits the descriptor, zeroed.
   * @param path of a file that is this memory (mode 0644; one that is there is replaced): any program may read it
   * @throws SystemError, or for the file an error of node:fs
   */
  create(name: string, bytes: number, path?: string): { readonly fd: Fd; readonly buffer: ArrayBuffer }
  /** Memory that is written and read as a file, without being mapped. @throws SystemError */
  file(name: string): Fd
  /** @throws SystemError */
  attach(fd: Fd, bytes: number): ArrayBuffer
  /** Another descriptor of the same memory. @throws an error of node:fs */
  again(fd: Fd): Fd
  /** A counter that threads wait on: each `ring(n)` lets n of them through. */
  bell(): Bell
  attachBell(fd: Fd): Bell
}

export interface Bell {
  readonly fd: Fd
  ring(times: number): void
  /** Takes one ring if there is one. */
  take(): boolean
  close(): void
}

export interface Host {
  memory(bytes: number): Memory
  /** Makes `to` a copy of `from`. @throws SystemError */
  dup2(from: Fd, to: Fd): void
  /** Name of the calling thread as ps and top show it, at most 15 bytes. */
  nameThread(name: string): void
  /** Kernel id of the calling thread, as in ps -L. */
  threadId(): number
  umask(mask: number): void
  /** Gives memory that was freed back to the system, of all threads, where the C library can. */
  trim(): void
  /** Ends the process at once, whatever its other threads do: they are not asked to end first. */
  exit(code: number): never
}

/** What concerns the process as a whole: who started it, who looks after it, and whom it may become. */
export interface Service {
  /**
   * A socket for messages to a unix(7) datagram socket, close-on-exec.
   * @param path at most 107 bytes; `@` as its first character stands for an abstract name
   * @throws SystemError
   */
  datagram(path: string): Datagram
  /** Where a TCP socket listens; undefined for any other descriptor, open or not. */
  listeningAt(fd: Fd): Endpoint | undefined
  /** Makes a descriptor that came with the process non-blocking and close-on-exec. */
  prepareInherited(fd: Fd): void
  /** Takes the exit status of a child that has ended. @returns its process id, 0 while it runs, or a negative errno */
  reap(pid: number): Result
  /** Lets a signal through to the calling thread; one that came while it was blocked arrives now. */
  unblock(signal: number): void
  /** A process that has changed its user may leave a core dump again. */
  allowCoreDump(): void
  /** Ids of all groups of a user, `group` among them, as initgroups(3) finds them. @throws SystemError */
  groupsOf(user: string, group: number): number[]
}

export interface Datagram {
  /** Sends one message; never waits. */
  send(text: string): Result
  close(): void
}

/** A system call that failed while something was being set up. */
export class SystemError extends Error {
  readonly errno: number
  readonly call: string

  constructor(call: string, errno: number) {
    super(`${call}: ${describeErrno(errno)}`)
    this.call = call
    this.errno = errno
  }
}

/** The C library's text for an errno, as log lines show it: `Address already in use`. */
export function describeErrno(errno: number): string {
  return ERRNO_TEXT[errno] ?? `Error ${errno}`
}

const ERRNO_TEXT: Readonly<Record<number, string>> = {
  1: 'Operation not permitted', 2: 'No such file or directory', 3: 'No such process', 4: 'Interrupted system call', 5: 'Input/output error', 6: 'No such device or address', 7: 'Argument list too long',
  9: 'Bad file descriptor', 11: 'Resource temporarily unavailable', 12: 'Cannot allocate memory',
  13: 'Permission denied', 17: 'File exists', 20: 'Not a directory', 21: 'Is a directory', 22: 'Invalid argument',
  23: 'Too many open files in system', 24: 'Too many open files', 28: 'No space left on device',
  30: 'Read-only file system', 32: 'Broken pipe', 36: 'File name too long', 40: 'Too many levels of symbolic links',
  95: 'Operation not supported', 97: 'Address family not supported by protocol', 98: 'Address already in use',
  99: 'Cannot assign requested address', 103: 'Software caused connection abort', 104: 'Connection reset by peer',
  110: 'Connection timed out', 111: 'Connection refused',
}

/** Error numbers that code looks at (Linux). */
export const Errno = {
  perm: 1, noent: 2, intr: 4, io: 5, nxio: 6, badf: 9, again: 11, nomem: 12, acces: 13, notdir: 20, isdir: 21, inval: 22, nfile: 23,
  mfile: 24, pipe: 32, nametoolong: 36, loop: 40, addrinuse: 98, connaborted: 103, connreset: 104, nobufs: 105, timedout: 110,
  noprotoopt: 92, nosys: 38, notsup: 95, nospc: 28,
} as const
