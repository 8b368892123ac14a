// The ring that answers leave through: on the kernel, where it has one, and on one made of two arrays, for what a
// kernel does only when it lacks memory.
import t, { type Test } from 'tap'
import { allocate, errno, openLibrary, viewOf, type NativeCall } from '../../core/port/native.ts'
import type { PollCalls } from '../../core/port/poll/calls.ts'
import { io_uring } from '../../core/port/poll/io_uring.ts'
import { Errno, type Fd, type Memory, type SendRing } from '../../core/port/port.ts'

const libc = openLibrary('libc.so.6')
const watch = () => ({ stop: () => undefined })
const real: PollCalls = { call: libc.call, errno, allocate, viewOf, watch, arch: process.arch }

function open(t: Test, calls: PollCalls): SendRing | undefined {
  try {
    const ring = io_uring(calls).openSends!()
    t.teardown(() => ring.close())
    return ring
  } catch (error) {
    t.comment((error as Error).message)
    return undefined
  }
}

const socketpair = libc.call('int socketpair(int domain, int type, int protocol, uintptr_t pair)')
const recv = libc.call('intptr_t recv(int fd, uintptr_t into, size_t length, int flags)')
const close = libc.call('int close(int fd)')

function pair(t: Test): readonly [Fd, Fd] {
  const memory = allocate(8)
  t.equal(socketpair(1, 1, 0, memory.address), 0)
  const ends = [memory.bytes.readInt32LE(0), memory.bytes.readInt32LE(4)] as const
  t.teardown(() => ends.forEach((fd) => close(fd)))
  return ends
}

function read(fd: Fd): string {
  const into = allocate(1 << 20)
  const got = recv(fd, into.address, into.bytes.length, 0x40)
  return got < 0 ? '' : into.bytes.toString('latin1', 0, got)
}

const text = (what: string): Memory => {
  const memory = allocate(what.length)
  memory.bytes.write(what, 'latin1')
  return memory
}

t.test('on the kernel: each socket gets its own, and results are as of send(2)', (t) => {
  const ring = open(t, real)
  if (ring === undefined) return void t.end()
  const from = text('to the firstto the second')
  const first = pair(t), second = pair(t), gone = pair(t)
  close(gone[1])
  ring.add(first[0], from, 0, 12)
  ring.add(9999, from, 0, 12)
  ring.add(gone[0], from, 0, 12)
  ring.add(second[0], from, 12, 13)
  t.equal(ring.submit(), 4)
  t.same([...ring.results.subarray(0, 4)], [12, -Errno.badf, -Errno.pipe, 13], 'a fault keeps nothing back')
  t.same([read(first[1]), read(second[1])], ['to the first', 'to the second'])
  t.equal(ring.submit(), 0, 'nothing is added')
  t.end()
})

t.test('on the kernel: a socket that is full takes a part, then nothing, at once', (t) => {
  const ring = open(t, real)
  if (ring === undefined) return void t.end()
  const [a, b] = pair(t)
  const other = pair(t)
  const from = allocate(4 << 20)
  let taken = 0
  for (const part of ['most of it', 'nothing']) {
    ring.add(a, from, 0, from.bytes.length)
    ring.add(other[0], from, 0, 1)
    ring.submit()
    t.equal(ring.results[1], 1)
    const took = ring.results[0]!
    if (part === 'nothing') t.equal(took, -Errno.again)
    else taken = took
  }
  t.ok(taken > 0 && taken < from.bytes.length, `${taken} bytes`)
  let came = 0
  for (let piece = read(b); piece !== ''; piece = read(b)) came += piece.length
  t.equal(came, taken, 'as many as it said')
  t.end()
})

t.test('on the kernel: the rings go round', (t) => {
  const ring = open(t, real)
  if (ring === undefined) return void t.end()
  const from = text('0123456789')
  const pairs = Array.from({ length: ring.size }, () => pair(t))
  for (let round = 0; round < 5; round++) {
    const count = [ring.size, 1, 7, ring.size, 50][round]!
    for (let i = 0; i < count; i++) ring.add(pairs[i]![0], from, i % 10, 1)
    t.equal(ring.submit(), count)
    t.ok(ring.results.subarray(0, count).every((took) => took === 1))
    t.same(pairs.slice(0, count).map(([, end]) => read(end)), Array.from({ length: count }, (_, i) => String(i % 10)))
  }
  t.end()
})

/** A kernel that takes as many entries as it is told to, and answers them when it likes. */
class Kernel {
  /** Entries taken by the next calls; then all. */
  takes: number[] = []
  /** Answers come with the next call. */
  late = false
  refuses = 0
  readonly sent: { fd: number; address: number; length: number; flags: number }[] = []
  readonly #rings = allocate(8192)
  readonly #entries = allocate(64 * 64)
  readonly #owed: number[] = []
  #head = 0
  #mapped = 0

  // sq: head 0, tail 4, mask 8, array from 64; cq: head 16, tail 20, mask 24, answers from 512.
  call = (declaration: string): NativeCall => {
    if (declaration.startsWith('intptr_t mmap')) return () => [this.#rings, this.#entries][this.#mapped++]!.address
    if (declaration.includes('parameters')) return (_number, _size, parameters) => this.#setup(Number(parameters))
    if (declaration.includes('submit')) return (...args) => this.#enter(Number(args[2]))
    return () => (declaration.includes('epoll_create') ? 50 : -1)
  }

  readonly calls: PollCalls = {
    call: (declaration) => this.call(declaration), errno: () => Errno.perm, allocate: (bytes) => this.#remember(allocate(bytes)),
    viewOf: (address) => [this.#rings, this.#entries].find((memory) => memory.address === address)!.bytes.buffer as ArrayBuffer,
    watch, arch: 'x64',
  }
  readonly #memories: Memory[] = []

  #remember(memory: Memory): Memory {
    this.#memories.push(memory)
    return memory
  }

  #setup(parameters: number): number {
    if (this.refuses > 0) return -1
    const { bytes } = this.#memories.find((memory) => memory.address === parameters)!
    bytes.writeUInt32LE(128, 4)
    for (const [at, value] of [[40, 0], [44, 4], [48, 8], [64, 64], [80, 16], [84, 20], [88, 24], [100, 512]] as const) bytes.writeUInt32LE(value, at)
    this.#rings.bytes.fill(0).writeUInt32LE(63, 8)
    this.#rings.bytes.writeUInt32LE(127, 24)
    return 77
  }

  #enter(submit: number): number {
    const take = Math.min(submit, this.takes.shift() ?? submit)
    if (take < 0) return -1
    const { bytes } = this.#entries
    for (let i = 0; i < take; i++, this.#head++) {
      const at = this.#rings.bytes.readUInt32LE(64 + 4 * (this.#head % 64)) * 64
      this.sent.push({
        fd: bytes.readInt32LE(at + 4), address: Number(bytes.readBigUInt64LE(at + 16)), length: bytes.readUInt32LE(at + 24),
        flags: bytes.readUInt32LE(at + 28),
      })
      this.#owed.push(bytes.readUInt32LE(at + 32), bytes.readUInt32LE(at + 24))
    }
    if (this.late) this.late = false
    else this.#answer()
    return take
  }

  #answer(): void {
    const { bytes } = this.#rings
    while (this.#owed.length > 0) {
      const tail = bytes.readUInt32LE(20)
      bytes.writeBigUInt64LE(BigInt(this.#owed.shift()!), 512 + 16 * (tail % 128))
      bytes.writeInt32LE(this.#owed.shift()!, 512 + 16 * (tail % 128) + 8)
      bytes.writeUInt32LE(tail + 1, 20)
    }
  }
}

t.test('an entry is a send that neither waits nor raises SIGPIPE', (t) => {
  const kernel = new Kernel()
  const ring = open(t, kernel.calls)!
  const from = { bytes: Buffer.alloc(0), address: 0x7f12_3456_7000 }
  ring.add(5, from, 0x10, 1300)
  ring.submit()
  t.same(kernel.sent, [{ fd: 5, address: 0x7f12_3456_7010, length: 1300, flags: 0x4040 }])
  t.equal(ring.results[0], 1300)
  t.end()
})

t.test('what the kernel does not take is as if the socket were full, and is not sent later', (t) => {
  for (const [takes, expected] of [[2, [1, 2, -Errno.again, -Errno.again]], [-1, Array(4).fill(-Errno.again)]] as const) {
    const kernel = new Kernel()
    const ring = open(t, kernel.calls)!
    kernel.takes = [takes]
    for (let fd = 1; fd <= 4; fd++) ring.add(fd, text('xxxx'), 0, fd)
    t.equal(ring.submit(), 4)
    t.same([...ring.results.subarray(0, 4)], expected)
    ring.add(9, text('x'), 0, 1)
    ring.submit()
    t.same(kernel.sent.map(({ fd }) => fd), takes === 2 ? [1, 2, 9] : [9])
    t.equal(ring.results[0], 1)
  }
  t.end()
})

t.test('an answer that is late is waited for', (t) => {
  const kernel = new Kernel()
  const ring = open(t, kernel.calls)!
  kernel.late = true
  ring.add(1, text('xx'), 0, 2)
  t.equal(ring.submit(), 1)
  t.equal(ring.results[0], 2)
  t.end()
})

t.test('a kernel that forbids rings: the error says so', (t) => {
  const kernel = new Kernel()
  kernel.refuses = 1
  t.throws(() => io_uring(kernel.calls).openSends!(), { message: 'io_uring_setup: Operation not permitted' })
  t.end()
})
