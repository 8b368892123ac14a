/** The poller over Linux's epoll. Twin of kqueue.ts: same functions, same order. */
import { Ready, type Fd, type PollProvider, type PollSet, type Poller, type Result } from '../port.ts'
import { BATCH, type PollCalls } from './calls.ts'

const EPOLL_CLOEXEC = 0x80000
const ADD = 1, DEL = 2, MOD = 3
const IN = 0x001, OUT = 0x004, ERR = 0x008, HUP = 0x010, EXCLUSIVE = 0x10000000

export const epoll = (calls: PollCalls): PollProvider => {
  // x86-64 packs struct epoll_event to 12 bytes: u32 events, then u64 data at once; others align to 16.
  const size = calls.arch === 'x64' ? 12 : 16
  const dataAt = size - 8

  const epollCreate = calls.call('int epoll_create1(int flags)')
  const epollCtl = calls.call('int epoll_ctl(int epfd, int op, int fd, uintptr_t event)')
  const epollWait = calls.call('int epoll_wait(int epfd, uintptr_t events, int max, int ms)')
  const close = calls.call('int close(int fd)')

  const event = calls.allocate(16)
  const asked = new DataView(event.bytes.buffer, event.bytes.byteOffset, 16)

  const control = (epfd: Fd, op: number, fd: Fd, interest: number): Result => {
    const bits = (interest & Ready.in ? IN : 0) | (interest & Ready.out ? OUT : 0) | (interest & Ready.exclusive ? EXCLUSIVE : 0)
    asked.setUint32(0, bits, true)
    asked.setInt32(dataAt, fd, true)
    return epollCtl(epfd, op, fd, event.address) < 0 ? -calls.errno() : 0
  }

  const attach = (handle: Fd): PollSet => ({
    handle,
    add: (fd, interest) => control(handle, ADD, fd, interest),
    change: (fd, interest) => control(handle, MOD, fd, interest),
    remove: (fd) => control(handle, DEL, fd, 0),
  })

  const open = (): Poller => {
    const handle = epollCreate(EPOLL_CLOEXEC)
    if (handle < 0) throw new Error(`epoll_create1: errno ${calls.errno()}`)
    const events = calls.allocate(BATCH * size)
    const view = new DataView(events.bytes.buffer, events.bytes.byteOffset, BATCH * size)
    const fds = new Int32Array(BATCH)
    const ready = new Uint8Array(BATCH)
    let watch: { stop(): void } | undefined

    return {
      ...attach(handle),
      fds,
      ready,
      take(ms) {
        const got = epollWait(handle, events.address, BATCH, ms)
        for (let i = 0; i < got; i++) {
          const bits = view.getUint32(i * size, true)
          fds[i] = view.getInt32(i * size + dataAt, true)
          ready[i] = (bits & IN ? Ready.in : 0) | (bits & OUT ? Ready.out : 0) | (bits & (ERR | HUP) ? Ready.hangup : 0)
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

  return { method: 'epoll', open, attach }
}
