/** Files on Linux: statx, open and pread by path bytes, since a file name need not be UTF-8. */
import { Errno, type Files, type Stat } from './port.ts'
import { answering, type System } from './system.ts'

const AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000, STATX_BASIC_STATS = 0x7ff
const O_RDONLY = 0, O_CLOEXEC = 0x80000, O_NOCTTY = 0x100, O_NONBLOCK = 0x800
/** Longest path with its NUL. */
const PATH_MAX = 4096
// struct statx: offsets of the fields that are read
const UID = 20, MODE = 28, INO = 32, SIZE = 40, CTIME = 96, MTIME = 112, DEV_MAJOR = 136, DEV_MINOR = 140

export function linuxFiles(system: System): Files {
  const statx = system.call('int statx(int dirfd, uintptr_t path, int flags, uint32_t mask, uintptr_t into)')
  // Declared with its third, variadic, argument as fixed: it is passed in a register on every Linux we run on.
  const open = system.call('int open(uintptr_t path, int flags, int mode)')
  const pread = system.call('intptr_t pread64(int fd, uintptr_t into, size_t length, int64_t position)')
  const close = system.call('int close(int fd)')

  // Paths stand here while the kernel reads them: one place for all, so that none needs memory of its own.
  const place = system.allocate(PATH_MAX)
  /** @returns false for one that is too long */
  const put = (path: string): boolean => {
    if (path.length >= PATH_MAX) return false
    place.bytes[place.bytes.write(path, 0, 'latin1')] = 0
    return true
  }

  const found = system.allocate(256)
  const view = new DataView(found.bytes.buffer, found.bytes.byteOffset, 256)
  const answer = answering(system)
  const u64 = (at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000
  const time = (at: number): number => u64(at) * 1000 + view.getUint32(at + 8, true) / 1e6

  const read = (into: Stat): void => {
    into.mode = view.getUint16(MODE, true)
    into.size = u64(SIZE)
    into.ino = u64(INO)
    into.uid = view.getUint32(UID, true)
    into.mtimeMs = time(MTIME)
    into.ctimeMs = time(CTIME)
    into.dev = view.getUint32(DEV_MAJOR, true) * 0x100000 + view.getUint32(DEV_MINOR, true)
  }

  return {
    stat(path, into, follow) {
      if (!put(path)) return -Errno.nametoolong
      const result = answer(statx(AT_FDCWD, place.address, follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, found.address))
      if (result === 0) read(into)
      return result
    },
    statOpen(fd, into) {
      place.bytes[0] = 0
      const result = answer(statx(fd, place.address, AT_EMPTY_PATH, STATX_BASIC_STATS, found.address))
      if (result === 0) read(into)
      return result
    },
    // Non-blocking: opening a FIFO must not hang the server.
    open: (path) => !put(path) ? -Errno.nametoolong : answer(open(place.address, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0)),
    pread: (fd, into, offset, length, position) => answer(pread(fd, into.address + offset, length, position)),
    close: (fd) => void close(fd),
  }
}
