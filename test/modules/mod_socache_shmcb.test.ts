/** mod_socache_shmcb: the cache in shared memory, beside a plain model of it, and under threads that die. */
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import fc from 'fast-check'
import t from 'tap'
import { SharedLocks } from '../../core/base/shared_lock.ts'
import { layoutOf, Head } from '../../modules/socache_shmcb/layout.ts'
import { SharedCache } from '../../modules/socache_shmcb/cache.ts'
import { shmcb, sizeIn } from '../../modules/mod_socache_shmcb.ts'
import { configure, fakeServer, fakeStartup } from './harness.ts'

const HINTS = { averageObject: 0, averageId: 0 }
const ALONE = { self: () => 1, alive: () => true }
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString('latin1')

/** The message that an argument is refused with. */
function refused(argument: string): string | undefined {
  try {
    sizeIn(argument)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

t.test('what stands in parentheses is the size', (t) => {
  t.equal(sizeIn(undefined), 524288)
  t.equal(sizeIn(''), 524288)
  t.equal(sizeIn('/run/a'), 524288)
  t.equal(sizeIn('/run/a(8192)'), 8192)
  t.equal(refused('/x(12'),
    'Invalid argument: no closing parenthesis or cache size missing after pathname with parenthesis')
  t.equal(refused('/x(12)'), 'Invalid argument: size has to be >= 8192 bytes')
  t.equal(refused('/x()'), 'Invalid argument: size has to be >= 8192 bytes')
  t.equal(refused('/x(ab)'), 'Invalid argument: cache size not numerical')
  t.equal(refused('/x)'), 'Invalid argument: no opening parenthesis')
  t.match(refused('/x(99999999999)'), /^Invalid argument: size has to be < \d+ bytes on this platform$/)
  t.end()
})

t.test('a layout stays within the memory', (t) => {
  fc.assert(fc.property(
    fc.integer({ min: 8192, max: 4_000_000 }), fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: 300 }),
    (size, averageObject, averageId) => {
      const { subcaches, stride, first, data, dataAt, entries } = layoutOf(size, { averageObject, averageId })
      return first + subcaches * stride <= size && dataAt + data === stride && data > 0 && entries > 0
    }))
  t.end()
})

t.test('what is there is what was stored last, and not over its time', (t) => {
  const id = fc.integer({ min: 0, max: 40 }).map((n) => `user${n}`)
  const act = fc.oneof(
    fc.record({ kind: fc.constant('store' as const), id, value: fc.string({ unit: 'binary-ascii', maxLength: 900 }), life: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ kind: fc.constant('remove' as const), id }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20 }) }),
  )
  fc.assert(fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
    let now = 1000
    const cache = new SharedCache(new ArrayBuffer(8192), HINTS, ALONE, () => now)
    const model = new Map<string, { value: string; expires: number }>()
    for (const one of acts) {
      if (one.kind === 'wait') now += one.ms
      else if (one.kind === 'remove') { cache.remove(bytes(one.id)); model.delete(one.id) }
      else if (cache.store(bytes(one.id), bytes(one.value), now + one.life)) model.set(one.id, { value: one.value, expires: now + one.life })
      // Nothing is kept of what was there before, and what was stored last is always there.
      if (one.kind === 'store' && model.get(one.id)?.value === one.value && text(cache.retrieve(bytes(one.id))) !== one.value) return false
      for (let n = 0; n <= 40; n++) {
        const [found, known] = [text(cache.retrieve(bytes(`user${n}`))), model.get(`user${n}`)]
        if (found !== undefined && (known === undefined || known.value !== found || known.expires <= now)) return false
      }
    }
    let count = 0
    cache.iterate((one, value) => { if (text(value) !== model.get(text(one)!)?.value) count = -1e6; count++ })
    return count >= 0 && count <= model.size
  }), { numRuns: 60 })
  t.end()
})

t.test('the oldest go when there is no room; what is too large is not kept', (t) => {
  const cache = new SharedCache(new ArrayBuffer(8192), HINTS, ALONE)
  const later = Date.now() + 60_000
  for (let n = 0; n < 2000; n++) t.ok(cache.store(bytes(`id${n}`), bytes(`value ${n}`), later), String(n))
  t.equal(text(cache.retrieve(bytes('id1999'))), 'value 1999')
  t.equal(cache.retrieve(bytes('id0')), undefined)
  t.equal(cache.store(bytes('large'), new Uint8Array(9000), later), false)
  const figures = cache.figures()
  t.ok(figures.evicted > 1000 && figures.stores === 2000 && figures.refused === 1)
  t.end()
})

t.test('a holder that is gone costs its subcache, one that is there costs an answer', (t) => {
  const memory = new ArrayBuffer(8192)
  const words = new Int32Array(memory)
  let dead = 0
  const cache = new SharedCache(memory, { averageObject: 4000, averageId: 30 }, { self: () => 7, alive: (thread) => thread !== dead })
  const { subcaches, first } = layoutOf(8192, { averageObject: 4000, averageId: 30 })
  t.equal(subcaches, 1)
  const lock = (first >> 2) + Head.lock
  const later = Date.now() + 60_000
  cache.store(bytes('a'), bytes('1'), later)
  words[lock] = 99
  t.equal(cache.retrieve(bytes('a')), undefined)
  t.equal(cache.store(bytes('b'), bytes('2'), later), false)
  t.equal(cache.figures().busy, 2)
  dead = 99
  t.equal(cache.retrieve(bytes('a')), undefined, 'what it left may be torn')
  t.equal(cache.figures().cleared, 1)
  t.ok(cache.store(bytes('b'), bytes('2'), later))
  t.equal(text(cache.retrieve(bytes('b'))), '2')
  t.equal(words[lock], 0)
  t.end()
})

t.test('one lock, several threads: nothing is lost', async (t) => {
  const shared = new SharedArrayBuffer(16)
  const made = await build({ entryPoints: ['core/base/shared_lock.ts'], bundle: true, format: 'cjs', platform: 'node', write: false })
  const source = `${made.outputFiles[0]!.text}
    const { workerData: { shared, id }, parentPort } = require('node:worker_threads')
    const words = new Int32Array(shared)
    const locks = new module.exports.SharedLocks(words, { self: () => id, alive: () => true })
    let got = 0
    for (let i = 0; i < 20000; i++) if (locks.acquire(0) !== 'busy') { words[1]++; got++; locks.release(0) }
    parentPort.postMessage(got)`
  const run = (id: number): Promise<number> => new Promise((done, fail) => {
    const worker = new Worker(source, { eval: true, workerData: { shared, id } })
    worker.once('message', (got: number) => done(got))
    worker.once('error', fail)
  })
  const got = await Promise.all([run(1), run(2)])
  t.equal(new Int32Array(shared)[1], got[0] + got[1])
  t.ok(got[0] + got[1] > 20000)
  t.equal(new SharedLocks(new Int32Array(4), { self: () => 3 }).acquire(2), 'locked')
})

t.test('a provider', async (t) => {
  const startup = fakeStartup(fakeServer(configure([], '').conf))
  const cache = shmcb(8192)
  await cache.open('authn', { averageObject: 64, averageId: 32, expiryInterval: 60_000 }, startup)
  t.ok(cache.quick)
  t.end()
})
