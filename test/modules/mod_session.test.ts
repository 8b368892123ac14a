// Sessions: how they are written, when they are saved, and the cookie that keeps them; bodies that are read twice.
import fc from 'fast-check'
import t from 'tap'
import { DECLINED, loadSession, type Request, type Session } from '../../core/api.ts'
import { module as request, keep } from '../../modules/mod_request.ts'
import { module as session, prepare, saveAll } from '../../modules/mod_session.ts'
import { module as cookie } from '../../modules/mod_session_cookie.ts'
import { findCookie } from '../../modules/session_cookie/cookie.ts'
import { add, written } from '../../modules/session/entries.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

const modules = [request, session, cookie]
const empty = (): Session => ({ entries: new Map(), expiry: 0, maxAge: 0, dirty: false, written: false, encoded: undefined })

t.test('what is written is what is read', (t) => {
  const bytes = fc.string({ minLength: 1, unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) })
  const name = bytes.filter((text) => text !== 'expiry')
  const table = fc.uniqueArray(fc.tuple(name, bytes), { selector: ([key]) => key.toLowerCase() })
  fc.assert(fc.property(table, fc.nat(), (pairs, expiry) => {
    const [one, other] = [{ ...empty(), entries: new Map(pairs), expiry }, empty()]
    const text = written(one)
    add(other, text)
    t.match(text, /^[A-Za-z0-9.*_%+&=-]*$/, 'fit for a cookie')
    t.strictSame([[...other.entries], other.expiry], [pairs, expiry])
  }))
  fc.assert(fc.property(fc.string(), (text) => add(empty(), text)))
  t.end()
})

t.test('a client that sends many names makes nobody walk the table for each of them', (t) => {
  let walks = 0
  class Watched extends Map<string, string> {
    override keys() {
      walks++
      return super.keys()
    }
  }
  const found = { ...empty(), entries: new Watched([['Ann', '1']]) }
  add(found, `${Array.from({ length: 1000 }, (_, i) => `n${i}=${i}&N${i}`).join('&')}&aNN=2&B=3&b=4`)
  t.strictSame([...found.entries], [['Ann', '2'], ['B', '4']])
  t.ok(walks <= 1, `${walks} walks`)
  t.end()
})

t.test('findCookie()', (t) => {
  const is = (header: string, value: string | undefined, rest: string | undefined, isTwice = false) =>
    t.strictSame(findCookie(header, 's'), { value, isTwice, rest }, header)
  is('s=a', 'a', undefined)
  is('x=1; s=a=b; y=2', 'a=b', 'x=1; y=2')
  is('s=a; s=a', 'a', undefined)
  is('s=a; s=b, x=1', undefined, 'x=1', true)
  is('ss=a; S=b; s', undefined, 'ss=a; S=b; s')
  is('', undefined, undefined)
  t.end()
})

function visit(conf: string, headers: Record<string, string> = {}, change?: (found: Session, r: Request) => void, more: Wanted = {}) {
  const r = fakeRequest(configure(modules, `Session On\n${conf}`), { headers, uri: '/x', ...more })
  t.equal(prepare(r), DECLINED)
  const found = loadSession(r)
  if (found !== undefined) change?.(found, r)
  saveAll(r)
  return { r, cookie: r.errHeadersOut.get('Set-Cookie'), said: r.logged.map(({ message }) => message.slice(0, 7)) }
}

t.test('saved when it has changed, or ends', (t) => {
  const NAME = 'SessionCookieName s path=/'
  t.equal(visit(NAME, { Cookie: 's=a=b' }).cookie, undefined)
  t.equal(visit(NAME, { Cookie: 's=a=b' }, (found) => {
    found.entries.set('c', 'd e')
    found.dirty = true
  }).cookie, 's=a=b&c=d+e;path=/')
  t.equal(visit(NAME, { Cookie: 's=a=b' }, (found) => {
    found.entries.clear()
    found.dirty = true
  }).cookie, 's=;Max-Age=0;path=/')
  t.match(visit(`${NAME}\nSessionMaxAge 60`).cookie, /^s=expiry=\d{16};Max-Age=60;path=\/$/)
  t.equal(visit(`${NAME}\nSessionMaxAge 60\nSessionExpiryUpdateInterval 30`).cookie, undefined)
  t.match(visit(`${NAME}\nSessionMaxAge 60\nSessionCookieMaxAge Off`).cookie, /^s=expiry=\d{16};path=\/$/)
  t.strictSame(visit(`${NAME}\nSessionMaxAge -1`).said, ['session', 'session', 'AH01819'])
  t.strictSame(visit('').said, ['AH01815', 'AH01815', 'AH01815'])
  t.strictSame(visit(`${NAME}\nSessionInclude /y`).said, ['AH01814', 'AH01814', 'AH01814'])
  t.equal(visit('SessionCookieName s', {}, (found) => void (found.dirty = true)).cookie, 's=;Max-Age=0;HttpOnly;Secure;Version=1')
  t.end()
})

t.test('a field of the response goes into the session', (t) => {
  const { r, cookie } = visit('SessionCookieName s path=/\nSessionHeader X', { Cookie: 's=A=1&b=2' }, (_, r) => r.headersOut.set('X', 'a=3&b=&c=4'))
  t.equal(cookie, 's=A=3&c=4;path=/')
  t.equal(r.headersOut.get('X'), undefined)
  t.end()
})

t.test('HTTP_SESSION and the cookie that nobody else sees', (t) => {
  const { r } = visit('SessionCookieName s path=/\nSessionEnv On\nSessionCookieRemove On', { Cookie: 'x=1; s=a=b', Session: 'forged' })
  t.equal(r.env.get('HTTP_SESSION'), 'a=b')
  t.equal(r.headersIn.get('Cookie'), 'x=1')
  t.equal(r.headersIn.get('Session'), undefined)
  t.end()
})

t.test('KeptBodySize', async (t) => {
  const body = async (size: number, ...pieces: string[]) => {
    let given: string | undefined
    const rest = pieces.map((piece) => Buffer.from(piece))
    const r = fakeRequest(configure(modules, `<Location />\nKeptBodySize ${size}\n</Location>`), {
      hasBody: true, read: () => Promise.resolve(rest.shift() ?? null), putBody: (bytes) => void (given = Buffer.from(bytes).toString()),
    })
    return [await keep(r), given]
  }
  t.strictSame(await body(5, 'abc', 'de'), [DECLINED, 'abcde'])
  t.strictSame(await body(4, 'abc', 'de'), [413, undefined])
})

t.test('refused when it is read', (t) => {
  const is = (text: string, message: string | undefined) => t.equal(refusal(modules, text), message, text)
  for (const size of ['x', '5k', '-1', '99999999999999999999']) is(`<Location />\nKeptBodySize ${size}\n</Location>`, 'KeptBodySize must be a valid size in bytes, or zero.')
  is('SessionCookieName', "SessionCookieName cannot be empty, or contain '=' or '&'.")
  is('SessionCookieName2 a=b', "SessionCookieName2 cannot be empty, or contain '=' or '&'.")
  is('SessionExpiryUpdateInterval -1', 'SessionExpiryUpdateInterval must be zero (disable) or a positive value')
  is('SessionMaxAge x', undefined)
  t.end()
})
