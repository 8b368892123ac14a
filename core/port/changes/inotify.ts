/**
 * Changes to directories as Linux tells them. One rule, on which all rests: an
 * event is in the queue before the call that made the change returns.
 *
 * That does not hold for everything. What another machine does on a network
 * file system, or a program behind FUSE, is not told: only kinds of file
 * systems that change by calls to this kernel alone are watched. A mount over
 * a directory is no change of that directory: the kernel tells it of the
 * thread's mount table, which each thread opens for itself, since whoever
 * hears of it first takes the word away.
 */
import { Change, Errno, Waiting, type ChangeQueue, type Changes, type Fd, type Result } from '../port.ts'
import { answering, type System } from '../system.ts'

const IN_NONBLOCK = 0x800, IN_CLOEXEC = 0x80000
const ATTRIB = 0x4, MOVED_FROM = 0x40, MOVED_TO = 0x80, CREATE = 0x100, DELETE = 0x200, DELETE_SELF = 0x400
const MOVE_SELF = 0x800, UNMOUNT = 0x2000, Q_OVERFLOW = 0x4000, IGNORED = 0x8000
const ONLYDIR = 0x1000000, DONT_FOLLOW = 0x2000000
const WATCHED = ATTRIB | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF | ONLYDIR | DONT_FOLLOW
const OF_ITSELF = DELETE_SELF | MOVE_SELF | UNMOUNT | IGNORED

const O_RDONLY = 0, O_CLOEXEC = 0x80000
const EPOLL_CLOEXEC = 0x80000, EPOLL_CTL_ADD = 1, EPOLLIN = 1
const MOUNTS = '/proc/thread-self/mountinfo\0'
/** Bytes of events taken at once. */
const BATCH = 64 * 1024
/** struct inotify_event before its name: int wd; u32 mask, cookie, len. */
const HEADER = 16

/** statfs.f_type of file systems that nobody changes behind this kernel's back. */
const LOCAL = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
  0x2fc12fc1, // zfs
  0x3153464a, // jfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs: its layers may not be changed otherwise
  0x73717368, 0xe0f5e1e2, 0x9660, // squashfs, erofs, iso9660: never change
])

export function inotify(system: System): Changes {
  const init = system.call('int inotify_init1(int flags)')
  const addWatch = system.call('int inotify_add_watch(int fd, void *path, uint32_t mask)')
  const removeWatch = system.call('int inotify_rm_watch(int fd, int watch)')
  const read = system.call('intptr_t read(int fd, uintptr_t into, size_t length)')
  const statfs = system.call('int statfs(void *path, uintptr_t into)')
  const answer = answering(system)
  const bells = linuxBells(system)

  const attach = (queue: Fd): ChangeQueue | undefined => {
    const bell = bells(queue)
    if (bell === undefined) return undefined
    const batch = system.allocate(BATCH)
    const found = system.allocate(256)

    return {
      look: bell,
      add(path) {
        const result = answer(statfs(path, found.address))
        if (result < 0) return result
        if (!LOCAL.has(found.bytes.readUInt32LE(0))) return -Errno.notsup
        return answer(addWatch(queue, path, WATCHED))
      },
      remove: (watch) => void removeWatch(queue, watch),
      take(each) {
        const got = read(queue, batch.address, BATCH)
        for (let at = 0; at < got;) {
          const watch = batch.bytes.readInt32LE(at)
          const mask = batch.bytes.readUInt32LE(at + 4)
          const length = batch.bytes.readUInt32LE(at + 12)
          const start = at + HEADER
          at = start + length
          if (mask & Q_OVERFLOW) each(watch, Change.all, '')
          else if (length === 0 || mask & OF_ITSELF) each(watch, Change.directory, '')
          else each(watch, Change.entry, nameAt(batch.bytes, start, at))
        }
      },
    }
  }

  return { open: () => answer(init(IN_NONBLOCK | IN_CLOEXEC)), attach }
}

/**
 * Makes functions that tell, for one thread, what waits (bits of Waiting, or a negative errno) without taking changes.
 * A function is undefined where /proc is missing: nobody else says what is mounted.
 */
function linuxBells(system: System): (queue: Fd) => (() => Result) | undefined {
  const open = system.call('int open(void *path, int flags, int mode)')
  const close = system.call('int close(int fd)')
  const epollCreate = system.call('int epoll_create1(int flags)')
  const epollCtl = system.call('int epoll_ctl(int epfd, int op, int fd, uintptr_t event)')
  const epollWait = system.call('int epoll_wait(int epfd, uintptr_t events, int max, int ms)')
  // x86-64 packs struct epoll_event to 12 bytes: u32 events, then u64 data at once; others align to 16.
  const size = process.arch === 'x64' ? 12 : 16

  return (queue) => {
    const mounts = open(Buffer.from(MOUNTS), O_RDONLY | O_CLOEXEC, 0)
    const epoll = epollCreate(EPOLL_CLOEXEC)
    const events = system.allocate(2 * 16)
    const add = (fd: Fd, interest: number): boolean => {
      events.bytes.fill(0).writeUInt32LE(interest, 0)
      events.bytes.writeInt32LE(fd, size - 8)
      return epollCtl(epoll, EPOLL_CTL_ADD, fd, events.address) === 0
    }
    // A change of mounts is an error condition, which is told unasked.
    if (mounts < 0 || epoll < 0 || !add(queue, EPOLLIN) || !add(mounts, 0)) {
      for (const fd of [mounts, epoll]) if (fd >= 0) close(fd)
      return undefined
    }
    return () => {
      const count = epollWait(epoll, events.address, 2, 0)
      if (count <= 0) return count < 0 ? -system.errno() : 0
      let bits = 0
      for (let i = 0; i < count; i++)
        bits |= events.bytes.readInt32LE(i * size + size - 8) === queue ? Waiting.changes : Waiting.mounts
      return bits
    }
  }
}

/** A name is followed by one or more NULs. */
function nameAt(bytes: Buffer, start: number, end: number): string {
  const nul = bytes.indexOf(0, start)
  return bytes.toString('latin1', start, nul < 0 || nul > end ? end : nul)
}
