/** What a server that others start, supervise and protect asks of Linux beyond sockets for clients. */
import { SystemError, type Service } from './port.ts'
import { AF_INET, AF_INET6, readSockaddr, SOCKADDR_BYTES } from './sockaddr.ts'
import { answering, insisting, type System } from './system.ts'

const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_STREAM = 1, SOCK_CLOEXEC = 0x80000
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000
const SOL_SOCKET = 1, SO_TYPE = 3, SO_ACCEPTCONN = 30
const F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, FD_CLOEXEC = 1, O_NONBLOCK = 0x800
const WNOHANG = 1
const SIG_UNBLOCK = 1
const PR_SET_DUMPABLE = 4
/** sun_path, and the family before it. */
const UNIX_PATH_BYTES = 108, FAMILY_BYTES = 2
/** More groups than the kernel takes are none of ours. */
const GROUPS_MAX = 65_536
const NAME_TOO_LONG = 36

export function linuxService(system: System): Service {
  const fcntl = system.call('int fcntl(int fd, int command, int value)')
  const waitpid = system.call('int waitpid(int pid, uintptr_t status, int options)')
  const sigmask = system.call('int pthread_sigmask(int how, void *set, void *before)')
  const prctl = system.call('int prctl(int option, uintptr_t value, uint64_t a, uint64_t b, uint64_t c)')
  const getgrouplist = system.call('int getgrouplist(void *user, uint32_t group, void *groups, void *count)')
  const answer = answering(system)

  return {
    datagram: datagramOf(system),
    listeningAt: listeningOf(system),
    prepareInherited(fd) {
      fcntl(fd, F_SETFD, FD_CLOEXEC)
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK)
    },
    reap: (pid) => answer(waitpid(pid, 0, WNOHANG)),
    unblock(signal) {
      // sigset_t has room for 1024 signals; the first word holds the classic ones.
      const set = Buffer.alloc(128)
      set.writeUInt32LE(1 << (signal - 1), 0)
      sigmask(SIG_UNBLOCK, set, null)
    },
    allowCoreDump: () => void prctl(PR_SET_DUMPABLE, 1, 0, 0, 0),
    groupsOf(user, group) {
      const count = Buffer.alloc(4)
      const list = Buffer.alloc(4 * GROUPS_MAX)
      count.writeInt32LE(GROUPS_MAX, 0)
      if (getgrouplist(Buffer.from(`${user}\0`), group, list, count) < 0)
        throw new SystemError('getgrouplist', system.errno())
      return Array.from({ length: count.readInt32LE(0) }, (_, i) => list.readUInt32LE(4 * i))
    },
  }
}

function datagramOf(system: System): Service['datagram'] {
  const socket = system.call('int socket(int domain, int type, int protocol)')
  const connect = system.call('int connect(int fd, void *address, int length)')
  const send = system.call('intptr_t send(int fd, void *bytes, size_t length, int flags)')
  const close = system.call('int close(int fd)')
  const answer = answering(system)
  const must = insisting(system)

  return (path) => {
    const name = Buffer.from(path)
    if (name.length >= UNIX_PATH_BYTES) throw new SystemError('connect', NAME_TOO_LONG)
    const address = Buffer.alloc(FAMILY_BYTES + UNIX_PATH_BYTES)
    address.writeUInt16LE(AF_UNIX, 0)
    name.copy(address, FAMILY_BYTES)
    const abstract = path.startsWith('@')
    if (abstract) address[FAMILY_BYTES] = 0
    const fd = must('socket', socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    try {
      must('connect', connect(fd, address, FAMILY_BYTES + name.length + (abstract ? 0 : 1)))
    } catch (error) {
      close(fd)
      throw error
    }
    return {
      send(text) {
        const bytes = Buffer.from(text)
        return answer(send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL))
      },
      close: () => void close(fd),
    }
  }
}

function listeningOf(system: System): Service['listeningAt'] {
  const getsockopt = system.call('int getsockopt(int fd, int level, int option, uintptr_t value, uintptr_t length)')
  const getsockname = system.call('int getsockname(int fd, uintptr_t address, uintptr_t length)')
  const address = system.allocate(SOCKADDR_BYTES)
  const value = system.allocate(4)
  const length = system.allocate(4)
  const option = (fd: number, name: number): number => {
    length.bytes.writeInt32LE(4, 0)
    return getsockopt(fd, SOL_SOCKET, name, value.address, length.address) < 0 ? -1 : value.bytes.readInt32LE(0)
  }

  return (fd) => {
    if (option(fd, SO_TYPE) !== SOCK_STREAM || option(fd, SO_ACCEPTCONN) !== 1) return undefined
    length.bytes.writeInt32LE(SOCKADDR_BYTES, 0)
    if (getsockname(fd, address.address, length.address) < 0) return undefined
    const family = address.bytes.readUInt16LE(0)
    return family === AF_INET || family === AF_INET6 ? readSockaddr(address.bytes) : undefined
  }
}
