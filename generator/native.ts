/*
 * The questions to the C library and the kernel, asked by really calling them through koffi.
 * Each answers a sentence that says what happened, and throws a sentence when the thing does not work.
 * Sentences hold no numbers that change from run to run: they go to config.log, which a second run leaves as it is.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { spawn } from 'node:child_process'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type * as Koffi from 'koffi'

/** The C library through koffi. */
export interface Native {
  readonly koffi: typeof Koffi
  readonly libc: Koffi.LibraryHandle
  /** Path of the koffi that was loaded, for a child process. */
  readonly path: string
}

/** Loads koffi from the source tree's packages and the C library, and compares getpid() with what Node says. */
export function openNative(srcdir: string): Native {
  const require = createRequire(resolve(srcdir, 'package.json'))
  const koffi = require('koffi') as typeof Koffi
  // The running program has the C library in it already, whatever the library's file is called.
  const libc = koffi.load(null)
  const getpid = libc.func('int getpid()') as () => number
  if (getpid() !== process.pid) throw new Error('getpid() does not answer the process id')
  return { koffi, libc, path: require.resolve('koffi') }
}

type Call = (...args: unknown[]) => number

function call(native: Native, prototype: string): Call {
  return native.libc.func(prototype) as Call
}

/** The name of the last error of a call, as in EPERM. */
function failure(native: Native, what: string): Error {
  const number = native.koffi.errno()
  const name = Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? `error ${number}`
  return new Error(`${what} fails with ${name}`)
}

function must(native: Native, what: string, result: number): number {
  if (result < 0) throw failure(native, what)
  return result
}

/** A function that answers a new descriptor: it is called, and the descriptor closed. */
export function opensDescriptor(native: Native, prototype: string, ...args: unknown[]): string {
  const name = /(\w+)\(/.exec(prototype)![1]!
  const descriptor = must(native, `${name}()`, call(native, prototype)(...args))
  closeSync(descriptor)
  return `${name}() answers a descriptor`
}

/** kqueue() of a library other than the C library: Linux has it as libkqueue. */
export function libkqueue(native: Native): string {
  const library = native.koffi.load('libkqueue.so.0')
  const descriptor = must(native, 'kqueue()', (library.func('int kqueue()') as Call)())
  closeSync(descriptor)
  return 'kqueue() of libkqueue.so.0 answers a descriptor'
}

const PCRE2_CONFIG_VERSION = 11

/** The version of PCRE2, as it says itself: `10.42` of `10.42 2022-12-11`. */
export function pcre2(native: Native): { readonly value: string; readonly reason: string } {
  const library = native.koffi.load('libpcre2-8.so.0')
  const text = Buffer.alloc(64)
  must(native, 'pcre2_config()', (library.func('int pcre2_config_8(uint32_t what, void *where)') as Call)(PCRE2_CONFIG_VERSION, text))
  const version = text.toString('latin1', 0, text.indexOf(0))
  return { value: version.split(' ')[0]!, reason: `libpcre2-8.so.0 is ${version}` }
}

const AF_INET = 2
const SOCK_STREAM = 1

/** struct sockaddr_in for 127.0.0.1; port 0 lets the kernel choose. */
function loopback(port = 0): Buffer {
  const address = Buffer.alloc(16)
  address.writeUInt16LE(AF_INET, 0)
  address.writeUInt16BE(port, 2)
  address.set([127, 0, 0, 1], 4)
  return address
}

/** Runs `body` with sockets that are closed afterwards, however it ends. */
function withSockets(native: Native, body: (socket: () => number, keep: (fd: number) => number) => string): string {
  const open: number[] = []
  const keep = (fd: number): number => (open.push(fd), fd)
  const make = call(native, 'int socket(int domain, int type, int protocol)')
  try {
    return body(() => keep(must(native, 'socket()', make(AF_INET, SOCK_STREAM, 0))), keep)
  } finally {
    for (const fd of open) closeSync(fd)
  }
}

function boundPort(native: Native, fd: number): number {
  const address = Buffer.alloc(16)
  const length = Buffer.alloc(4)
  length.writeInt32LE(16)
  const getsockname = call(native, 'int getsockname(int fd, void *address, void *length)')
  must(native, 'getsockname()', getsockname(fd, address, length))
  return address.readUInt16BE(2)
}

/** Accepts a connection of our own over loopback with accept4(). */
export function accept4(native: Native): string {
  const bind = call(native, 'int bind(int fd, void *address, int length)')
  const listen = call(native, 'int listen(int fd, int backlog)')
  const connect = call(native, 'int connect(int fd, void *address, int length)')
  const accept = call(native, 'int accept4(int fd, void *address, void *length, int flags)')
  return withSockets(native, (socket, keep) => {
    const listener = socket()
    must(native, 'bind()', bind(listener, loopback(), 16))
    must(native, 'listen()', listen(listener, 1))
    must(native, 'connect()', connect(socket(), loopback(boundPort(native, listener)), 16))
    const nonblockAndCloexec = 0o4000 | 0o2000000
    keep(must(native, 'accept4()', accept(listener, null, null, nonblockAndCloexec)))
    return 'accept4() accepts a connection over loopback'
  })
}

/** Binds two sockets to one port. */
export function reuseport(native: Native): string {
  const bind = call(native, 'int bind(int fd, void *address, int length)')
  const setsockopt = call(native, 'int setsockopt(int fd, int level, int name, void *value, int length)')
  const [SOL_SOCKET, SO_REUSEPORT] = [1, 15]
  const on = Buffer.from([1, 0, 0, 0])
  return withSockets(native, (socket) => {
    const [first, second] = [socket(), socket()]
    for (const fd of [first, second]) {
      must(native, 'setsockopt(SO_REUSEPORT)', setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, on, 4))
    }
    must(native, 'bind()', bind(first, loopback(), 16))
    must(native, 'the second bind()', bind(second, loopback(boundPort(native, first)), 16))
    return 'two sockets are bound to one port'
  })
}

/** Sends a file through a pair of sockets and reads it at the other end. */
export function sendfile(native: Native): string {
  const socketpair = call(native, 'int socketpair(int domain, int type, int protocol, void *pair)')
  const send = call(native, 'intptr_t sendfile(int out, int in, void *offset, size_t count)')
  const read = call(native, 'intptr_t read(int fd, void *bytes, size_t count)')
  const text = 'sent by the kernel'
  const pair = Buffer.alloc(8)
  const directory = mkdtempSync(join(tmpdir(), 'configure-'))
  try {
    return withSockets(native, (_socket, keep) => {
      writeFileSync(join(directory, 'file'), text)
      const file = keep(openSync(join(directory, 'file'), 'r'))
      must(native, 'socketpair()', socketpair(1, SOCK_STREAM, 0, pair))
      const [out, back] = [keep(pair.readInt32LE(0)), keep(pair.readInt32LE(4))]
      must(native, 'sendfile()', send(out, file, null, text.length))
      const bytes = Buffer.alloc(64)
      const length = must(native, 'read()', read(back, bytes, bytes.length))
      if (bytes.toString('latin1', 0, length) !== text) throw new Error('sendfile() sends something else')
      return 'sendfile() sends a file to a socket'
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const SYS_IO_URING_SETUP = 425
/** IORING_SETUP_SUBMIT_ALL and IORING_SETUP_SINGLE_ISSUER, as the server has it: Linux 6.0. */
const IO_URING_FLAGS = 1 << 7 | 1 << 12

/** Sets up a ring of four entries. The kernel may be too old, or forbid it (kernel.io_uring_disabled, seccomp). */
export function ioUring(native: Native): string {
  const syscall = call(native, 'long syscall(long number, ...)')
  const parameters = Buffer.alloc(120)
  parameters.writeUInt32LE(IO_URING_FLAGS, 8)
  const descriptor = syscall(SYS_IO_URING_SETUP, 'unsigned int', 4, 'void *', parameters)
  closeSync(must(native, 'io_uring_setup()', descriptor))
  return 'io_uring_setup() answers a ring'
}

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const mmapPrototype = 'void *mmap(void *at, size_t n, int prot, int flags, int fd, int64_t offset)'

/** What the child of `sharedMemory` runs: it maps descriptor 3 and writes into it. */
const writer = (koffiPath: string): string => `
  const koffi = require(${JSON.stringify(koffiPath)})
  const mmap = koffi.load(null).func('${mmapPrototype}')
  const at = mmap(null, 4096, ${PROT_READ_WRITE}, ${MAP_SHARED}, 3, 0)
  Atomics.add(new Int32Array(koffi.view(at, 4096)), 7, 41)
`

/** An anonymous file, mapped by this process and by a child that inherits its descriptor. */
export async function sharedMemory(native: Native): Promise<string> {
  const create = call(native, 'int memfd_create(const char *name, unsigned int flags)')
  const fd = must(native, 'memfd_create()', create('probe', 1))
  try {
    must(native, 'ftruncate()', call(native, 'int ftruncate(int fd, int64_t length)')(fd, 4096))
    const mmap = native.libc.func(mmapPrototype)
    const at = mmap(null, 4096, PROT_READ_WRITE, MAP_SHARED, fd, 0) as unknown
    const words = new Int32Array(native.koffi.view(at, 4096))
    Atomics.store(words, 7, 1)
    const child = spawn(process.execPath, ['-e', writer(native.path)], { stdio: ['ignore', 'ignore', 'ignore', fd] })
    const code = await new Promise((resolve, reject) => child.on('exit', resolve).on('error', reject))
    if (code !== 0) throw new Error('a child process that maps the memory fails')
    if (Atomics.load(words, 7) !== 42) throw new Error('what a child process writes is not seen')
    return 'a child process adds to a number in shared memory'
  } finally {
    closeSync(fd)
  }
}
