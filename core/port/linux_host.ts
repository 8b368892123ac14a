/** Memory shared between processes, waking threads, and the calling process itself, on Linux. */
import { constants, fchmodSync, openSync, unlinkSync } from 'node:fs'
import { SystemError, type Bell, type Fd, type Host, type Shared } from './port.ts'
import type { NativeCall } from './native.ts'
import { insisting, type System } from './system.ts'

const MFD_CLOEXEC = 1
const PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1
const EFD_SEMAPHORE = 1, EFD_NONBLOCK = 0x800, EFD_CLOEXEC = 0x80000
const PR_SET_NAME = 15
const MAP_FAILED = 0xffffffffffffffffn

export function linuxShared(system: System): Shared {
  const memfdCreate = system.call('int memfd_create(void *name, uint32_t flags)')
  const ftruncate = system.call('int ftruncate(int fd, int64_t length)')
  const mmap = system.call('uint64_t mmap(uintptr_t at, size_t length, int protection, int flags, int fd, int64_t offset)')
  const eventfd = system.call('int eventfd(uint32_t initial, int flags)')
  const read = system.call('intptr_t read(int fd, uintptr_t into, size_t length)')
  const write = system.call('intptr_t write(int fd, uintptr_t from, size_t length)')
  const close = system.call('int close(int fd)')
  const must = insisting(system)

  const attach = (fd: Fd, bytes: number): ArrayBuffer => {
    const at = BigInt(mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0))
    if (at === MAP_FAILED) throw new SystemError('mmap', system.errno())
    return system.viewOf(at, bytes)
  }

  const file = (name: string): Fd => must('memfd_create', memfdCreate(Buffer.from(`${name}\0`), MFD_CLOEXEC))

  const count = system.allocate(8)
  const attachBell = (fd: Fd): Bell => ({
    fd,
    ring(times) {
      count.bytes.writeUInt32LE(times, 0)
      count.bytes.writeUInt32LE(0, 4)
      write(fd, count.address, 8)
    },
    take: () => read(fd, count.address, 8) === 8,
    close: () => void close(fd),
  })

  return {
    create(name, bytes, path) {
      const fd = path === undefined ? file(name) : newFile(path)
      must('ftruncate', ftruncate(fd, bytes))
      return { fd, buffer: attach(fd, bytes) }
    },
    file,
    attach,
    again: (fd) => openSync(`/proc/self/fd/${fd}`, constants.O_RDWR),
    bell: () => attachBell(must('eventfd', eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC))),
    attachBell,
  }
}

// Never through a link that somebody has laid there, never into a file that another server still has mapped.
function newFile(path: string): Fd {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644)
  // Whatever the umask is.
  fchmodSync(fd, 0o644)
  return fd
}

// Only the GNU library has it.
function optional(find: () => NativeCall): NativeCall | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}

export function linuxHost(system: System): Host {
  const dup2 = system.call('int dup2(int from, int to)')
  const prctl = system.call('int prctl(int option, void *value, uint64_t a, uint64_t b, uint64_t c)')
  const gettid = system.call('int gettid()')
  const umask = system.call('int umask(int mask)')
  const exit = system.call('void _exit(int code)')
  const must = insisting(system)
  const trim = optional(() => system.call('int malloc_trim(size_t kept)'))

  return {
    trim: () => void trim?.(0),
    memory: system.allocate,
    dup2: (from, to) => void must('dup2', dup2(from, to)),
    nameThread: (name) => void prctl(PR_SET_NAME, Buffer.from(`${name.slice(0, 15)}\0`), 0, 0, 0),
    threadId: () => gettid(),
    umask: (mask) => void umask(mask),
    exit(code) {
      exit(code)
      throw new SystemError('_exit', 0)
    },
  }
}
