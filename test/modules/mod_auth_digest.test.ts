// Digest: what headers and URIs are taken for, and what becomes of nonces that many processes know of.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { DECLINED, OK, type Request, type Status } from '../../core/api.ts'
import { clientNumber, NONCE_LENGTH, nonceCount, readHeader } from '../../modules/auth_digest/header.ts'
import { LEAST_BYTES, MOST_COUNT, msOf, Nonces, stampOf } from '../../modules/auth_digest/nonces.ts'
import { isSame, readUri } from '../../modules/auth_digest/uri.ts'
import { addInfo, authenticate, checkHeader, module as digest, prepare } from '../../modules/mod_auth_digest.ts'
import { module as authnCore } from '../../modules/mod_authn_core.ts'
import { module as authnFile } from '../../modules/mod_authn_file.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, refusal, type Wanted } from './harness.ts'

const modules = [authnCore, authnFile, digest]
const root = mkdtempSync(join(tmpdir(), 'httpd-digest-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
const file = join(root, 'users')
writeFileSync(file, `bob:R:${md5('bob:R:secret')}\nbob:a"b:${md5('bob:a"b:secret')}\n`)

const NONCE = 'x'.repeat(NONCE_LENGTH)
const HASH = '0'.repeat(32)
const FULL = `username="bob", realm="R", nonce="${NONCE}", uri="/", response="${HASH}"`

t.test('readHeader()', (t) => {
  const said = (text: string) => {
    const header = readHeader(text)
    return header.kind === 'digest' ? header.said : header.kind
  }
  t.strictSame(readHeader(undefined), { kind: 'none' })
  t.strictSame(readHeader('Basic xyz'), { kind: 'other', scheme: 'Basic' })
  t.strictSame(readHeader('Digest opaque=7'), { kind: 'invalid', opaque: '7' })
  t.match(said(`dIgEsT ${FULL}`), { username: 'bob', realm: 'R', uri: '/', qop: undefined })
  t.match(said(`Digest ${FULL}, username="ev\\"e\\\\", USERNAME = eve , junk, =x, ,,`), { username: 'eve' })
  t.match(said(`Digest ${FULL}, username="ev\\"e\\\\"`), { username: 'ev"e\\' })
  t.match(said(`Digest ${FULL}, username="no end, a=b`), { username: 'no end, a=b' })
  t.match(said(`Digest ${FULL}, username="x\\`), { username: 'x' })
  t.match(said(`Digest ${FULL}, username="x"junk=y,realm=Q`), { username: 'x', realm: 'Q' })
  t.equal(said(`Digest ${FULL}, qop=auth, nc=1`), 'invalid')
  t.match(said(`Digest ${FULL}, qop=auth, nc=1, cnonce=""`), { qop: 'auth', nc: '1', cnonce: '' })
  t.equal(said(`Digest ${FULL.replace(NONCE, 'short')}`), 'invalid')
  t.strictSame(['1', 'ff', '0x8', ' 9 x', '', '-1', 'zz', '1g'].map(nonceCount), [1, 255, 8, 9, 0, undefined, undefined, undefined])
  t.strictSame(['1f', '', 'zz', undefined, 'f'.repeat(13)].map(clientNumber), [31, 0, 0, 0, 0])
  fc.assert(fc.property(fc.string(), (text) => void readHeader(`Digest ${text}`)))
  readHeader(`Digest ${'"\\'.repeat(50_000)}`)
  readHeader(`Digest ${' '.repeat(50_000)}x${'a="'.repeat(50_000)}`)
  t.end()
})

t.test('isSame()', (t) => {
  const asked = { ...readUri('/a%20b/?x=%31')!, host: 'Case.Example', port: 80 }
  for (const uri of ['/a b/?x=1', 'http://case.example/a%20b/?x=1', '//case.example:80/a%20b/?x=1#f', 'http://u:p@case.example/a b/?x=1'])
    t.ok(isSame(readUri(uri)!, asked), uri)
  for (const uri of ['/a b/', '/a b/?x=2', '/a b?x=1', '', '*', '//other/a b/?x=1', 'http://case.example:81/a b/?x=1'])
    t.notOk(isSame(readUri(uri)!, asked), uri)
  t.notOk(isSame(readUri('//case.example/')!, { ...readUri('/')!, host: 'case.example', port: 81 }))
  t.equal(readUri('http://x:y/'), undefined)
  t.match(readUri('http://[::1]:8080/x'), { host: '[::1]', port: 8080, path: '/x' })
  fc.assert(fc.property(fc.string(), (text) => void readUri(text)))
  t.end()
})

t.test('Nonces: two processes with one memory', (t) => {
  const memory = new ArrayBuffer(LEAST_BYTES + 16)
  const [one, two] = [new Nonces(memory), new Nonces(memory)]
  const stranger = new Nonces(new ArrayBuffer(LEAST_BYTES))
  const nonce = one.make(stampOf(Date.UTC(2026, 0, 1)), 'R', undefined)
  t.equal(nonce.length, NONCE_LENGTH)
  t.equal(msOf(two.stampIn(nonce, 'R', undefined)!), Date.UTC(2026, 0, 1))
  t.strictSame([two.stampIn(nonce, 'Q', undefined), two.stampIn(nonce, 'R', '1'), two.stampIn(`${nonce.slice(0, -1)}x`, 'R', undefined),
    stranger.stampIn(nonce, 'R', undefined)], [undefined, undefined, undefined, undefined])
  const [first, second] = [one.stamp(Date.now()), two.stamp(0)]
  t.ok(second > first, 'a clock that goes back makes no stamp anew')
  const client = one.addClient(first)
  t.equal(two.use(client, first, 1), 'fresh')
  t.strictSame(one.use(client, first, 1), { last: 1 })
  t.equal(two.use(client, first, 5), 'fresh')
  t.equal(one.use(client, second, 1), 'fresh')
  t.strictSame(two.use(client, first, 6), { last: 1 }, 'an older nonce')
  t.equal(two.use(client, second, MOST_COUNT + 1), 'worn')
  t.equal(one.use(client + 1, second, 1), 'unknown')
  one.addClient(two.stamp(0))
  const taker = two.addClient(one.stamp(0))
  t.strictSame([one.knows(client), one.knows(taker), one.knows(0)], [false, true, false], 'a slot goes to whoever comes last')
  t.equal(one.use(client, second, 9), 'unknown')
  t.end()
})

t.test('no pair of nonce and count is taken twice, whatever the order', (t) => {
  const uses = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 4 })), { maxLength: 20 })
  fc.assert(fc.property(uses, (all) => {
    const nonces = new Nonces(new ArrayBuffer(LEAST_BYTES))
    const stamps = [0, 1, 2, 3].map(() => nonces.stamp(Date.now()))
    const client = nonces.addClient(stamps[0]!)
    const taken = all.filter(([nonce, count]) => nonces.use(client, stamps[nonce]!, count) === 'fresh').map(String)
    return new Set(taken).size === taken.length
  }))
  t.end()
})

const SECTION = `AuthType Digest\nAuthName R\nAuthUserFile ${file}\n`

function client(conf: string) {
  const configured = configure(modules, `<Location />\n${SECTION}${conf}\n</Location>`)
  prepare(fakeStartup(fakeServer(configured.conf)))
  const ask = (header: string | undefined, more: Wanted = {}): { r: Request; status: Status; said: string[]; challenge: string } => {
    const r = fakeRequest(configured, { unparsedUri: '/x', ...more, headers: header === undefined ? {} : { Authorization: header } })
    let status = checkHeader(r)
    if (status === DECLINED) status = authenticate(r) as Status
    return { r, status, said: r.logged.map(({ message }) => message.slice(0, 7)).filter((id) => !/AH0176[458]/.test(id)), challenge: r.errHeadersOut.get('WWW-Authenticate') ?? '' }
  }
  return ask
}

function answer(challenge: string, { nc = '1', method = 'GET', realm = 'R' } = {}): string {
  const of = (name: string): string | undefined => new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1]
  const hash = md5(`${md5(`bob:${realm}:secret`)}:${of('nonce')!}:${nc}:c:auth:${md5(`${method}:/x`)}`)
  const opaque = of('opaque') === undefined ? '' : `, opaque="${of('opaque')!}"`
  return `Digest username=bob, realm="${realm.replaceAll('"', '\\"')}", nonce="${of('nonce')!}", uri="/x", qop=auth, cnonce=c, nc=${nc}, response=${hash}${opaque}`
}

t.test('a nonce ends', (t) => {
  const ask = client('AuthDigestNonceLifetime 60')
  const { challenge } = ask(undefined)
  const later = (seconds: number) => ask(answer(challenge), { requestTime: Date.now() + seconds * 1000 })
  const now = later(0)
  t.equal(now.status, OK)
  addInfo(now.r)
  t.match(now.r.headersOut.get('Authentication-Info'), /^rspauth="[0-9a-f]{32}", cnonce="c", nc=1, qop=auth$/)
  const old = later(45)
  addInfo(old.r)
  t.match(old.r.headersOut.get('Authentication-Info'), /nextnonce="[^"]{52}"/)
  const over = later(61)
  t.match(over, { status: 401, said: ['AH01778'], challenge: /, stale=true/ })
  t.match(later(-10), { status: 401, said: ['AH01777'], challenge: /, stale=true/ })
  t.equal(ask(answer(over.challenge), { requestTime: Date.now() + 61_000 }).status, OK)
  t.end()
})

t.test('a request and all that it leads to use a nonce once', (t) => {
  const ask = client('AuthDigestNcCheck On')
  const { challenge } = ask(undefined)
  const { r, status } = ask(answer(challenge))
  t.equal(status, OK)
  t.equal(authenticate(fakeRequest(configure(modules, `<Location />\n${SECTION}AuthDigestNcCheck On\n</Location>`), { main: r })), OK)
  t.match(ask(answer(challenge)), { status: 401, said: ['AH01774'] })
  const worn = ask(answer(challenge, { nc: 'fffffff' }))
  t.match(worn, { status: 401, said: ['SY00170'], challenge: /, stale=true/ })
  t.equal(ask(answer(worn.challenge)).status, OK)
  t.end()
})

t.test('a realm with quotes', (t) => {
  const configured = configure(modules, `AuthType Digest\nAuthName "a\\"b"\nAuthUserFile ${file}`)
  prepare(fakeStartup(fakeServer(configured.conf)))
  const first = fakeRequest(configured, { unparsedUri: '/x' })
  t.equal(checkHeader(first), 401)
  const challenge = first.errHeadersOut.get('WWW-Authenticate')!
  t.match(challenge, 'realm="a\\"b"')
  const r = fakeRequest(configured, { unparsedUri: '/x', headers: { Authorization: answer(challenge, { realm: 'a"b' }) } })
  t.equal(checkHeader(r), DECLINED)
  t.equal(authenticate(r), OK)
  t.end()
})

t.test('refused when it is read', (t) => {
  const is = (text: string, message: string | RegExp | undefined) =>
    message === undefined ? t.equal(refusal(modules, text), undefined, text) : t.match(refusal(modules, text), message, text)
  is('AuthDigestQop none', "AuthDigestQop is deprecated: only 'auth' is supported")
  is('AuthDigestAlgorithm MD5-sess', 'Unsupported algorithm in AuthDigestAlgorithm: MD5-sess')
  is('AuthDigestNonceLifetime 5x', 'Invalid time in AuthDigestNonceLifetime: 5x')
  is('AuthDigestNonceLifetime "5 x"', undefined)
  is('AuthDigestProvider nix', 'Unknown Authn provider: nix')
  is('AuthDigestShmemSize 1x', 'Invalid size in AuthDigestShmemSize: 1x')
  is('AuthDigestShmemSize 1', 'size in AuthDigestShmemSize too small: 1 < 88')
  for (const size of ['1k', '"1 k"', '5Mb', '88', '1kx']) is(`AuthDigestShmemSize ${size}`, undefined)
  is('AuthDigestShmemSize 5000m', /above/)
  t.end()
})
