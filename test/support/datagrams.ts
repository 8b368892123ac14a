/* A unix(7) datagram socket that takes what a server tells its service manager, and listening sockets to hand over. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { errno, openLibrary } from '../../core/port/native.ts'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'

const libc = openLibrary('libc.so.6', 'libc.musl-x86_64.so.1', 'libc.so')
const socket = libc.call('int socket(int domain, int type, int protocol)')
const bind = libc.call('int bind(int fd, void *address, int length)')
const recv = libc.call('intptr_t recv(int fd, void *into, size_t length, int flags)')
const close = libc.call('int close(int fd)')

const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0x80000, MSG_DONTWAIT = 0x40

/** Everything that was received so far, oldest first. */
export interface Receiver {
  /** Takes what has come, and answers all of it. */
  all(): readonly string[]
  close(): void
}

/** A path for a socket: unix(7) has room for 107 bytes, which a folder below a deep clone of the sources uses up. */
export function socketPath(test: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'httpd-sock-'))
  test.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'n')
}

/** Listens for messages. @param address a path, or `@name` */
export function receiveAt(test: Test, address: string): Receiver {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  const abstract = address.startsWith('@')
  const name = Buffer.from(`xx${address}\0`)
  name.writeUInt16LE(AF_UNIX, 0)
  if (abstract) name[2] = 0
  const length = name.length - (abstract ? 1 : 0)
  if (fd < 0 || bind(fd, name, length) < 0) throw new Error(`Cannot bind ${address}: errno ${errno()}`)
  const seen: string[] = []
  const into = Buffer.alloc(4096)
  let open = true
  const receiver: Receiver = {
    all() {
      for (let got = recv(fd, into, into.length, MSG_DONTWAIT); got > 0; got = recv(fd, into, into.length, MSG_DONTWAIT))
        seen.push(into.toString('utf8', 0, got))
      return seen
    },
    close() {
      clearInterval(reading)
      if (open) close(fd)
      open = false
    },
  }
  // The kernel keeps ten messages: whoever sends more often than the test looks must not find it full.
  const reading = setInterval(() => receiver.all(), 10).unref()
  test.teardown(() => receiver.close())
  return receiver
}

const port = linux(epoll)

/** A socket that listens, as a service manager makes it: blocking or not is the server's affair. */
export function listeningSocket(test: Test, address: string, at: number): number {
  const options = { backlog: 64, reusePort: false, sendBuffer: 0, receiveBuffer: 0 }
  const fd = port.net.listen({ address, port: at, v6only: false }, options)
  test.teardown(() => port.net.close(fd))
  return fd
}
