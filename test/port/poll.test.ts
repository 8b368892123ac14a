// The byte layouts of both poll backends, on a kernel made of a Map: they are checked on any machine.
import t from 'tap'
import { Ready } from '../../core/port/port.ts'
import type { PollCalls } from '../../core/port/poll/calls.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { kqueue } from '../../core/port/poll/kqueue.ts'
import { allocate } from '../../core/port/native.ts'
import type { Memory } from '../../core/port/port.ts'

class FakeKernel implements Omit<PollCalls, 'arch'> {
  readonly calls: string[] = []
  readonly #memories: Memory[] = []
  deliver: Buffer[] = []

  allocate = (bytes: number): Memory => {
    const memory = allocate(bytes)
    this.#memories.push(memory)
    return memory
  }
  errno = () => 9
  viewOf = () => new ArrayBuffer(0)
  watch = () => ({ stop: () => undefined })
  call = (declaration: string) => {
    const name = /(\w+)\(/.exec(declaration)![1]!
    return (...args: readonly unknown[]): number => this.#answer(name, args as number[])
  }

  at(address: number): Buffer {
    return this.#memories.find((memory) => memory.address === address)!.bytes
  }

  #answer(name: string, args: number[]): number {
    if (name === 'epoll_create1' || name === 'kqueue') return 50
    if (name === 'epoll_ctl') {
      this.calls.push(`ctl ${args[1]!} ${args[2]!} ${this.at(args[3]!).subarray(0, 16).toString('hex')}`)
      return args[2] === 99 ? -1 : 0
    }
    if (name === 'kevent' && args[1] !== 0) {
      this.calls.push(`kevent ${this.at(args[1]!).subarray(0, 32).toString('hex')}`)
      return Number(this.at(args[1]!).readBigUInt64LE(0)) === 99 ? -1 : 0
    }
    if (name === 'epoll_wait' || name === 'kevent') {
      const into = this.at(name === 'kevent' ? args[3]! : args[1]!)
      Buffer.concat(this.deliver).copy(into)
      return this.deliver.length
    }
    return 0
  }
}

t.test('epoll packs events to 12 bytes on x86-64 and aligns them elsewhere', (t) => {
  for (const [arch, tail] of [['x64', 4], ['arm64', 8]] as const) {
    const kernel = new FakeKernel()
    const poller = epoll({ ...kernel, call: kernel.call, allocate: kernel.allocate, errno: kernel.errno, viewOf: kernel.viewOf, watch: kernel.watch, arch }).open()
    t.equal(poller.add(7, Ready.in | Ready.exclusive), 0)
    const [, op, fd, hex] = kernel.calls[0]!.split(' ')
    const bytes = Buffer.from(hex!, 'hex')
    t.same([op, fd, bytes.readUInt32LE(0), bytes.readInt32LE(tail)], ['1', '7', 0x10000001, 7], arch)
    t.equal(poller.add(99, Ready.out), -9, 'a failed call answers its errno')
    const event = Buffer.alloc(tail === 4 ? 12 : 16)
    event.writeUInt32LE(0x1 | 0x10, 0)
    event.writeInt32LE(31, tail)
    kernel.deliver = [event, event]
    t.equal(poller.take(0), 2)
    t.same([poller.fds[1], poller.ready[1]], [31, Ready.in | Ready.hangup])
  }
  t.end()
})

t.test('kqueue keeps reading and writing as two filters', (t) => {
  const kernel = new FakeKernel()
  const poller = kqueue({ call: kernel.call, allocate: kernel.allocate, errno: kernel.errno, viewOf: kernel.viewOf, watch: kernel.watch, arch: 'x64' }).open()
  t.equal(poller.add(7, Ready.in), 0)
  t.equal(poller.change(7, Ready.out, Ready.in), 0)
  t.equal(poller.remove(7, Ready.out), 0)
  const decoded = kernel.calls.map((call) => {
    const bytes = Buffer.from(call.split(' ')[1]!, 'hex')
    return [Number(bytes.readBigUInt64LE(0)), bytes.readInt16LE(8), bytes.readUInt16LE(10)]
  })
  t.same(decoded, [[7, -1, 1], [7, -1, 2], [7, -2, 1], [7, -2, 2]])
  t.equal(poller.add(99, Ready.in), -9)
  const event = Buffer.alloc(32)
  event.writeBigUInt64LE(12n, 0)
  event.writeInt16LE(-2, 8)
  event.writeUInt16LE(0x8000, 10)
  kernel.deliver = [event]
  t.equal(poller.take(0), 1)
  t.same([poller.fds[0], poller.ready[0]], [12, Ready.out | Ready.hangup])
  t.end()
})
