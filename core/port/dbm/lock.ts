/**
 * Locks of files between programs that change them (fcntl(2)). They belong to the open file, so that the same process may
 * read it meanwhile, and stand in the way of those that Apache's library takes.
 */
import { errno, openLibrary, type NativeCall } from '../native.ts'
import { SystemError } from '../port.ts'

const F_OFD_SETLKW = 38
const F_WRLCK = 1
/** struct flock: the kind of lock first, then what of the file, which all zero is the whole. */
const FLOCK_BYTES = 32
const EINTR = 4

let fcntl: NativeCall | undefined

/** Waits until nobody else has it; closing `fd`, which must be open for writing, lets it go. @throws SystemError */
export function lockFile(fd: number): void {
  fcntl ??= openLibrary('libc.so.6', 'libc.musl-x86_64.so.1', 'libc.so').call('int fcntl(int fd, int command, void *lock)')
  const lock = Buffer.alloc(FLOCK_BYTES)
  lock.writeInt16LE(F_WRLCK, 0)
  while (fcntl(fd, F_OFD_SETLKW, lock) !== 0) if (errno() !== EINTR) throw new SystemError('fcntl', errno())
}
