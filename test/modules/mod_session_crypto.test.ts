// Sessions that are encrypted: nobody else's, nobody's changes; where passphrases come from, and who reads them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadSession, OK } from '../../core/api.ts'
import type { Hook } from '../../core/hook/hook.ts'
import { createHooks } from '../../core/hook/hooks.ts'
import { module as session, saveAll } from '../../modules/mod_session.ts'
import { module as cookie } from '../../modules/mod_session_cookie.ts'
import { module as crypto } from '../../modules/mod_session_crypto.ts'
import { CIPHERS, open, seal, sealed, type Cipher } from '../../modules/session_crypto/seal.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, refusal } from './harness.ts'

const modules = [session, cookie, crypto]
const root = mkdtempSync(join(tmpdir(), 'httpd-crypto-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

t.test('what is sealed is opened, by nobody else and only as it was', (t) => {
  const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
  fc.assert(fc.property(bytes, fc.constantFrom(...Object.keys(CIPHERS) as Cipher[]), fc.nat(), (text, cipher, at) => {
    const made = sealed(seal(text, 'one', cipher))!
    const changed = Buffer.from(made)
    changed[at % changed.length]! ^= 1
    const again = sealed(changed.toString('base64'))
    return open(made, 'one', cipher) === text && open(made, 'two', cipher) === undefined &&
      (again === undefined || open(again, 'one', cipher) === undefined)
  }))
  t.equal(open(sealed(seal('x', 'one', 'aes128'))!, 'one', 'aes256'), undefined)
  t.not(seal('x', 'one', 'aes256'), seal('x', 'one', 'aes256'))
  t.strictSame(['', 'AAAA', 'a=b', Buffer.alloc(44).toString('base64'), Buffer.alloc(45).toString('base64')].map(sealed),
    [undefined, undefined, undefined, undefined, undefined])
  t.end()
})

const hooks = createHooks()
crypto.register(hooks, (hook, fn, place) => hook.add('session_crypto_module', fn, place))
const run = <T>(hook: Hook<T, number>, startup: T): number => hook.walk(hook.chain(), startup) as number

function site(conf: string) {
  run(hooks.preConfig, fakeStartup(fakeServer(configure([], '').conf)))
  const configured = configure(modules, `Session On\nSessionCookieName s path=/\n${conf}`)
  const notes: string[] = []
  const startup = fakeStartup(fakeServer(configured.conf), notes)
  const status = run(hooks.openLogs, startup)
  const visit = (value?: string) => {
    const r = fakeRequest(configured, { headers: value === undefined ? {} : { Cookie: `s=${value}` } })
    const found = loadSession(r)!
    const had = found.entries.get('user')
    found.entries.set('user', 'bob')
    found.dirty = true
    saveAll(r)
    return { had, set: /^s=([^;]*)/.exec(r.errHeadersOut.get('Set-Cookie') ?? '')?.[1], said: r.logged.map(({ message }) => message) }
  }
  return { visit, status, notes, startup }
}

t.test('passphrases one after the other', (t) => {
  const { set } = site('SessionCryptoPassphrase old').visit()
  t.match(set, /^[A-Za-z0-9+/]+=*$/)
  t.equal(site('SessionCryptoPassphrase new old').visit(set).had, 'bob')
  const { had, said } = site('SessionCryptoPassphrase new').visit(set)
  t.equal(had, undefined)
  t.strictSame(said.map((text) => text.slice(0, 7)), ['AH10006', 'AH01840', 'AH01842', 'AH01817'])
  t.notMatch(said.join(), /new|bob/, 'no secrets in the log')
  t.equal(site('SessionCryptoPassphrase new').visit('user=eve').had, undefined, 'nor is anything read that is not sealed')
  t.end()
})

t.test('passphrases from programs and files', (t) => {
  const file = join(root, 'words')
  writeFileSync(file, '# one\n\n"two words" three # more\n')
  const { set } = site('SessionCryptoPassphrase "two words"').visit()
  t.equal(site(`SessionCryptoPassphraseFile ${file}`).visit(set).had, 'bob')
  t.equal(site('SessionCryptoPassphrase x\nSessionCryptoPassphrase "exec:/bin/echo two words"').visit(set).had, 'bob')
  t.match(site(`SessionCryptoPassphraseFile ${file}x`), { status: 500, notes: [/SY00172: line 3 of test.conf: .*Could not open file .*wordsx: No such file or directory/] })
  t.match(site('SessionCryptoPassphrase exec:/bin/true'), { status: 500, notes: [/it has printed nothing/] })
  const { startup } = site(`SessionCryptoPassphraseFile ${file}x`)
  t.throws(() => run(hooks.checkConfig, { ...startup, checking: true }), /Could not open file/)
  t.equal(run(hooks.checkConfig, startup), OK, 'a child is not asked for it')
  t.end()
})

t.test('refused when it is read', (t) => {
  const is = (text: string, message: string | undefined) => t.equal(refusal(modules, text), message, text)
  is('SessionCryptoCipher nix', "cipher 'nix' not recognised by crypto driver. session encryption not possible, options: aes128, aes192, aes256")
  is('SessionCryptoCipher 3des192', undefined)
  is('SessionCryptoDriver openssl engine=x', undefined)
  is('SessionCryptoDriver nix', "The crypto library 'nix' could not be found")
  t.end()
})
