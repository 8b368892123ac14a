/* Sets of listening sockets (ListenCoresBucketsRatio). */
import t from 'tap'
import { ServerConf } from '../../core/config/server_conf.ts'
import { SystemError, type ListenOptions, type Net } from '../../core/port/port.ts'
import { globalCore } from '../../core/server/core_settings.ts'
import { bucketsFor, bucketsNote } from '../../core/server/listen_buckets.ts'
import { Listeners } from '../../core/server/listeners.ts'
import { PassedListeners } from '../../core/server/passed_listeners.ts'
import { buildServers } from '../../core/server/server.ts'

const at = { file: 'x.conf', line: 1 }

function serverWith(ports: readonly number[], ratio = 0) {
  const conf = new ServerConf(false, at)
  Object.assign(conf.vector.said(globalCore), {
    listen: ports.map((port) => ({ address: '127.0.0.1', port, protocol: 'http', at })), listenCoresBucketsRatio: ratio,
    listenBacklog: 77, sendBufferSize: 4096, receiveBufferSize: 8192,
  })
  return buildServers({ main: conf, virtual: [] }, () => undefined)[0]!
}

/** Descriptors are numbers from 10; what was asked for is kept. @param refuse errno for this call, 0 for none */
function fakeNet(refuse: (options: ListenOptions, call: number) => number = () => 0) {
  const asked: ListenOptions[] = []
  const closed: number[] = []
  const net = {
    listen(_: unknown, options: ListenOptions) {
      const errno = refuse(options, asked.length)
      asked.push(options)
      if (errno !== 0) throw new SystemError('listen', errno)
      return 9 + asked.length
    },
    close: (fd: number) => void closed.push(fd),
  } as unknown as Net
  return { net, asked, closed }
}

const nobody = new PassedListeners([], () => { throw new Error('nothing was passed') })

const fdsOf = (sets: ReturnType<Listeners['openFor']>) =>
  'texts' in sets ? sets.texts : sets.map((set) => set.map(({ fd }) => fd))

t.test('one set', (t) => {
  const { net, asked, closed } = fakeNet()
  const listeners = new Listeners(net, nobody)
  t.same(fdsOf(listeners.openFor(serverWith([80, 81]))), [[10, 11]])
  t.same(asked[0], { backlog: 77, reusePort: false, sendBuffer: 4096, receiveBuffer: 8192 })
  const next = listeners.openFor(serverWith([81, 82]))
  t.same(fdsOf(next), [[11, 12]], 'what is open stays open')
  if (!('texts' in next)) listeners.closeOthers(next.flat())
  t.same(closed, [10])
  t.end()
})

t.test('several sets', (t) => {
  const { net, asked, closed } = fakeNet()
  const listeners = new Listeners(net, nobody)
  t.same(fdsOf(listeners.openFor(serverWith([80, 81]), 3)), [[10, 13], [11, 14], [12, 15]])
  t.ok(asked.every(({ reusePort }) => reusePort), 'the first of a port must allow the others')
  const next = listeners.openFor(serverWith([81]), 3)
  t.same(fdsOf(next), [[13], [14], [15]])
  if (!('texts' in next)) listeners.closeOthers(next.flat())
  t.same(closed, [10, 11, 12])
  t.end()
})

t.test('a port that is taken, and a system without SO_REUSEPORT', (t) => {
  const taken = fakeNet((_, call) => (call === 1 ? 98 : 0))
  const text = '(98)Address already in use: AH00072: make_sock: could not bind to address 127.0.0.1:80'
  t.same(fdsOf(new Listeners(taken.net, nobody).openFor(serverWith([80]), 3)), [text, 'no listening sockets available, shutting down'])
  t.same(taken.closed, [10], 'nothing half open is kept')
  const old = fakeNet(({ reusePort }) => (reusePort ? 92 : 0))
  t.same(fdsOf(new Listeners(old.net, nobody).openFor(serverWith([80]), 3)), [[11]], 'one set, then')
  t.same(fdsOf(new Listeners(old.net, nobody).openFor(serverWith([]), 3)), ['no listening sockets available, shutting down'])
  t.end()
})

t.test('bucketsFor() and bucketsNote()', (t) => {
  const ask = (ratio: number, cores: number, most = 16) => bucketsFor(serverWith([80], ratio), () => cores, most)
  t.same([ask(0, 64), ask(8, 64), ask(8, 15), ask(3, 8), ask(1, 64), ask(100, 64)], [1, 8, 1, 2, 16, 1])
  t.equal(bucketsFor(serverWith([80], 1), () => 64, 16, { serverLimit: 16, threadLimit: 64, buckets: 5 }), 5, 'fixed')
  t.equal(bucketsNote(serverWith([80]), 1, 1, 8), undefined)
  t.same(bucketsNote(serverWith([80], 4), 2, 2, 8), {
    level: 'info', module: 'core',
    text: 'AH02819: Using 2 listeners bucket(s) based on 8 online CPU cores and a ratio of 4',
  })
  t.match(bucketsNote(serverWith([80], 4), 2, 1, 8), { level: 'warn', text:
    'AH02820: ListenCoresBucketsRatio ignored without SO_REUSEPORT and _SC_NPROCESSORS_ONLN support: ' +
    'using a single listeners bucket' })
  t.end()
})
