// What every holder of entries does (CacheProvider): mod_cache_disk and mod_cache_socache.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cacheProvider, type CachedHead, type CacheProvider } from '../../core/server/cache_registry.ts'
import { registerSocache, type Socache } from '../../core/server/socache.ts'
import { packed, unpacked } from '../../modules/cache_socache/record.ts'
import { module as disk } from '../../modules/mod_cache_disk.ts'
import { module as socache, openCaches } from '../../modules/mod_cache_socache.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, fileOf, filePart, refusal, type Configured, type FakeRequest } from './harness.ts'

/** A store in the memory of this test. */
class MemoryStore implements Socache {
  readonly quick = true
  readonly all = new Map<string, Uint8Array>()
  fails = false
  opened = 0
  name = ''
  open(name: string) {
    this.opened++
    this.name = name
  }
  store(id: Uint8Array, value: Uint8Array) { return this.fails ? false : (this.all.set(Buffer.from(id).toString(), value.slice()), true) }
  retrieve(id: Uint8Array) { return Promise.resolve(this.all.get(Buffer.from(id).toString())?.slice()) }
  remove(id: Uint8Array) { return this.all.delete(Buffer.from(id).toString()) }
}

let store = new MemoryStore()
registerSocache('memory', () => (store = new MemoryStore()))

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(directory, name)).isFile())

const head = (over: Partial<CachedHead> = {}): CachedHead => ({
  status: 200, date: 1000, requestTime: 1000, responseTime: 1000, expires: Date.now() + 1e6, control: 'max-age=5', pragma: undefined,
  contentType: 'text/plain', contentEncoding: undefined, contentLanguages: ['de'], fields: [['X-A', 'caf\xe9'], ['X-A', '2']], varied: [],
  headOnly: false, ...over,
})

interface Bench { readonly provider: CacheProvider; readonly conf: Configured; readonly root: string; ask(headers?: Record<string, string>): FakeRequest }

function bench(t: Test, name: string, more = ''): Bench {
  const root = t.testdir()
  const conf = configure([disk, socache], `CacheRoot ${root}\nCacheSocache memory\n${more}`)
  return {
    provider: cacheProvider(name)!, conf, root,
    ask: (headers = {}) => fakeRequest(conf, {
      headers,
      stat: (path) => {
        const found = existsSync(path) ? statSync(path, { throwIfNoEntry: false }) : undefined
        return found === undefined ? fileOf('none') : { ...fileOf('file'), size: found.size, mtimeMs: found.mtimeMs, ino: found.ino }
      },
      filePart: (path, _, length) => filePart(length, [readFileSync(path)]),
    }),
  }
}

async function put({ provider, ask }: Bench, key: string, body: string, over: Partial<CachedHead> = {}): Promise<boolean> {
  const writer = provider.create(ask(), key, head(over), undefined)
  if (writer === undefined) return false
  for (const letter of body) await writer.write(Buffer.from(letter))
  return writer.commit()
}

async function get({ provider, ask }: Bench, key: string, headers?: Record<string, string>): Promise<string | undefined> {
  const entry = await provider.open(ask(headers), key)
  const data = entry?.body(ask())
  if (data === undefined) return undefined
  return Buffer.concat(data instanceof Uint8Array ? [data] : [...data.pieces()]).toString()
}

for (const name of ['disk', 'socache']) t.test(name, async (t) => {
  await t.test('what is put in comes out', async (t) => {
    const it = bench(t, name)
    t.equal(await get(it, 'k'), undefined)
    t.equal(await put(it, 'k', 'body'), true)
    t.equal(await get(it, 'k'), 'body')
    t.match((await it.provider.open(it.ask(), 'k'))!, { invalidated: false, head: { ...head(), expires: Number } })
    t.equal(await get(it, 'other'), undefined)
    t.equal(await put(it, 'k', 'new'), true)
    t.equal(await get(it, 'k'), 'new')
    await it.provider.remove(it.ask(), 'k')
    t.equal(await get(it, 'k'), undefined)
    await it.provider.remove(it.ask(), 'k')
  })

  await t.test('what is given up, or not whole, is not there', async (t) => {
    const it = bench(t, name)
    const writer = it.provider.create(it.ask(), 'k', head(), undefined)!
    await writer.write(Buffer.from('x'))
    writer.cancel()
    t.equal(await get(it, 'k'), undefined)
    const short = it.provider.create(it.ask(), 'k', head(), 5)!
    await short.write(Buffer.from('four'))
    t.equal(await short.commit(), false)
    t.equal(await get(it, 'k'), undefined)
    t.equal(it.provider.create(it.ask(), 'k', head({ status: 206 }), 5), undefined)
    t.strictSame(filesIn(it.root), [], 'nothing is left behind')
  })

  await t.test('sizes', async (t) => {
    const it = bench(t, name, 'CacheMaxFileSize 3\nCacheMinFileSize 2\nCacheSocacheMaxSize 1100')
    const large = name === 'disk' ? 'four' : 'x'.repeat(1101)
    t.equal(it.provider.create(it.ask(), 'k', head(), large.length), undefined)
    t.equal(await put(it, 'k', large), false)
    t.equal(await get(it, 'k'), undefined)
    if (name === 'disk') t.equal(await put(it, 'k', '1'), false)
    else t.equal(await put(it, 'k', 'x'.repeat(1000)), false, 'the head counts, too')
    t.strictSame(filesIn(it.root), [])
  })

  await t.test('variants', async (t) => {
    const it = bench(t, name)
    await put(it, 'k', 'one', { varied: [['x-a', '1'], ['x-b', undefined]] })
    await put(it, 'k', 'two', { varied: [['x-a', '2'], ['x-b', undefined]] })
    t.equal(await get(it, 'k', { 'X-A': '1' }), 'one')
    t.equal(await get(it, 'k', { 'X-A': '2' }), 'two')
    t.equal(await get(it, 'k', { 'X-A': '2', 'X-B': '' }), undefined)
    t.equal(await get(it, 'k'), undefined)
    t.match((await it.provider.open(it.ask({ 'X-A': '1' }), 'k'))?.head.varied, [['x-a', '1'], ['x-b', undefined]])
    await it.provider.remove(it.ask({ 'X-A': '1' }), 'k')
    t.equal(await get(it, 'k', { 'X-A': '1' }), undefined)
    t.equal(await get(it, 'k', { 'X-A': '2' }), 'two')
    await put(it, 'k', 'all')
    t.equal(await get(it, 'k', { 'X-A': '3' }), 'all', 'it does not vary any more')
  })

  await t.test('what is refreshed or invalidated', async (t) => {
    const it = bench(t, name)
    await it.provider.invalidate(it.ask(), 'k')
    await put(it, 'k', 'body')
    await it.provider.invalidate(it.ask(), 'k')
    const entry = (await it.provider.open(it.ask(), 'k'))!
    t.equal(entry.invalidated, true)
    t.equal(await it.provider.refresh(it.ask(), 'k', entry, head({ responseTime: Date.now() + 1000, control: 'x' })), true)
    t.match((await it.provider.open(it.ask(), 'k'))!, { invalidated: false, head: { control: 'x' } })
    t.equal(await get(it, 'k'), 'body')
    await put(it, 'v', 'variant', { varied: [['x-a', '1']] })
    await it.provider.invalidate(it.ask(), 'v')
    t.equal((await it.provider.open(it.ask({ 'X-A': '1' }), 'v'))!.invalidated, true)
  })

  await t.test('HEAD has no body', async (t) => {
    const it = bench(t, name)
    t.equal(await put(it, 'k', 'ignored', { headOnly: true }), true)
    t.equal((await it.provider.open(it.ask(), 'k'))?.head.headOnly, true)
  })
})

t.test('disk: files', async (t) => {
  const it = bench(t, 'disk', 'CacheDirLevels 3\nCacheDirLength 1')
  await Promise.all(['1', '2', '3'].map((body) => put(it, 'k', body)))
  t.equal(filesIn(it.root).length, 2, 'an entry and its body, whoever came last')
  t.ok(filesIn(it.root).every((name) => /^[\w-]\/[\w-]\/[\w-]\/[\w-]{40}\./.test(name)))
  const [entry] = filesIn(it.root).filter((name) => name.endsWith('.entry'))
  const whole = readFileSync(join(it.root, entry!))
  for (const bad of ['', '{', 'null', '[]', '{"key":"k"', whole.toString('latin1').replace('"k"', '"other"')]) {
    writeFileSync(join(it.root, entry!), bad, 'latin1')
    t.equal(await get(it, 'k'), undefined, bad.slice(0, 20))
  }
  writeFileSync(join(it.root, entry!), whole)
  const [body] = filesIn(it.root).filter((name) => name.endsWith('.body'))
  writeFileSync(join(it.root, body!), 'longer')
  t.equal(await get(it, 'k'), undefined, 'not the body that was written')
  await it.provider.remove(it.ask(), 'k')
  t.strictSame(filesIn(it.root), [])

  const nowhere = bench(t, 'disk', 'CacheRoot /dev/null/x')
  t.equal(await put(nowhere, 'k', 'x'), false)
  t.equal(await get(nowhere, 'k'), undefined)
  const unsaid = { ...nowhere, ask: () => fakeRequest(configure([disk], '')) }
  t.equal(unsaid.provider.create(unsaid.ask(), 'k', head(), 1), undefined)
})

t.test('disk: an entry of a shape that was not written', async (t) => {
  const it = bench(t, 'disk')
  await put(it, 'k', 'x')
  const [entry] = filesIn(it.root).filter((name) => name.endsWith('.entry'))
  writeFileSync(join(it.root, entry!), '{"key":"k","length":1}')
  t.equal(await get(it, 'k'), undefined)
})

t.test('socache: objects', async (t) => {
  const it = bench(t, 'socache')
  const server = fakeServer(it.conf.conf)
  t.equal(await openCaches(fakeStartup(server)), 0)
  t.equal(store.opened, 1)
  store.fails = true
  t.equal(await put(it, 'k', 'x'), false)
  const record = { index: { varies: [], invalidated: 0 }, kept: { key: 'k', head: head(), length: 3 } }
  const bytes = packed(record, Buffer.from('abc'))
  t.equal(Buffer.from(unpacked(bytes)!.body).toString(), 'abc')
  for (let end = 0; end < bytes.length; end++) t.equal(unpacked(bytes.subarray(0, end)), undefined)
  t.equal(unpacked(Buffer.from('\x02\0\0\0{}')), undefined)
})

t.test('socache: each has memory of its own', async (t) => {
  const stores: MemoryStore[] = []
  const servers = ['one', 'two'].map(() => {
    const server = fakeServer(configure([socache], 'CacheSocache memory').conf)
    stores.push(store)
    return server
  })
  t.equal(await openCaches(fakeStartup({ ...servers[0]!, all: servers })), 0)
  t.strictSame(stores.map(({ name }) => name), ['cache-socache', 'cache-socache-2'])
})

t.test('refusals', (t) => {
  const is = (text: string, expected: RegExp | undefined) =>
    expected === undefined ? t.equal(refusal([disk, socache], text), undefined, text) : t.match(refusal([disk, socache], text), expected, text)
  is('CacheDirLevels 0', /^CacheDirLevels value must be an integer greater than 0$/)
  is('CacheDirLevels 10\nCacheDirLength 3', /^CacheDirLevels\*CacheDirLength value must not be higher than 20$/)
  is('CacheMaxFileSize -1', /^CacheMaxFileSize argument must be a non-negative integer/)
  is('CacheMinFileSize 5x', undefined)
  is('CacheSocache nosuch:x', /^Unknown socache provider 'nosuch'\. Maybe you need to load the appropriate socache module \(mod_socache_nosuch\?\)$/)
  is('CacheSocacheMaxSize 5', /^CacheSocacheMaxSize argument must be a integer .*at least 1024 and at most \(4294967295U\)$/)
  is('CacheSocacheMinTime -1', /minimum amount of time in seconds to cache an entry\.$/)
  is('CacheSocacheReadTime -1', /amount of time taken to cache in go\.$/)
  t.end()
})
