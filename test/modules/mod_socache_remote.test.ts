/** mod_socache_redis and mod_socache_memcache, with the real servers where they are installed. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, createServer, type AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Command } from '../../core/config/directive.ts'
import { readSocache, type Socache } from '../../core/server/socache.ts'
import { module as memcache } from '../../modules/mod_socache_memcache.ts'
import { module as redis } from '../../modules/mod_socache_redis.ts'
import { endpointsIn, keyOf } from '../../modules/shared/socache/remote.ts'
import { until } from '../support/processes.ts'
import { freePort } from '../support/site.ts'
import { configure, fakeServer, fakeStartup, refusal, type Logged } from './harness.ts'

Object.assign(globalThis, { require: createRequire(join(process.cwd(), 'package.json')) })

const MODULES = [redis, memcache]
const HINTS = { averageObject: 0, averageId: 0, expiryInterval: 0 }
const command = { directive: { name: 'X' }, serverRootRelative: (path: string) => path } as unknown as Command
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Where the program is that Debian has in /usr/bin; undefined: it is not installed. */
const find = (program: string): string | undefined =>
  (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, program)).find((path) => existsSync(path))

const SERVERS = {
  redis: { program: find('redis-server'), args: (port: number) => ['--port', String(port), '--save', '', '--appendonly', 'no'] },
  memcache: { program: find('memcached'), args: (port: number) => ['-p', String(port), '-U', '0', '-l', '127.0.0.1', '-u', 'nobody'] },
}

const accepts = (port: number): Promise<boolean> => new Promise((done) => {
  const socket = connect({ host: '127.0.0.1', port })
  socket.once('connect', () => { socket.destroy(); done(true) })
  socket.once('error', () => done(false))
})

function opened(name: string, port: number, log: Logged[], conf = ''): { cache: Socache; server: ReturnType<typeof fakeServer> } {
  const server = fakeServer(configure(MODULES, conf).conf, log)
  const cache = readSocache(command, `${name}:127.0.0.1:${port}`)
  void cache.open('authn', HINTS, fakeStartup(server))
  return { cache, server }
}

for (const [name, { program, args }] of Object.entries(SERVERS)) {
  t.test(`${name}: what it keeps`, { skip: program === undefined ? `${name} is not installed` : false }, async (t: Test) => {
    const port = await freePort()
    const child = spawn(program!, args(port), { cwd: t.testdir({}), stdio: 'ignore' })
    t.teardown(() => child.kill())
    await until(`${name} to serve`, () => accepts(port), 10_000, 20)
    const log: Logged[] = []
    const { cache, server } = opened(name, port, log, 'RedisConnPoolTTL 200ms\nMemcacheConnTTL 200ms')
    const later = Date.now() + 60_000
    const [id, value] = [Buffer.from([0, 10, 255, 32]), Buffer.from([0, 13, 10, 200])]
    t.equal(await cache.retrieve(id, server), undefined)
    t.equal(await cache.store(id, value, later, server), true)
    t.same(await cache.retrieve(id, server), value)
    t.equal(await cache.store(Buffer.alloc(4000, 1), bytes('long id'), later, server), true)
    t.same(await cache.retrieve(Buffer.alloc(4000, 1), server), bytes('long id'))
    t.equal(await cache.remove(id, server), true)
    t.equal(await cache.remove(id, server), false)
    t.equal(await cache.retrieve(id, server), undefined)
    const other = opened(name, port, log)
    await cache.store(bytes('shared'), bytes('by all'), later, server)
    t.same(await other.cache.retrieve(bytes('shared'), other.server), bytes('by all'))
    // The connection is closed when it is idle, and made again; what is under way is not disturbed.
    await sleep(300)
    const many = Array.from({ length: 20 }, async (_, i) => cache.store(bytes(`many${i}`), bytes(String(i)), later, server))
    t.ok((await Promise.all(many)).every((stored) => stored))
    t.same(await cache.retrieve(bytes('many19'), server), bytes('19'))
    t.same(log, [])
    // It dies: that costs its objects, and nobody waits twice.
    child.kill('SIGKILL')
    await until(`${name} to be gone`, async () => !await accepts(port), 10_000, 20)
    t.equal(await cache.retrieve(bytes('shared'), server), undefined)
    t.equal(await cache.store(bytes('shared'), bytes('x'), later, server), false)
    t.equal(log.length, 1)
    t.match(log[0]!.message, new RegExp(`^SY00178: Cannot use ${name} server 127\\.0\\.0\\.1:${port}: .`))
  })

  t.test(`${name}: nobody answers`, async (t: Test) => {
    const log: Logged[] = []
    const { cache, server } = opened(name, await freePort(), log)
    t.equal(await cache.retrieve(bytes('a'), server), undefined)
    t.equal(await cache.store(bytes('a'), bytes('b'), Date.now() + 1000, server), false)
    t.equal(log.length, 1)
  })
}

t.test('memcache: an object that is too large costs nothing but itself', async (t) => {
  // Answers in memcached's binary protocol: nothing is stored, nothing is found.
  const refusing = createServer((socket) => socket.on('data', (request) => {
    const answer = Buffer.alloc(24)
    answer.set([0x81, request[1]!])
    answer.writeUInt16BE(request[1] === 1 ? 3 : 1, 6)
    request.copy(answer, 12, 12, 16)
    socket.write(answer)
  }))
  await new Promise<void>((done) => void refusing.listen(0, '127.0.0.1', done))
  t.teardown(() => refusing.close())
  const log: Logged[] = []
  const { cache, server } = opened('memcache', (refusing.address() as AddressInfo).port, log, 'MemcacheConnTTL 50ms')
  t.equal(await cache.store(bytes('a'), bytes('b'), Date.now() + 1000, server), false)
  t.equal(await cache.retrieve(bytes('a'), server), undefined)
  t.same(log, [])
})

t.test('the servers of an argument', (t) => {
  const kind = { name: 'redis', port: 6379 }
  t.same(endpointsIn('a,b:1,[::1]:2', kind), [{ host: 'a', port: 6379 }, { host: 'b', port: 1 }, { host: '::1', port: 2 }])
  for (const bad of ['a:b', ':1', 'a:99999', 'a:1:2']) t.throws(() => endpointsIn(bad, kind), /^Cannot use server "/, bad)
  for (const none of ['', ',', ',,'])
    t.throws(() => endpointsIn(none, kind), { message: 'List of server names required to create redis socache.' }, none)
  t.ok(keyOf('authn', Buffer.alloc(10_000)).length <= 250)
  t.end()
})

t.test('what bad configuration gets', (t) => {
  t.equal(refusal(MODULES, 'RedisConnPoolTTL abc'), 'RedisConnPoolTTL has wrong format')
  t.equal(refusal(MODULES, 'RedisConnPoolTTL 3601'), 'RedisConnPoolTTL can only be 0 or up to one hour.')
  t.equal(refusal(MODULES, 'RedisTimeout 61min'), 'RedisTimeout can only be 0 or up to one hour.')
  t.equal(refusal(MODULES, 'MemcacheConnTTL'), 'MemcacheConnTTL takes one argument, TTL used for the connection with the memcache server(s)')
  t.equal(refusal(MODULES, 'MemcacheConnTTL 10min'), undefined)
  t.end()
})
