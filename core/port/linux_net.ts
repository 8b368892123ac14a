/** Sockets on Linux. */
import { AF_INET, AF_INET6, readSockaddr, SOCKADDR_BYTES, writeSockaddr } from './sockaddr.ts'
import type { Fd, Net } from './port.ts'
import { answering, insisting, type System } from './system.ts'

const SOCK_STREAM = 1, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000
const SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_REUSEPORT = 15
const IPPROTO_TCP = 6, TCP_NODELAY = 1, IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000, MSG_MORE = 0x8000
const SHUT_WR = 1

// eslint-disable-next-line max-lines-per-function -- a table of calls
export function linuxNet(system: System): Net {
  const socket = system.call('int socket(int domain, int type, int protocol)')
  const bind = system.call('int bind(int fd, uintptr_t address, int length)')
  const listen = system.call('int listen(int fd, int backlog)')
  const setsockopt = system.call('int setsockopt(int fd, int level, int option, uintptr_t value, int length)')
  const accept4 = system.call('int accept4(int fd, uintptr_t address, uintptr_t length, int flags)')
  const getsockname = system.call('int getsockname(int fd, uintptr_t address, uintptr_t length)')
  const getpeername = system.call('int getpeername(int fd, uintptr_t address, uintptr_t length)')
  const recv = system.call('intptr_t recv(int fd, uintptr_t buffer, size_t length, int flags)')
  const send = system.call('intptr_t send(int fd, uintptr_t buffer, size_t length, int flags)')
  const sendfile = system.call('intptr_t sendfile(int out, int in, uintptr_t offset, size_t count)')
  const shutdown = system.call('int shutdown(int fd, int how)')
  const close = system.call('int close(int fd)')

  const address = system.allocate(SOCKADDR_BYTES)
  const number = system.allocate(8)
  const offset = system.allocate(8)

  const answer = answering(system)
  const must = insisting(system)
  const setOption = (fd: Fd, level: number, option: number, value: number): number => {
    number.bytes.writeInt32LE(value, 0)
    return setsockopt(fd, level, option, number.address, 4)
  }

  return {
    listen(at, options) {
      const six = at.address.includes(':')
      const fd = must('socket', socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
      try {
        must('setsockopt', setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        if (six) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, at.v6only ? 1 : 0)
        if (options.reusePort) must('setsockopt', setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        if (options.sendBuffer > 0) setOption(fd, SOL_SOCKET, SO_SNDBUF, options.sendBuffer)
        if (options.receiveBuffer > 0) setOption(fd, SOL_SOCKET, SO_RCVBUF, options.receiveBuffer)
        // Accepted sockets inherit it: no call per connection.
        setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)
        must('bind', bind(fd, address.address, writeSockaddr(address.bytes, at.address, at.port)))
        must('listen', listen(fd, options.backlog))
        return fd
      } catch (error) {
        close(fd)
        throw error
      }
    },
    accept(listener) {
      number.bytes.writeInt32LE(SOCKADDR_BYTES, 0)
      return answer(accept4(listener, address.address, number.address, SOCK_NONBLOCK | SOCK_CLOEXEC))
    },
    peer: () => readSockaddr(address.bytes),
    localEnd(fd) {
      number.bytes.writeInt32LE(SOCKADDR_BYTES, 0)
      getsockname(fd, address.address, number.address)
      return readSockaddr(address.bytes)
    },
    peerEnd(fd) {
      number.bytes.writeInt32LE(SOCKADDR_BYTES, 0)
      return getpeername(fd, address.address, number.address) < 0 ? undefined : readSockaddr(address.bytes)
    },
    recv: (fd, into, at, length) => answer(recv(fd, into.address + at, length, MSG_DONTWAIT)),
    send: (fd, from, at, length, more) =>
      answer(send(fd, from.address + at, length, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0))),
    sendfile(out, file, from, length) {
      offset.bytes.writeUInt32LE(from % 0x100000000, 0)
      offset.bytes.writeUInt32LE(Math.floor(from / 0x100000000), 4)
      return answer(sendfile(out, file, offset.address, length))
    },
    shutdown: (fd) => void shutdown(fd, SHUT_WR),
    close: (fd) => void close(fd),
    noDelay: (fd) => void setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1),
  }
}
