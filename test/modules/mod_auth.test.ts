import { createHash } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { LineIndex } from '../../core/server/line_index.ts'
import { DECLINED, FileLookup, linesNaming, linesWith, OK, PasswordError, registerAuthn, verifyPassword, type Status } from '../../core/api.ts'
import { apr1, sha1 } from '../../core/base/password.ts'
import { logicalLines } from '../../core/config/lexer.ts'
import { basicCredentials } from '../../modules/auth_basic/credentials.ts'
import { authenticate, checkCredentials, module as basic } from '../../modules/mod_auth_basic.ts'
import { authenticateNobody, module as authnCore } from '../../modules/mod_authn_core.ts'
import { module as authnFile, passwordIn, realmHashIn } from '../../modules/mod_authn_file.ts'
import { checkUser, checkWithoutUser, module as authzCore } from '../../modules/mod_authz_core.ts'
import { module as authzUser } from '../../modules/mod_authz_user.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

const modules = [authnCore, authnFile, basic, authzCore, authzUser]
const HASH = { secret: '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=' }

function site(t: Test): { directory: string; file: (name: string, text: string) => string } {
  const directory = mkdtempSync(join(tmpdir(), 'httpd-auth-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return {
    directory,
    // As if written some time ago: what is new is not kept.
    file(name, text) {
      const path = join(directory, name)
      writeFileSync(path, text, 'latin1')
      utimesSync(path, 1000, 1000)
      return path
    },
  }
}

const sent = (user: string, password: string): Wanted =>
  ({ headers: { Authorization: `Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}` } })

t.test('passwords', (t) => {
  const cases = [
    ['secret', '$apr1$h3atnfgd$I6GhqrdlbypFLG1H7Q2Zx.'], ['secret', HASH.secret],
    ['secret', '$2y$05$UOHf2QV2kS1PskC3tPZNKuM9dYFZtm9w9a6h11E/ZTg39fMMESylS'], ['secret', 'xGZREZpkHZpkI'],
    ['secret', '$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'],
    ['secret', '$5$xwNgDvRVpwj1hAlS$/IGxx23CHJ6s7cE5dAgn/o1RXZBNVpwI6MrUUBX3yq3'],
    ['secret', '$6$7yPRRDp5M6r5yCj5$IXWxDNcPgWIj/Mvjt1B9C5d19Ri1gyQEHfNWwXGBpEnq/yDOfO3AqcuG22PyFNTmHcF.4PpsExmKq.ejChgeg1'],
  ] as const
  for (const [password, hash] of cases) {
    t.ok(verifyPassword(password, hash), hash)
    t.notOk(verifyPassword(`${password}x`, hash), `another password: ${hash}`)
    t.notOk(verifyPassword('', hash), `none: ${hash}`)
  }
  for (const hash of ['', 'secret', '*0', '*1', '$2y$99$abc', '$9$a$b', '{SHA}', '$apr1$', 'x'.repeat(10_000)])
    t.notOk(verifyPassword('secret', hash), `is no hash: ${hash.slice(0, 20)}`)
  t.notOk(verifyPassword('x'.repeat(5000), cases[2][1]), 'longer than the library takes')
  t.throws(() => verifyPassword('secret', cases[2][1], () => undefined), new PasswordError('this machine has no libcrypt'))
  t.equal(verifyPassword('secret', HASH.secret, () => undefined), true, 'needs no library')
  t.end()
})

t.test('a password has the hash that is made of it', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 40 }).map((s) => Buffer.from(s).toString('latin1').replaceAll('\0', ''))
  fc.assert(fc.property(text, fc.string({ maxLength: 12 }), text, (password, salt, other) => {
    const hash = apr1(password, salt)
    return verifyPassword(password, hash) && verifyPassword(password, sha1(password)) &&
      (other === password || !verifyPassword(other, hash))
  }), { numRuns: 20 })
  t.end()
})

t.test('credentials', (t) => {
  const is = (header: string, user?: string, password = '') =>
    t.strictSame(basicCredentials(header), user === undefined ? undefined : { user, password }, header)
  is('Basic Ym9iOnNlY3JldA==', 'bob', 'secret')
  is('bAsIc  \t Ym9iOnNlY3JldA', 'bob', 'secret')
  is('Basic Ym9iOmE6Yg==', 'bob', 'a:b')
  is('Basic Ym9i', 'bob')
  is('Basic', '')
  is('Basic *', '')
  is('Basic Ym9iOnNlY3JldA== more', 'bob', 'secret')
  is('Basic Ym9iOnNlYwByZXQ=', 'bob', 'sec')
  is('Basic\tYm9i')
  is('Digest username="bob"')
  is('')
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (header) => {
    const found = basicCredentials(header)
    return found === undefined || !(found.user + found.password).includes('\0')
  }))
  t.end()
})

t.test('lines of a file that have a word in them', (t) => {
  const piece = fc.constantFrom('bob', ':', '#', ' ', '\t', '\\', '\n', '\r\n', '\0', 'x', '\\\n', 'a\xa0')
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom('bob', 'x', '', 'ob:', 'b b'), (pieces, word) => {
    const text = pieces.join('')
    const wanted = [...logicalLines(text, Infinity)].map((line) => line.text)
      .filter((line) => line !== '' && !line.startsWith('#') && line.includes(word))
    const content = Buffer.from(text, 'latin1')
    t.strictSame([...linesWith(content, word)], wanted, JSON.stringify([text, word]))
    t.strictSame([...linesNaming(content, word)], wanted.filter((line) => `${line}:`.startsWith(`${word}:`)),
      `begins: ${JSON.stringify([text, word])}`)
  }))
  t.end()
})

t.test('AuthUserFile', (t) => {
  const is = (text: string, user: string, hash: string | undefined) =>
    t.equal(passwordIn(Buffer.from(text, 'latin1'), user), hash, JSON.stringify([text, user]))
  const text = '# a comment\nbob:1\n bobby:2 \nrob:bob\r\nbob:3\n\n#eve:4\nnone\nempty:\nmore:5:Bob Roberts\ntwo::6\n'
  is(text, 'bob', '1')
  is(text, 'bobby', '2')
  is(text, 'rob', 'bob')
  is(text, 'ob', undefined)
  is(text, 'eve', undefined)
  is(text, '#eve', undefined)
  is(text, 'none', '')
  is(text, 'empty', '')
  is(text, 'more', '5')
  is(text, 'two', '6')
  is(text, '', undefined)
  is('ev\\\ne:1', 'eve', '1')
  const hash = (user: string, realm: string) => realmHashIn(Buffer.from('bob:a:1\nbob:b:2\n'), `${user}\0${realm}`)
  t.strictSame([hash('bob', 'a'), hash('bob', 'b'), hash('bob', 'c'), hash('eve', 'a')], ['1', '2', undefined, undefined])
  t.end()
})

t.test('a file that changes is read again, one that does not is not', (t) => {
  const { directory, file } = site(t)
  let read = 0
  const lookup = new FileLookup((content, key) => (read++, content.includes(key)))
  const path = file('users', 'bob')
  const old = () => t.equal(lookup.get(path, 'bob'), true)
  old()
  old()
  t.equal(read, 2, 'what has just been written is not kept')
  const later = Date.now() + 200
  while (Date.now() < later) { /* The time of the last change cannot be set. */ }
  for (let i = 0; i < 3; i++) old()
  t.equal(read, 3, 'later it is')
  for (let i = 0; i < 5000; i++) lookup.get(path, `user ${i}`)
  old()
  t.equal(read, 5004, 'for as many as there is room for')
  renameSync(file('new', 'eve'), path)
  t.equal(lookup.get(path, 'bob'), false)
  t.equal(lookup.get(path, 'eve'), true)
  t.throws(() => lookup.get(join(directory, 'nosuch'), 'bob'), { code: 'ENOENT' })
  t.throws(() => lookup.get(directory, 'bob'), { code: 'EBADF' })
  t.end()
})

t.test('of a large file that is asked for many names, a few lines are read', (t) => {
  const { file } = site(t)
  const users = 100_000
  const path = file('users', Array.from({ length: users }, (_, i) => `user${i}:{SHA}${'x'.repeat(20)}${i}\n`).join('') + 'user7:second\n  odd :name\nlast')
  let bytes = 0
  const lookup = new FileLookup((content, user) => (bytes += content.length, passwordIn(content, user)), (user) => user)
  const later = Date.now() + 200
  while (Date.now() < later) { /* As above. */ }
  for (let i = 0; i < 4; i++) lookup.get(path, `user${i}`)
  t.ok(bytes > 4 * users * 20, 'it is read for the first few')
  bytes = 0
  for (let i = 0; i < users; i += 97) {
    if (lookup.get(path, `user${i}`) !== `{SHA}${'x'.repeat(20)}${i}`) t.fail(`user${i}`)
    if (lookup.get(path, `nobody${i}`) !== undefined) t.fail(`nobody${i}`)
  }
  t.ok(bytes < 100 * users / 97, `${bytes} bytes for ${2 * Math.ceil(users / 97)} names`)
  t.match(lookup.get(path, 'user7'), /7$/, 'the first line counts')
  t.strictSame([lookup.get(path, 'last'), lookup.get(path, 'odd '), lookup.get(path, 'odd')], ['', 'name', undefined])
  t.equal(lookup.get(path, 'user1:{SHA}x'), undefined, 'a name with a colon is nobody\'s')
  renameSync(file('new', 'user1:changed\n'), path)
  t.equal(lookup.get(path, 'user1'), 'changed')
  t.equal(lookup.get(path, 'user5'), undefined)
  t.end()
})

t.test('an index leads to the same lines', (t) => {
  const part = fc.constantFrom('a', 'b', 'ab', ':', '\n', ' ', '\t', '#', '\0', '\r', '\x01')
  fc.assert(fc.property(fc.array(part, { maxLength: 40 }), fc.constantFrom('', 'a', 'ab', 'b ', ' a', 'a a', '\x01a', '#', 'a\0'), (parts, name) => {
    const content = Buffer.from(parts.join(''), 'latin1')
    const found = LineIndex.of(content)!.offsetsOf(Buffer.from(name, 'latin1')).flatMap((offset) => {
      const end = content.indexOf('\n', offset)
      return [...linesNaming(content.subarray(offset, end < 0 ? content.length : end), name)]
    })
    return found.join('|') === [...linesNaming(content, name)].join('|')
  }), { numRuns: 2000 })
  t.equal(LineIndex.of(Buffer.from('a\\\nb:1')), undefined, 'lines that are joined are read as a whole')
  t.end()
})

/** All of check_user_id, as the chain does it. */
async function identify(text: string, more: Wanted = {}) {
  const request = fakeRequest(configure(modules, text), { uri: '/x', ...more })
  let status: Status = DECLINED
  for (const step of [checkCredentials, authenticate, authenticateNobody]) if (status === DECLINED) status = await step(request)
  return { status, user: request.user, asked: request.errHeadersOut.get('WWW-Authenticate'),
    log: request.logged.map(({ message }) => message) }
}

t.test('AuthType Basic', async (t) => {
  const { file } = site(t)
  const conf = `AuthType Basic\nAuthName "a \\"b"\nAuthUserFile ${file('users', `bob:${HASH.secret}\nnone:\n`)}\n`
  const asked = 'Basic realm="a \\"b"'
  t.strictSame(await identify(conf), { status: 401, user: undefined, asked, log: [] })
  t.strictSame(await identify(conf, sent('bob', 'secret')), { status: OK, user: 'bob', asked: undefined, log: [] })
  t.strictSame(await identify(conf, sent('bob', 'other')), { status: 401, user: 'bob', asked,
    log: ['AH01617: user bob: authentication failure for "/x": Password Mismatch'] })
  t.strictSame(await identify(conf, sent('eve', 'secret')), { status: 401, user: 'eve', asked,
    log: ['AH01618: user eve not found: /x'] })
  t.strictSame(await identify(conf, { headers: { Authorization: 'Digest x' } }), { status: 401, user: undefined, asked,
    log: ['AH01614: client used wrong authentication scheme: /x'] })
  t.equal((await identify(conf, sent('none', ''))).status, 401, 'no hash is that of no password')
  const lax = `${conf}AuthBasicAuthoritative Off\n`
  t.equal((await identify(lax, sent('bob', 'other'))).status, 401)
  t.strictSame((await identify(lax, sent('eve', 'x'))).log, ['AH01796: AuthType Basic configured without corresponding module'])
  t.strictSame(await identify('AuthType Basic'), { status: 500, user: undefined, asked: undefined,
    log: ['AH01615: need AuthName: /x'] })
  t.strictSame((await identify('AuthType Basic\nAuthName x', sent('a', 'b'))).log,
    ['AH01619: AuthUserFile not specified in the configuration'])
  t.strictSame((await identify('AuthType Basic\nAuthName x\nAuthUserFile /nosuch', sent('a', 'b'))).log,
    ['AH01620: Could not open password file: /nosuch'])
  t.equal((await identify('AuthType None\nAuthName x')).status, OK)
  t.equal((await identify('')).status, OK)
})

t.test('providers are asked in turn until one knows the user', async (t) => {
  const calls: string[] = []
  for (const [name, status] of [['t-no', 'userNotFound'], ['t-yes', 'granted'], ['t-denied', 'denied'], ['t-error', 'error']] as const) {
    registerAuthn(name, { checkPassword: (_, user) => Promise.resolve((calls.push(`${name} ${user}`), status)) })
  }
  registerAuthn('t-digest', { realmHash: (_, user, realm) =>
    ({ hash: createHash('md5').update(`${user}:${realm}:secret`).digest('hex') }), checkPassword: () => 'error' })
  const ask = async (providers: string, more = '') => {
    calls.length = 0
    const { status } = await identify(`AuthType Basic\nAuthName x\nAuthBasicProvider ${providers}\n${more}`, sent('bob', 'secret'))
    return [status, ...calls]
  }
  t.strictSame(await ask('t-no t-yes t-denied'), [OK, 't-no bob', 't-yes bob'])
  t.strictSame(await ask('t-no t-denied t-yes'), [401, 't-no bob', 't-denied bob'])
  t.strictSame(await ask('t-error t-yes'), [500, 't-error bob'])
  t.strictSame(await ask('t-no'), [401, 't-no bob'])
  t.strictSame(await ask('t-no\nAuthBasicProvider t-yes'), [OK, 't-no bob', 't-yes bob'])
  t.strictSame(await ask('t-digest', 'AuthBasicUseDigestAlgorithm MD5'), [OK])
  t.strictSame(await ask('t-yes', 'AuthBasicUseDigestAlgorithm MD5'), [500])
})

t.test('<AuthnProviderAlias>', async (t) => {
  const { file } = site(t)
  const conf = `<AuthnProviderAlias file other>\nAuthUserFile ${file('b', `eve:${HASH.secret}\n`)}\n</AuthnProviderAlias>
    AuthType Basic\nAuthName x\nAuthBasicProvider file other\nAuthUserFile ${file('a', `bob:${HASH.secret}\n`)}`
  t.equal((await identify(conf, sent('bob', 'secret'))).status, OK)
  t.equal((await identify(conf, sent('eve', 'secret'))).status, OK)
  t.equal((await identify(conf, sent('ann', 'secret'))).status, 401)
  const refused = (words: string) => refusal(modules, `<AuthnProviderAlias ${words}>\n</AuthnProviderAlias>`)
  t.equal(refused('file'), '<AuthnProviderAlias> directive requires additional arguments')
  t.equal(refused('nope x'), 'Unknown Authn provider: nope')
  t.equal(refused('file file'), 'The alias provider name must be different from the base provider name.')
  t.equal(refused('file t-yes'), 'The alias provider t-yes has already be registered previously as either a base ' +
    'provider or an alias provider.')
})

t.test('Require user', (t) => {
  const is = (require: string, user: string | undefined, expected: Status, more: Wanted = {}) => {
    const request = fakeRequest(configure(modules, `AuthType Basic\nAuthName x\nRequire ${require}`), { user, uri: '/x', ...more })
    t.equal(user === undefined ? checkWithoutUser(request) : checkUser(request), expected, `${require}: ${user}`)
    return request
  }
  is('valid-user', undefined, DECLINED)
  is('valid-user', 'bob', OK)
  is('user bob', undefined, DECLINED)
  is('user ann "bob the builder"', 'bob the builder', OK)
  is('user ann bob', 'bob', OK)
  is('user', 'bob', 401)
  is('user %{QUERY_STRING}', 'bob', OK, { args: 'ann bob' })
  t.equal(is('user ann', 'bob', 401).errHeadersOut.get('WWW-Authenticate'), 'Basic realm="x"')
  t.end()
})

t.test('what is refused', (t) => {
  const is = (text: string, message: string) => t.equal(refusal(modules, text)?.split('\n')[0], message)
  is('AuthType', 'AuthType takes one argument, an HTTP authorization type (e.g., "Basic")')
  is('AuthName a b', 'AuthName takes one argument, the authentication realm (e.g. "Members Only")')
  is('AuthType "%{nosuch"', "Cannot parse expression '%{nosuch' in AuthType: syntax error, unexpected T_ERROR, " +
    "expecting T_VAR_END or ':': Unterminated string or variable")
  is('AuthBasicProvider', 'AuthBasicProvider requires at least one argument, specify the auth providers for a directory or location')
  is('AuthBasicProvider nope', 'Unknown Authn provider: nope')
  is('AuthBasicUseDigestAlgorithm SHA', 'Invalid algorithm in AuthBasicUseDigestAlgorithm: SHA')
  is('AuthUserFile', 'AuthUserFile takes one argument, text file containing user IDs and passwords')
  is('Require user "%{nosuch"', "Cannot parse expression in require line: syntax error, unexpected T_ERROR, expecting " +
    "T_VAR_END or ':': Invalid character in variable name '\"'")
  t.end()
})
