/**
 * The poller over kqueue (BSD, macOS; on Linux through libkqueue). Twin of
 * epoll.ts: same functions, same order. kqueue keeps reading and writing as two
 * filters, and has no exclusive wake-up: all waiters wake, one gets the connection.
 */
import { Ready, type Fd, type PollProvider, type PollSet, type Poller, type Result } from '../port.ts'
import { BATCH, type PollCalls } from './calls.ts'

const EVFILT_READ = -1, EVFILT_WRITE = -2
const EV_ADD = 0x1, EV_DELETE = 0x2
const EV_EOF = 0x8000
// struct kevent on 64-bit: uintptr ident, int16 filter, uint16 flags, uint32 fflags, intptr data, void *udata
const SIZE = 32, FILTER_AT = 8, FLAGS_AT = 10

// eslint-disable-next-line max-lines-per-function -- a backend is one closure over its buffers
export const kqueue = (calls: PollCalls): PollProvider => {
  const kqueueCall = calls.call('int kqueue()')
  const kevent = calls.call('int kevent(int kq, uintptr_t changes, int nchanges, uintptr_t events, int nevents, uintptr_t timeout)')
  const close = calls.call('int close(int fd)')

  const change = calls.allocate(SIZE)
  const asked = new DataView(change.bytes.buffer, change.bytes.byteOffset, SIZE)
  // struct timespec: seconds, nanoseconds
  const patience = calls.allocate(16)
  patience.bytes.fill(0)

  const one = (kq: Fd, fd: Fd, filter: number, flags: number): Result => {
    change.bytes.fill(0)
    asked.setBigUint64(0, BigInt(fd), true)
    asked.setInt16(FILTER_AT, filter, true)
    asked.setUint16(FLAGS_AT, flags, true)
    return kevent(kq, change.address, 1, 0, 0, 0) < 0 ? -calls.errno() : 0
  }

  // Asks for what is wanted and was not asked for yet, and takes back the rest.
  const control = (kq: Fd, fd: Fd, want: number, was: number): Result => {
    let result = 0
    for (const [bit, filter] of [[Ready.in, EVFILT_READ], [Ready.out, EVFILT_WRITE]] as const) {
      if (want & bit & ~was) result = Math.min(result, one(kq, fd, filter, EV_ADD))
      if (was & bit & ~want) one(kq, fd, filter, EV_DELETE)
    }
    return result
  }

  const attach = (handle: Fd): PollSet => ({
    handle,
    add: (fd, interest) => control(handle, fd, interest, 0),
    change: (fd, interest, was) => control(handle, fd, interest, was),
    remove: (fd, was) => control(handle, fd, 0, was),
  })

  const open = (): Poller => {
    const handle = kqueueCall()
    if (handle < 0) throw new Error(`kqueue: errno ${calls.errno()}`)
    const events = calls.allocate(BATCH * SIZE)
    const view = new DataView(events.bytes.buffer, events.bytes.byteOffset, BATCH * SIZE)
    const fds = new Int32Array(BATCH)
    const ready = new Uint8Array(BATCH)
    let watch: { stop(): void } | undefined

    return {
      ...attach(handle),
      fds,
      ready,
      take(ms) {
        patience.bytes.writeUInt32LE(ms * 1e6, 8)
        const got = kevent(handle, 0, 0, events.address, BATCH, patience.address)
        for (let i = 0; i < got; i++) {
          const at = i * SIZE
          fds[i] = Number(view.getBigUint64(at, true))
          const ended = view.getUint16(at + FLAGS_AT, true) & EV_EOF ? Ready.hangup : 0
          ready[i] = (view.getInt16(at + FILTER_AT, true) === EVFILT_READ ? Ready.in : Ready.out) | ended
        }
        return got < 0 ? 0 : got
      },
      watch(onReady, endable) {
        watch = calls.watch(handle, onReady, endable)
      },
      close() {
        watch?.stop()
        close(handle)
      },
    }
  }

  return { method: 'kqueue', open, attach }
}
