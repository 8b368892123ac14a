/** mod_socache_dbm: what is kept in its file, and by whom. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import type { Command } from '../../core/config/directive.ts'
import { readSocache } from '../../core/server/socache.ts'
import { module } from '../../modules/mod_socache_dbm.ts'
import { configure, fakeServer, fakeStartup, type Logged } from './harness.ts'

Object.assign(globalThis, { require: createRequire(join(process.cwd(), 'package.json')) })

const command = { directive: { name: 'X' }, serverRootRelative: (path: string) => path } as unknown as Command
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const HINTS = { averageObject: 0, averageId: 0, expiryInterval: 0 }

t.test('a cache in a file', async (t) => {
  t.equal(module.name, 'socache_dbm_module')
  const log: Logged[] = []
  const server = fakeServer(configure([], '').conf, log)
  const path = join(t.testdir({}), 'cache')
  const made: string[] = []
  const startup = { ...fakeStartup(server), descriptor: (name: string, open: () => number) => (made.push(name), open()) }
  const cache = readSocache(command, `dbm:${path}`)
  await cache.open('authn', HINTS, startup)
  t.same(made, ['socache-dbm:authn'])
  t.ok(existsSync(path))
  // Another thread: it does not make the file again.
  const other = readSocache(command, `dbm:${path}`)
  await other.open('authn', HINTS, { ...startup, descriptor: () => 3 })
  const later = Date.now() + 60_000
  t.equal(await cache.store(bytes('a'), bytes('one'), later, server), true)
  t.equal(await cache.store(bytes('b'), bytes('two'), Date.now() - 1, server), true)
  t.same(await other.retrieve(bytes('a'), server), bytes('one'))
  t.equal(await other.retrieve(bytes('b'), server), undefined)
  t.equal(await other.retrieve(bytes('none'), server), undefined)
  t.equal(await other.store(bytes('a'), bytes('new'), later, server), true)
  t.same(await cache.retrieve(bytes('a'), server), bytes('new'))
  t.equal(await cache.store(Buffer.alloc(5000), bytes('x'), later, server), false)
  for (let i = 0; i < 50; i++) await cache.store(bytes(`old${i}`), bytes('x'), Date.now() - 1, server)
  for (let i = 0; i < 50; i++) await cache.store(bytes(`new${i}`), bytes('x'), later, server)
  const all: string[] = []
  await cache.iterate!((id) => void all.push(Buffer.from(id).toString()), server)
  t.equal(all.length, 51)
  t.equal(await cache.remove(bytes('a'), server), true)
  t.equal(await cache.retrieve(bytes('a'), server), undefined)
  t.same(log, [])
})

t.test('what cannot be made is refused, what cannot be opened is logged', async (t) => {
  const log: Logged[] = []
  const server = fakeServer(configure([], '').conf, log)
  const path = join(t.testdir({ file: '' }), 'file/cache')
  const cache = readSocache(command, `dbm:${path}`)
  t.throws(() => cache.open('x', HINTS, fakeStartup(server)), /^AH00804: Cannot create socache DBM file `.*cache': /)
  await cache.open('x', HINTS, { ...fakeStartup(server), descriptor: () => 3 })
  t.equal(await cache.retrieve(bytes('a'), server), undefined)
  t.equal(await cache.store(bytes('a'), bytes('b'), 1e15, server), false)
  t.match(log, [{ level: 'error', message: /^SY00177: Cannot use socache DBM file/ }, {}])
})
