// mod_cache: what Cache-Control says, how long something is fresh, what is stored, under which key.
import fc from 'fast-check'
import t from 'tap'
import { Caching, cachingOf, providersFor, serverWide, confOf } from '../../modules/cache/caching.ts'
import { reasonAgainst, type Candidate } from '../../modules/cache/cacheable.ts'
import { disagrees, Questions } from '../../modules/cache/conditions.ts'
import { parseControl } from '../../modules/cache/control.ts'
import { currentAge, expiryOf, judge, shownFields } from '../../modules/cache/freshness.ts'
import { keyOf, prefixOf, covers, withoutSessions, type KeyRules } from '../../modules/cache/key.ts'
import { invalidateFilter } from '../../modules/cache/save.ts'
import { tryLock } from '../../modules/cache/lock.ts'
import { perDirectory } from '../../modules/cache/settings.ts'
import { newHead, reasonFor } from '../../modules/cache/store.ts'
import { answerQuickly, module } from '../../modules/mod_cache.ts'
import type { Sink } from '../../core/hook/filter.ts'
import { registerCacheProvider, type CachedHead, type CacheEntry, type CacheProvider, type Field } from '../../core/server/cache_registry.ts'
import { configure, fakeRequest, refusal } from './harness.ts'

const NOW = Date.UTC(2025, 0, 2, 3, 4, 5)
const said = (text: string, pragma?: string) => parseControl(text, pragma)

t.test('Cache-Control', (t) => {
  t.match(said('max-age=60, s-maxage = "30",private'), { maxAge: 60, sMaxage: 30, isPrivate: true, isPublic: false })
  t.match(said('No-Cache'), { noCache: true })
  t.match(said('no-cache="Set-Cookie, X-A", private=x-b'), { noCache: false, isPrivate: false, guarded: ['set-cookie', 'x-a', 'x-b'] })
  t.match(said('max-age=x, max-age=, s-maxage=-1x'), { maxAge: undefined, sMaxage: undefined })
  t.match(said('max-age=-1, s-maxage=-99'), { maxAge: 0, sMaxage: 0 })
  t.match(said('max-age=60 private\tno-store'), { maxAge: 60, isPrivate: true, noStore: true }, 'a blank ends one, too')
  for (const text of ['=, private', '"x", private', '="x" private', 'x="y"private'])
    t.match(said(text), { isPrivate: true }, `${text}: what is none hides nothing`)
  t.equal(said('max-stale').maxStale, Infinity)
  t.equal(said('max-stale=5').maxStale, 5)
  t.match(said('x="a, no-store", no-transform'), { noStore: false })
  t.match(said('x="a, no-store'), { noStore: true }, 'a quote that does not end')
  t.match(said('no-store;x=1 , ,only-if-cached'), { onlyIfCached: true })
  t.match(parseControl(undefined, 'x, no-cache'), { noCache: true })
  t.match(said('__proto__=1, constructor, toString=2'), { noCache: false })
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void said(text)))
  t.end()
})

const head = (over: Partial<CachedHead> = {}): CachedHead => ({
  status: 200, date: NOW, requestTime: NOW, responseTime: NOW, expires: NOW + 100_000, control: undefined, pragma: undefined,
  contentType: 'text/plain', contentEncoding: undefined, contentLanguages: [], fields: [], varied: [], headOnly: false, ...over,
})

t.test('the age of a stored response', (t) => {
  t.equal(currentAge(head(), NOW + 5999), 5)
  t.equal(currentAge(head({ fields: [['Age', '7']] }), NOW + 1000), 8)
  t.equal(currentAge(head({ fields: [['Age', 'x']], date: NOW - 3000 }), NOW), 3, 'it was on its way for as long')
  t.equal(currentAge(head({ requestTime: NOW - 4000 }), NOW), 4)
  t.equal(currentAge(head(), NOW - 60_000), 0, 'a clock that was set back')
  t.end()
})

t.test('what is fresh', (t) => {
  const is = (expected: boolean, seconds: number, stored: string, wanted: string, what?: string) => {
    const stated = said(stored).sMaxage ?? said(stored).maxAge
    const verdict = judge({ head: head({ expires: NOW + (stated ?? 100) * 1000 }), stored: said(stored), wanted: said(wanted), now: NOW + seconds * 1000 })
    t.equal(verdict.fresh, expected, `${what ?? ''} ${stored} / ${wanted} after ${seconds} s`)
    return verdict.warnings
  }
  is(true, 99, '', '')
  is(false, 100, '', '')
  is(true, 49, 'max-age=50', '')
  is(false, 50, 'max-age=50', '')
  is(false, 10, 'max-age=50', 'max-age=10', 'the client wants it younger')
  is(false, 40, 'max-age=50', 'min-fresh=10')
  t.strictSame(is(true, 59, 'max-age=50', 'max-stale=10'), ['110 Response is stale'])
  is(false, 60, 'max-age=50', 'max-stale=10')
  is(false, 59, 'max-age=50, must-revalidate', 'max-stale')
  is(true, 19, 's-maxage=20, max-age=5', '')
  is(false, 20, 's-maxage=20', 'max-stale')
  is(false, 20, 's-maxage=20, max-age=500', '', 'max-age is for others')
  t.strictSame(is(true, 90_000, 'max-age=99', 'max-stale'), ['110 Response is stale'])
  t.strictSame(is(true, 90_000, '', 'max-stale'), ['110 Response is stale', '113 Heuristic expiration'])
  t.end()
})

t.test('Age and Warning on the way out', (t) => {
  const verdict = { fresh: true, age: 5, warnings: ['110 Response is stale'] }
  t.strictSame(shownFields([['Age', '1'], ['X', 'y']], verdict), [['X', 'y'], ['Age', '5'], ['Warning', '110 Response is stale']])
  t.strictSame(shownFields([['Warning', '110 other']], verdict), [['Warning', '110 other'], ['Age', '5']])
  t.end()
})

t.test('when it runs out', (t) => {
  const limits = { least: 10_000, most: 1_000_000, otherwise: 5000, factor: 0.1 }
  const is = (expected: number, control: string, expires = NaN, lastModified = NaN) =>
    t.equal(expiryOf({ date: NOW, control: said(control), expires, lastModified, limits }) - NOW, expected, control)
  is(60_000, 'max-age=60', NOW + 1)
  is(10_000, 'max-age=1')
  is(1_000_000, 's-maxage=9999, max-age=20')
  is(1, '', NOW + 1)
  is(20_000, '', NaN, NOW - 200_000)
  is(1_000_000, '', NaN, 0)
  is(5000, '', NaN, NOW)
  is(5000, '')
  t.end()
})

t.test('what is not stored, and why', (t) => {
  const plain: Candidate = {
    status: 200, control: said(''), hasControl: false, expires: undefined, lastModified: 'x', etag: undefined, vary: undefined,
    hasQuery: false, isAuthorized: false, isForbidden: undefined, now: NOW,
    settings: { ignoreNoLastMod: false, storePrivate: false, storeNoStore: false, storeExpired: false },
  }
  const is = (expected: RegExp | undefined, over: Partial<Candidate>) => {
    const reason = reasonAgainst({ ...plain, ...over })
    if (expected === undefined) t.equal(reason, undefined)
    else t.match(reason, expected)
  }
  is(undefined, {})
  is(/^Response status 404$/, { status: 404 })
  is(undefined, { status: 404, hasControl: true, control: said('max-age=5') })
  is(/^Broken expires header: 0$/, { expires: '0' })
  is(undefined, { expires: '0', control: said('max-age=5') })
  is(/already expired/, { expires: 'Thu, 02 Jan 2025 03:04:04 GMT' })
  is(/zero and no/, { control: said('must-revalidate, max-age=0'), lastModified: undefined })
  is(/^Query string/, { hasQuery: true })
  is(/^No Last-Modified; /, { lastModified: undefined })
  is(/no-store/, { control: said('no-store') })
  is(/private/, { control: said('private') })
  is(/^Authorization/, { isAuthorized: true })
  for (const control of ['public', 's-maxage=1', 'must-revalidate, max-age=3']) is(undefined, { isAuthorized: true, control: said(control) })
  is(/Vary/, { vary: 'a, *' })
  is(/'no-cache' is set/, { isForbidden: 'env' })
  const all = { ignoreNoLastMod: true, storePrivate: true, storeNoStore: true, storeExpired: true }
  is(undefined, { control: said('private, no-store'), lastModified: undefined, expires: 'Thu, 02 Jan 2025 03:04:04 GMT', settings: all })
  t.end()
})

t.test('all lines of a field count, in both tables', (t) => {
  const conf = configure([module], 'CacheKeyBaseURL http://h:80')
  const given = (out: readonly Field[], always: readonly Field[] = []) => {
    const r = fakeRequest(conf, { uri: '/', headers: { 'X-A': '1', 'X-B': '2' } })
    for (const [name, value] of [['Cache-Control', 'max-age=100'] as const, ...out]) r.headersOut.add(name, value)
    for (const [name, value] of always) r.errHeadersOut.add(name, value)
    const [caching, dir] = [new Caching(r, confOf(r), []), r.dir(perDirectory)]
    return { reason: reasonFor(r, caching, dir), head: newHead(r, caching, dir) }
  }
  const varied = [['x-a', '1'], ['x-b', '2']]
  t.strictSame(given([['Vary', 'X-A']], [['Vary', 'X-B']]).head.varied, varied)
  t.strictSame(given([['Vary', 'X-A'], ['Vary', 'X-B']]).head.varied, varied)
  t.match(given([['Vary', 'X-A'], ['Vary', '*']]).reason, /^Vary/)
  t.match(given([], [['Vary', '*']]).reason, /^Vary/)
  t.match(given([['Cache-Control', 'private']]).reason, /private present/)
  t.match(given([['Cache-Control', 'private']], [['Cache-Control', 'public']]).reason, /private present/)
  const coded: Field[] = [['Content-Encoding', 'gzip'], ['Content-Language', 'de']]
  t.strictSame(given(coded).head.fields, [['Cache-Control', 'max-age=100'], ...coded], 'as a filter or a script has set them')
  t.end()
})

t.test('keys', (t) => {
  const rules: KeyRules = { base: undefined, ignoreQuery: false, sessions: [] }
  const conf = configure([module], '')
  const is = (expected: string, uri: string, args?: string, over: Partial<KeyRules> = { base: { scheme: undefined, host: 'h', port: undefined } }) =>
    t.equal(keyOf(fakeRequest(conf, { uri, args }), { ...rules, ...over }), expected)
  is('http://h:80/a?b', '/a', 'b')
  is('http://h:80/a%3fb?', '/a?b', undefined)
  is('https://h:443/?', '/', undefined, { base: { scheme: 'https', host: 'h', port: undefined } })
  is('http://h:8/?', '/', 'x=1', { base: { scheme: undefined, host: 'h', port: '8' }, ignoreQuery: true })
  const without = (path: string, query: string, ...names: string[]) => Object.values(withoutSessions({ path, query }, names)).join('?')
  t.equal(without('/a;id=1', 'id=2', 'id'), '/a?id=2', 'the one in the path counts')
  t.equal(without('/a;id=1/b', 'x=1&id=2&y=3', 'id'), '/a;id=1/b?x=1&y=3')
  t.equal(without('/a', 'id=2', 'id'), '/a?')
  t.equal(without('/a', 'xid=2&id', 'id'), '/a?xid=2&id')
  t.equal(without('/a', 'a=1&b=2', 'b', 'a'), '/a?')
  fc.assert(fc.property(fc.webPath(), fc.webQueryParameters(), fc.webPath(), fc.webQueryParameters(), (a, x, b, y) => {
    const one = keyOf(fakeRequest(conf, { uri: decodeURIComponent(a) || '/', args: x }), { ...rules, base: { scheme: undefined, host: 'h', port: '1' } })
    const other = keyOf(fakeRequest(conf, { uri: decodeURIComponent(b) || '/', args: y }), { ...rules, base: { scheme: undefined, host: 'h', port: '1' } })
    t.equal(one === other, (a || '/') === (b || '/') && x === y)
  }), { numRuns: 50 })
  t.end()
})

const nobody: CacheProvider = {
  open: () => undefined, create: () => undefined, refresh: () => false, remove: () => undefined, invalidate: () => undefined,
}
t.test('what a POST invalidates besides', (t) => {
  const keys: string[] = []
  const provider: CacheProvider = { ...nobody, invalidate: (_, key) => void keys.push(key) }
  const of = (base: string, location: string): string[] => {
    keys.length = 0
    const r = fakeRequest(configure([module], `CacheKeyBaseURL ${base}`), { uri: '/a', method: 'POST' })
    r.headersOut.set('Location', location)
    invalidateFilter([new Caching(r, confOf(r), [provider])]).begin(r, {} as Sink)
    return keys.slice(1)
  }
  const is = (base: string, location: string, expected: string[]) => t.strictSame(of(base, location), expected, location)
  is('http://h:80', '/b?c', ['http://h:80/b?c'])
  is('http://h:80', 'http://h:80/b', ['http://h:80/b?'])
  is('http://h:80', 'http://H/b', ['http://h:80/b?'])
  is('https://h:443', 'https://h/b', ['https://h:443/b?'])
  for (const other of ['https://h/b', 'http://h:8/b', 'http://hh/b', 'http://other/b', '//h/b', 'b']) is('http://h:80', other, [])
  is('http://h:8080', 'http://h/b', [])
  t.end()
})

t.test('beginnings of URLs', (t) => {
  const is = (expected: boolean, prefix: string, uri: string) => t.equal(covers(prefixOf(prefix), uri), expected, `${prefix} ${uri}`)
  is(true, '/a', '/ab')
  is(false, '/a', '/b/a')
  is(false, 'http://h/a', '/a')
  is(false, 'http:', '/a')
  is(true, '/a:b', '/a:bc')
  t.end()
})

t.test('refusals', (t) => {
  const is = (text: string, expected: string | undefined) => t.equal(refusal([module], text), expected, text)
  is('CacheEnable disk', 'CacheEnable provider (disk) is missing an URL.')
  is('CacheEnable /x disk', "provider (/x) starts with a '/'.  Are url and provider switched?")
  is('CacheDisable on', 'CacheDisable must specify a path or an URL.')
  is('<Location /a>\nCacheDisable x\n</Location>', "CacheDisable must be followed by the word 'on' when in a Location.")
  is('<Location /a>\nCacheEnable disk /b\n</Location>', 'When in a Location, CacheEnable must specify a path or an URL below that location.')
  is('<Location /a>\nCacheEnable disk /a/b\n</Location>', undefined)
  is('CacheLockMaxAge 0', 'CacheLockMaxAge value must be a non-zero positive integer')
  is('CacheLastModifiedFactor x', 'CacheLastModifiedFactor value must be a float')
  is('CacheLastModifiedFactor -.5', undefined)
  is('CacheKeyBaseURL x', "URL 'x' must contain at least one of a scheme, a hostname or a port.")
  is('CacheKeyBaseURL http://[x', "Could not parse 'http://[x' as an URL.")
  is('CacheKeyBaseURL http://a.b:8/c', undefined)
  t.end()
})

registerCacheProvider('one', nobody)
registerCacheProvider('two', { ...nobody })

t.test('which caches a request has', (t) => {
  const conf = configure([module], 'CacheEnable one /\nCacheEnable two /two\nCacheEnable none /\nCacheDisable /off\n<Location /x>\nCacheEnable two\n</Location>')
  const has = (uri: string, quickly = true) => {
    const r = fakeRequest(conf, { uri })
    return providersFor(r, confOf(r), quickly ? serverWide(r) : r.dir(perDirectory)).length
  }
  t.equal(has('/a'), 1)
  t.equal(has('/two/a'), 2)
  t.equal(has('/off/a'), 0)
  t.equal(has('/x', false), 2, 'what a section says comes first')
  t.end()
})

t.test('conditions', (t) => {
  const conf = configure([module], '')
  const fields: Field[] = [['ETag', '"a"'], ['Last-Modified', 'Thu, 02 Jan 2025 03:04:05 GMT']]
  const is = (expected: boolean, headers: Record<string, string>) => t.equal(disagrees(fakeRequest(conf, { headers }), fields), expected, JSON.stringify(headers))
  is(false, {})
  is(false, { 'If-None-Match': 'W/"a"' })
  is(true, { 'If-None-Match': 'W/"a"', Range: 'bytes=0-' })
  is(true, { 'If-None-Match': '"b"' })
  is(false, { 'If-None-Match': '*' })
  is(true, { 'If-Match': '"b"' })
  is(false, { 'If-Modified-Since': 'Thu, 02 Jan 2025 03:04:05 GMT' })
  is(true, { 'If-Modified-Since': 'Thu, 02 Jan 2025 03:04:04 GMT' })
  is(true, { 'If-Range': '"b"', Range: 'bytes=0-' })
  is(false, { 'If-Range': '"b"' })

  const r = fakeRequest(conf, { headers: { 'If-None-Match': '"mine"', Range: 'bytes=1-', 'X-A': '1' } })
  const questions = new Questions(r, fields)
  t.strictSame([...r.headersIn.fields()], [['X-A', '1'], ['If-None-Match', '"a"'], ['If-Modified-Since', 'Thu, 02 Jan 2025 03:04:05 GMT']])
  questions.takeBack(r)
  t.strictSame(new Set([...r.headersIn.fields()].map(([name, value]) => `${name}: ${value}`)), new Set(['X-A: 1', 'If-None-Match: "mine"', 'Range: bytes=1-']))
  const bare = fakeRequest(conf, { headers: { 'If-Match': '"x"', Range: 'bytes=1-' } })
  t.equal(new Questions(bare, []) instanceof Questions, true)
  t.strictSame([...bare.headersIn.fields()], [['Range', 'bytes=1-']], 'nothing to ask with')
  t.end()
})

t.test('CacheLock: one asks, the others get what there is', async (t) => {
  const directory = t.testdir()
  const lines = `CacheKeyBaseURL http://h:80\nCacheEnable held /\nCacheLock on\nCacheLockPath ${directory}/locks`
  const entry: CacheEntry = {
    head: head({ control: 'max-age=1', fields: [['ETag', '"a"']] }), invalidated: false, body: () => Buffer.from('old'),
  }
  registerCacheProvider('held', { ...nobody, open: () => entry })
  const conf = configure([module], lines)
  const ask = async (headers: Record<string, string> = {}) => {
    const sent: string[] = []
    const r = fakeRequest(conf, { uri: '/a', headers, write: (data) => void sent.push(Buffer.from(data as Uint8Array).toString()) })
    return { r, status: await answerQuickly(r), sent }
  }
  const first = await ask()
  t.equal(first.status, -1, 'the first one goes on to the origin')
  t.equal(first.r.headersIn.get('If-None-Match'), '"a"')
  const second = await ask()
  t.strictSame([second.status, second.sent], [0, ['old']])
  t.equal(second.r.headersOut.get('Warning'), '110 Response is stale')
  t.equal((await ask({ 'Cache-Control': 'no-cache' })).status, -1, 'who insists is not held up')
  cachingOf(first.r)!.unlock()
  t.equal((await ask()).status, -1)

  const broken = fakeRequest(configure([module], `${lines}\nCacheLockPath /dev/null`), { uri: '/new', headers: { 'If-None-Match': '"b"' } })
  t.equal(await answerQuickly(broken), -1)
  t.equal(broken.logged.filter(({ message }) => message.startsWith('AH00778')).length, 1, 'it is tried once')

  const r = fakeRequest(conf)
  t.type(tryLock(r, { directory, maxAge: 1000 }, 'k'), 'object')
  t.equal(tryLock(r, { directory, maxAge: 1000 }, 'k'), 'taken')
  t.type(tryLock(r, { directory, maxAge: -1 }, 'k'), 'object', 'one that is too old counts for nothing')
  t.equal(tryLock(r, { directory: '/dev/null', maxAge: 1000 }, 'k'), 'failed')
})
