import t from 'tap'
import { DECLINED } from '../../core/hook/hook.ts'
import { checkMethod, module as allowmethods } from '../../modules/mod_allowmethods.ts'
import { expiryFor, insert, module as expires, parseExpiry, setExpiry } from '../../modules/mod_expires.ts'
import { nextId, setId } from '../../modules/mod_unique_id.ts'
import { configure, fakeRequest, fileOf, refusal, type Wanted } from './harness.ts'

t.test('when something expires', (t) => {
  const is = (text: string, base: string, seconds: number) => t.strictSame(parseExpiry(text), { base, seconds }, text)
  is('A3600', 'access', 3600)
  is('M60', 'modification', 60)
  is('A', 'access', 0)
  is('Access plus 1 day', 'access', 0)
  is('access plus 1 year 2 months 3 weeks 4 days 5 hours 6 minutes 7 seconds', 'access',
    365 * 86_400 + 60 * 86_400 + 21 * 86_400 + 4 * 86_400 + 5 * 3600 + 360 + 7)
  is('now 1 MONTH', 'access', 30 * 86_400)
  is('modification plus 10 min', 'modification', 600)
  is('access', 'access', 0)
  is('access plus', 'access', 0)
  t.strictSame(configure([expires], 'ExpiresDefault "Access plus 1 day"').notes, [
    'warn: SY00130: ExpiresDefault Access plus 1 day at test.conf:1 expires after 0 seconds: after a capital A or M there are ' +
    'only digits; words begin with small letters'])
  t.strictSame(configure([expires], 'ExpiresDefault A60\nExpiresByType a/b M-5').notes, [])
  t.end()
})

t.test('refusals', (t) => {
  const is = (text: string, expected: string) => t.equal(refusal([expires, allowmethods], text), expected, text)
  is('ExpiresDefault foo', "'ExpiresDefault foo': bad expires code, unrecognised <base> 'foo'")
  is('ExpiresDefault "access plus x"', "'ExpiresDefault access plus x': bad expires code, numeric value expected <num> 'x'")
  is('ExpiresDefault "access 1"', "'ExpiresDefault access 1': bad expires code, missing <type>")
  is('ExpiresDefault "access 1 m"', "'ExpiresDefault access 1 m': bad expires code, unrecognised <type>'m'")
  is('ExpiresByType text/html zz', "'ExpiresByType text/html zz': bad expires code, unrecognised <base> 'zz'")
  is('AllowMethods', "AllowMethods: No method or 'reset' keyword given")
  is('AllowMethods get', "AllowMethods: Invalid Method 'get'")
  is('AllowMethods reset GET', "AllowMethods: Invalid Method 'reset'")
  t.end()
})

t.test('by type', (t) => {
  const a = (seconds: number) => ({ base: 'access', seconds }) as const
  const configured = { byType: { 'text/html': a(1), 'text/*': a(2) }, otherwise: a(3) }
  const of = (type: string | undefined) => expiryFor(configured, type)?.seconds
  t.strictSame([of('Text/HTML; charset=x'), of('text/plain'), of('image/png'), of('constructor'), of(undefined)], [1, 2, 3, 3, 3])
  t.end()
})

t.test('headers of a response', (t) => {
  const at = Date.UTC(2026, 10, 20, 12)
  const told = (text: string, wanted: Wanted = {}, before: Record<string, string> = {}) => {
    const r = fakeRequest(configure([expires], `ExpiresActive on\n${text}`), { requestTime: at, contentType: 'a/b', ...wanted })
    for (const [name, value] of Object.entries(before)) r.headersOut.set(name, value)
    setExpiry(r)
    return [...r.headersOut].map((line) => line.join(': ')).join('; ')
  }
  t.equal(told('ExpiresDefault A60'), 'Cache-Control: max-age=60; Expires: Fri, 20 Nov 2026 12:01:00 GMT')
  t.equal(told('ExpiresDefault A60', {}, { 'Cache-Control': 'public' }),
    'Cache-Control: public, max-age=60; Expires: Fri, 20 Nov 2026 12:01:00 GMT')
  t.equal(told('ExpiresDefault A60', {}, { Expires: 'x' }), 'Expires: x')
  t.equal(told('ExpiresDefault M60'), '', 'no file')
  const finfo = { ...fileOf('file'), mtimeMs: at - 10_000 }
  t.equal(told('ExpiresDefault M60', { finfo }), 'Cache-Control: max-age=50; Expires: Fri, 20 Nov 2026 12:00:50 GMT')
  t.equal(told('ExpiresDefault M5', { finfo }), 'Cache-Control: max-age=0; Expires: Fri, 20 Nov 2026 12:00:00 GMT', 'over')
  const asked = (wanted: Wanted): number => {
    let count = 0
    insert(fakeRequest(configure([expires], ''), { addOutputFilter: () => void count++, ...wanted }))
    return count
  }
  t.strictSame([asked({}), asked({ status: 404 }), asked({ status: 304 })], [1, 0, 1])
  t.end()
})

t.test('AllowMethods', (t) => {
  const allows = (text: string, method: string) => {
    const r = fakeRequest(configure([allowmethods], text), { method, filename: '/f' })
    return checkMethod(r) === DECLINED || r.logged[0]!.message
  }
  t.equal(allows('<Location />\nAllowMethods GET PUT\n</Location>', 'PUT'), true)
  t.equal(allows('<Location />\nAllowMethods HEAD\n</Location>', 'GET'), true)
  t.equal(allows('<Location />\nAllowMethods GET\n</Location>', 'HEAD'), true)
  t.equal(allows('<Location />\nAllowMethods GET\nAllowMethods PUT\n</Location>', 'PUT'), true)
  t.equal(allows('<Location />\nAllowMethods GET\n</Location>', 'POST'),
    "AH01623: client method denied by server configuration: 'POST' to /f")
  t.end()
})

t.test('ids', (t) => {
  const ids = Array.from({ length: 1000 }, () => nextId(Date.now()))
  t.equal(new Set(ids).size, 1000)
  t.ok(ids.every((id) => /^[\w-]{27}$/.test(id)))
  const first = fakeRequest(configure([], ''))
  setId(first)
  const next = fakeRequest(configure([], ''), { prev: first, env: new Map([['REDIRECT_UNIQUE_ID', 'same']]) })
  setId(next)
  t.equal(next.env.get('UNIQUE_ID'), 'same')
  t.end()
})
