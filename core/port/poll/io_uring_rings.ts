/**
 * The two rings of an io_uring, as the kernel lays them out: the thread writes entries and moves the tail of the one,
 * the kernel does so with the other.
 */
import { SystemError, type Fd, type Memory, type Result } from '../port.ts'
import type { PollCalls } from './calls.ts'

/** System calls that C libraries have no function for: the same numbers on all architectures that Node runs on. */
const SETUP = 425, ENTER = 426, REGISTER = 427
/** A faulty entry does not keep back those behind it (Linux 5.18); one thread submits (6.0). */
const SUBMIT_ALL = 1 << 7, SINGLE_ISSUER = 1 << 12
const ENTER_REGISTERED_RING = 1 << 4
const REGISTER_RING_FDS = 20
const PROT_READ_WRITE = 3, MAP_SHARED_POPULATE = 0x8001
const AT_RINGS = 0, AT_ENTRIES = 0x10000000
const ANY_NUMBER = 0xffffffff

// struct io_uring_params: u32 sq_entries, cq_entries, flags …; where things are in the mapped rings, from 40 (sq) and 80 (cq)
const PARAMETERS = 120, FLAGS = 8, SQ = 40, CQ = 80
const HEAD = 0, TAIL = 4, MASK = 8, SQ_ARRAY = 24, CQES = 20
/** Bytes of an entry of each ring. */
export const SQE = 64, CQE = 16

export interface Rings {
  /** Both rings as words of 32 bits; the other fields are indices into it, or masks. */
  readonly words: Int32Array
  readonly entries: Int32Array
  readonly sqTail: number
  readonly sqMask: number
  readonly cqHead: number
  readonly cqTail: number
  readonly cqMask: number
  readonly cqes: number
  /** Hands entries over. @returns how many were taken, or a negative errno */
  enter(submit: number, complete: number, flags: number): Result
  close(): void
}

/**
 * Opens rings for the calling thread.
 * @param size entries, a power of two
 * @throws SystemError: the kernel is too old for it, or forbids it (kernel.io_uring_disabled, seccomp)
 */
export function openRings(calls: PollCalls, size: number): Rings {
  const setup = calls.call('int syscall(intptr_t number, unsigned int entries, uintptr_t parameters)')
  const close = calls.call('int close(int fd)')
  const parameters = calls.allocate(PARAMETERS)
  parameters.bytes.fill(0).writeUInt32LE(SUBMIT_ALL | SINGLE_ISSUER, FLAGS)
  const fd = setup(SETUP, size, parameters.address)
  if (fd < 0) throw new SystemError('io_uring_setup', calls.errno())
  try {
    return { ...mapRings(calls, fd, size, parameters), enter: enterCall(calls, fd), close: () => void close(fd) }
  } catch (error) {
    close(fd)
    throw error
  }
}

// The mappings are the process's until it ends, as the ring of a thread that serves is.
function mapRings(calls: PollCalls, fd: Fd, size: number, { bytes }: Memory): Omit<Rings, 'enter' | 'close'> {
  const mmap = calls.call('intptr_t mmap(uintptr_t at, size_t length, int protection, int flags, int fd, int64_t offset)')
  const map = (length: number, offset: number): Int32Array => {
    const at = mmap(0, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset)
    if (at < 0) throw new SystemError('mmap', calls.errno())
    return new Int32Array(calls.viewOf(at, length))
  }
  const where = (ring: number, what: number): number => bytes.readUInt32LE(ring + what) / 4
  const answers = bytes.readUInt32LE(4)
  const words = map(Math.max(4 * (where(SQ, SQ_ARRAY) + size), 4 * where(CQ, CQES) + answers * CQE), AT_RINGS)
  // Entries are handed over in the order in which they stand.
  for (let i = 0; i < size; i++) words[where(SQ, SQ_ARRAY) + i] = i
  return {
    words, entries: map(size * SQE, AT_ENTRIES),
    sqTail: where(SQ, TAIL), sqMask: words[where(SQ, MASK)]!,
    cqHead: where(CQ, HEAD), cqTail: where(CQ, TAIL), cqMask: words[where(CQ, MASK)]!, cqes: where(CQ, CQES),
  }
}

function enterCall(calls: PollCalls, fd: Fd): Rings['enter'] {
  const enter = calls.call('int syscall(intptr_t number, int fd, unsigned int submit, unsigned int complete, unsigned int flags, uintptr_t argument, size_t size)')
  const register = calls.call('int syscall(intptr_t number, int fd, unsigned int what, uintptr_t argument, unsigned int count)')
  // struct io_uring_rsrc_update: u32 offset, u32 reserved, u64 data. A registered ring needs no look at the descriptor.
  const update = calls.allocate(16)
  update.bytes.fill(0).writeUInt32LE(ANY_NUMBER, 0)
  update.bytes.writeUInt32LE(fd, 8)
  const registered = register(REGISTER, fd, REGISTER_RING_FDS, update.address, 1) === 1
  const ring = registered ? update.bytes.readUInt32LE(0) : fd
  const always = registered ? ENTER_REGISTERED_RING : 0
  return (submit, complete, flags) => {
    const result = enter(ENTER, ring, submit, complete, flags | always, 0, 0)
    return result < 0 ? -calls.errno() : result
  }
}
