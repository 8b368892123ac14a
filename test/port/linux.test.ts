// The Linux port on the real kernel; each poll backend that this machine has runs the same suite.
import { createServer, connect } from 'node:net'
import t from 'tap'
import fc from 'fast-check'
import { linux } from '../../core/port/linux.ts'
import { openLibrary } from '../../core/port/native.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { kqueue } from '../../core/port/poll/kqueue.ts'
import { Errno, Ready, SystemError } from '../../core/port/port.ts'
import { readSockaddr, writeSockaddr } from '../../core/port/sockaddr.ts'

const NO_OPTIONS = { backlog: 16, reusePort: false, sendBuffer: 0, receiveBuffer: 0 }
const hasKqueue = (): boolean => {
  try {
    return openLibrary('libkqueue.so.0').has('kqueue')
  } catch {
    return false
  }
}
const backends = [
  { name: 'epoll', poll: epoll, here: true },
  { name: 'kqueue', poll: kqueue, here: hasKqueue() },
]

for (const { name, poll, here } of backends) {
  t.test(`${name}: a connection is accepted, read and answered`, { skip: !here && 'libkqueue is not installed' }, (t) => {
    const port = linux(poll)
    const listener = port.net.listen({ address: '127.0.0.1', port: 0, v6only: false }, NO_OPTIONS)
    const at = port.net.localEnd(listener)
    const poller = port.poll.open()
    const memory = port.host.memory(1024)
    t.equal(poller.add(listener, Ready.in | Ready.exclusive), 0)
    let accepted = -1
    poller.watch(() => {
      const count = poller.take(0)
      for (let i = 0; i < count; i++) {
        if (poller.fds[i] === listener) {
          accepted = port.net.accept(listener)
          t.equal(port.net.peer().address, '127.0.0.1')
          t.equal(port.net.accept(listener), -Errno.again)
          poller.add(accepted, Ready.in)
        } else {
          t.equal(port.net.recv(accepted, memory, 0, 1024), 5)
          memory.bytes.write('world', 100)
          t.equal(port.net.send(accepted, memory, 100, 5, false), 5)
          poller.remove(accepted, Ready.in)
          port.net.close(accepted)
        }
      }
    })
    const client = connect(at.port, '127.0.0.1', () => client.write('hello'))
    client.on('data', (data) => t.equal(data.toString(), 'world'))
    client.on('close', () => {
      poller.close()
      port.net.close(listener)
      t.end()
    })
  })
}

t.test('a port in use is a SystemError that names it', (t) => {
  const port = linux(epoll)
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port: number } = server.address() as { port: number }
    try {
      port.net.listen({ address: '127.0.0.1', port: number, v6only: false }, NO_OPTIONS)
      t.fail('it was bound twice')
    } catch (error) {
      t.ok(error instanceof SystemError)
      t.equal((error as SystemError).errno, Errno.addrinuse)
      t.match(String(error), /Address already in use/)
    }
    server.close(() => t.end())
  })
})

t.test('shared memory, bells and file look-ups', (t) => {
  const port = linux(epoll)
  const one = port.shared.create('test', 4096)
  const other = new Int32Array(port.shared.attach(one.fd, 4096))
  Atomics.add(new Int32Array(one.buffer), 3, 42)
  t.equal(Atomics.load(other, 3), 42)
  port.net.close(one.fd)
  const bell = port.shared.bell()
  bell.ring(2)
  t.same([bell.take(), bell.take(), bell.take()], [true, true, false])
  bell.close()
  const stat = { mode: 0, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0, dev: 0, uid: 0 }
  t.equal(port.files.stat('/etc/passwd', stat, true), 0)
  t.ok(stat.size > 0 && stat.mtimeMs > 0 && stat.ino > 0)
  t.equal(port.files.stat('/nowhere/at/all', stat, true), -Errno.noent)
  t.end()
})

t.test('socket addresses survive the way to the kernel and back', (t) => {
  const four = fc.ipV4()
  const six = fc.ipV6().filter((address) => !address.includes('.'))
  fc.assert(fc.property(fc.oneof(four, six), fc.nat(65535), (address, port) => {
    const bytes = Buffer.alloc(28)
    writeSockaddr(bytes, address, port)
    const read = readSockaddr(bytes)
    const same = new URL(`http://${address.includes(':') ? `[${address}]` : address}/`).hostname.replace(/[[\]]/g, '')
    const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(same)
    return read.port === port && (mapped !== null || read.address === same)
  }))
  const mapped = Buffer.alloc(28)
  writeSockaddr(mapped, '::ffff:10.1.2.3', 80)
  t.same(readSockaddr(mapped), { address: '10.1.2.3', port: 80 })
  t.end()
})
