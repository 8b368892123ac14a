// Connections on which a module speaks in the place of HTTP, and modules that are told of bytes.
import fc from 'fast-check'
import t from 'tap'
import type { IoTap, Request, Talk } from '../../core/hook/types.ts'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { IoTaps } from '../../core/server/io_tap.ts'
import { Next } from '../../core/server/mpm.ts'
import { buildServers } from '../../core/server/server.ts'
import { talk } from '../../modules/mod_echo.ts'
import { make, plainConf } from './fake_connection.ts'

const speaking = (says: () => Talk) => make((modules) => modules.hooks.processConnection.add('test', () => says))
const echoing = () => speaking(() => talk({} as never))

t.test('mod_echo sends back whole lines, and the rest at the end', (t) => {
  const made = echoing()
  t.equal(made.conn.advance(), Next.idle)
  made.say('one\ntw')
  t.equal(made.conn.advance(), Next.read)
  t.equal(made.socket.outgoing, 'one\n')
  made.say('o\n')
  t.equal(made.conn.advance(), Next.idle)
  made.say('tail')
  made.conn.advance()
  made.socket.ended = true
  t.equal(made.conn.advance(), Next.close)
  t.equal(made.socket.outgoing, 'one\ntwo\ntail')
  made.conn.close()
  made.conn.close()
  t.ok(made.socket.closed)
  t.end()
})

t.test('what comes back is what was sent, whatever the socket takes at a time', (t) => {
  const piece = fc.array(fc.constantFrom('\n', 'a', '\0', 'x'.repeat(3000)), { maxLength: 6 }).map((parts) => parts.join(''))
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 1, max: 5000 }), (pieces, capacity) => {
    const { socket, conn, say } = echoing()
    socket.capacity = 0
    for (const text of pieces) if (text !== '') say(text)
    socket.ended = true
    for (let next: Next = Next.read; next !== Next.close; next = conn.advance()) socket.capacity = capacity
    conn.close()
    return socket.outgoing === pieces.join('')
  }), { numRuns: 40 })
  t.end()
})

t.test('a client that takes nothing is not read from; one that is late is gone', (t) => {
  const { socket, conn, say } = echoing()
  socket.capacity = 0
  say('x\n')
  say('y\n')
  t.equal(conn.advance(), Next.write)
  t.equal(socket.incoming.length, 1)
  t.equal(conn.timedOut(), Next.close)
  t.ok(conn.patience > 0)
  t.end()
})

t.test('a module that throws, or has nothing more to say, ends its connection', (t) => {
  const thrown = speaking(() => ({ hear: () => { throw new Error('no') } }))
  thrown.say('x')
  t.equal(thrown.conn.advance(), Next.close)
  t.match(thrown.logged, [/^SY00161: .*no/])
  const silent = speaking(() => ({ hear: () => undefined }))
  silent.say('x')
  t.equal(silent.conn.advance(), Next.close)
  const finishing = echoing()
  finishing.engine.finishing = true
  t.equal(finishing.conn.advance(), Next.close, 'nothing is under way')
  t.end()
})

t.test('taps are told what passed, for their server alone', (t) => {
  const [server, other] = buildServers({ main: plainConf(), virtual: [plainConf()] }, () => undefined)
  const real = linux(epoll)
  const told: string[] = []
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
  const tap: IoTap = {
    received: (_, bytes) => void told.push(`in ${text(bytes)}`), sent: (_, bytes) => void told.push(`out ${text(bytes)}`),
  }
  const taken = { 7: 2, 8: 3, 9: -11 } as Readonly<Record<number, number>>
  const taps = new IoTaps({
    ...real,
    net: { ...real.net, recv: (fd) => taken[fd]!, send: (fd) => taken[fd]!, sendfile: () => 5 },
    files: { ...real.files, pread: (_, into, at, length, position) => into.bytes.write('0123456789'.slice(position, position + length), at, 'latin1') },
  }, new Map([[server!, tap]]))
  const memory = real.host.memory(8)
  memory.bytes.write('abcdefgh')
  const connection = (fd: number) => ({ fd }) as unknown as Parameters<typeof taps.meets>[0]
  taps.meets(connection(7), server!)
  taps.meets(connection(8), other!)
  taps.meets(connection(9), server!)
  const { net } = taps.port
  t.equal(net.recv(7, memory, 1, 7), 2)
  net.recv(8, memory, 0, 8)
  net.send(9, memory, 0, 8, false)
  net.send(7, memory, 4, 4, false)
  t.equal(net.sendfile(7, 3, 2, 9), 5)
  t.same(told, ['in bc', 'out ef', 'out 23456'])
  taps.meets(connection(7), other!)
  net.recv(7, memory, 0, 8)
  t.equal(told.length, 3, 'the descriptor is another connection\'s')
  t.end()
})

t.test('what it hears stays as it is while it has to do with a request on another connection', (t) => {
  let kept: Request | undefined
  const heard: string[] = []
  const made = make(({ hooks }) => {
    hooks.processConnection.add('test', () => () => ({
      hear(bytes) {
        void kept?.read()
        heard.push(Buffer.from(bytes).toString('latin1'))
        return { used: bytes.length, answer: bytes }
      },
    }))
    hooks.handler.add('test', (r) => {
      kept = r
      return new Promise(() => undefined)
    })
  })
  const unread = Buffer.from('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n')
  const owner = { resume: () => undefined, status: () => undefined }
  made.engine.connect(901, { address: '10.0.0.2', port: 1 }, undefined, owner, { keepalives: 0, unread }).advance()
  made.say('mine')
  made.say('SECRET')
  made.conn.advance()
  t.equal(heard[0], 'mine')
  t.match(made.socket.sentTo.get(900), /^mine/)
  t.end()
})
