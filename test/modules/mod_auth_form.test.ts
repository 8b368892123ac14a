// Forms: how they are read, how large they may be, and what nobody else sees of them.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadSession, OK, registerAuthn } from '../../core/api.ts'
import { fieldsIn } from '../../modules/auth_form/form.ts'
import { authenticate, loginHandler, logoutHandler, module as form } from '../../modules/mod_auth_form.ts'
import { module as authnCore } from '../../modules/mod_authn_core.ts'
import { module as authnFile } from '../../modules/mod_authn_file.ts'
import { module as session } from '../../modules/mod_session.ts'
import { module as cookie } from '../../modules/mod_session_cookie.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

const modules = [authnCore, authnFile, session, cookie, form]
const root = mkdtempSync(join(tmpdir(), 'httpd-form-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
const users = join(root, 'users')
writeFileSync(users, 'bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n')

t.test('fieldsIn()', (t) => {
  t.strictSame([...fieldsIn('a=1&b=x+y%3d%26&a=2&c&=d&e=%zz%4&f=a%00b')],
    [['a', '1'], ['b', 'x y=&'], ['c', ''], ['', 'd'], ['e', '%zz%4'], ['f', 'a']])
  const text = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) })
  const quoted = (one: string): string => one.replace(/[^a-z]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  fc.assert(fc.property(text, text, (name, value) => fieldsIn(`${quoted(name)}=${quoted(value)}`).get(name) === value))
  t.end()
})

const POST = 'application/x-www-form-urlencoded'

function request(conf: string, body?: string, more: Wanted = {}) {
  const pieces = body === undefined ? [] : body.match(/[^]{1,7}/g) ?? []
  return fakeRequest(configure(modules, `Session On\nSessionCookieName s\n<Location />\nAuthType Form\nAuthName R\nAuthUserFile ${users}\n${conf}\n</Location>`), {
    ...(body !== undefined && {
      method: 'POST', hasBody: true, headers: { 'Content-Type': POST },
      read: () => Promise.resolve(pieces.length === 0 ? null : Buffer.from(pieces.shift()!, 'latin1')),
    }),
    ...more,
  })
}

t.test('a login goes into the session and nowhere else', async (t) => {
  const r = request('AuthFormSitePassphrase site', 'httpd_username=bob&httpd_password=secret')
  t.equal(await authenticate(r), OK)
  t.equal(r.user, 'bob')
  const { entries } = loadSession(r)!
  t.strictSame([entries.get('R-user'), entries.get('R-pw'), entries.get('R-site')],
    ['bob', 'secret', createHash('md5').update('bob:site').digest('hex')])
  t.notMatch(JSON.stringify([r.logged, [...r.notes], [...r.env]]), /secret/)
  t.equal(await logoutHandler(r), 200)
  t.equal(loadSession(r)!.entries.size, 0)
  const wrong = request('', 'httpd_username=bob&httpd_password=guess')
  t.equal(await authenticate(wrong), 401)
  t.notMatch(JSON.stringify([wrong.logged, [...wrong.notes]]), /guess/)
  t.equal(wrong.errHeadersOut.get('Cache-Control'), 'no-store')
})

t.test('a form that is too large is not read', async (t) => {
  const size = async (most: number, body: string, headers?: Record<string, string>) => {
    const r = request(`AuthFormSize ${most}`, body, headers && { headers: { 'Content-Type': POST, ...headers } })
    return await loginHandler(r)
  }
  const right = 'httpd_username=bob&httpd_password=secret'
  t.equal(await size(right.length, right), 200)
  t.equal(await size(right.length - 1, right), 413)
  t.equal(await size(right.length, right, { 'Content-Length': '1000' }), 413)
  t.equal(await size(0, ''), 401)
})

t.test('the body that a form has kept', async (t) => {
  let put: Uint8Array | undefined
  const r = request('', 'httpd_username=bob&httpd_password=secret&httpd_method=PUT&httpd_mimetype=a/b%0d%0ac&httpd_body=x%3dy', { putBody: (bytes) => void (put = bytes) })
  t.equal(await authenticate(r), OK)
  t.equal(Buffer.from(put!).toString(), 'x=y')
  t.strictSame([r.handler, r.headersIn.get('Content-Type'), r.headersIn.get('Content-Length')], ['form-redirect-handler', 'a/b  c', '3'])
})

t.test('a provider that fails', async (t) => {
  registerAuthn('fails', { checkPassword: () => Promise.reject(new Error('no connection')) })
  registerAuthn('cannot', { checkPassword: () => 'error' })
  await t.rejects(Promise.resolve(authenticate(request('AuthFormProvider fails', 'httpd_username=bob&httpd_password=secret'))), /no connection/)
  t.equal(await authenticate(request('AuthFormProvider cannot', 'httpd_username=bob&httpd_password=secret')), 500)
})

t.test('refused when it is read', (t) => {
  const is = (text: string, message: string | RegExp | undefined, among = modules) => {
    const said = refusal(among, `<Location />\n${text}\n</Location>`)
    if (message instanceof RegExp) t.match(said, message, text)
    else t.equal(said, message, text)
  }
  is('AuthFormUsername a=b', "AuthFormUsername cannot be empty, or contain '=' or '&'.")
  is('AuthFormSize -1', 'AuthCookieFormSize must be a size in bytes, or zero.')
  for (const size of ['5k', '0x10', 'x', '010']) is(`AuthFormSize ${size}`, undefined)
  is('AuthFormProvider nix', 'Unknown Authn provider: nix')
  is('AuthFormProvider file', 'You must load mod_session to enable the mod_auth_form functions', [authnCore, authnFile, form] as typeof modules)
  is('AuthFormLogoutLocation "%{foo"', /^Could not parse logout required expression '%\{foo': /)
  t.end()
})
