// Headers of scripts and of files that are sent as they are; what mod_asis, mod_actions and mod_usertrack make of a request.
import fc from 'fast-check'
import t from 'tap'
import { module as actions } from '../../modules/mod_actions.ts'
import { escapeForensic, module as forensic } from '../../modules/mod_log_forensic.ts'
import { module as logDebug } from '../../modules/mod_log_debug.ts'
import { module as usertrack, netscapeDate, secondsOf } from '../../modules/mod_usertrack.ts'
import { applyScriptHeaders, readScriptHeaders } from '../../modules/shared/script/headers.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

const read = (text: string) => readScriptHeaders(Buffer.from(text, 'latin1'), '/x/name.asis')

t.test('readScriptHeaders()', (t) => {
  t.same(read('A: 1\r\nB:  2 \n\nbody\n\n'), { fields: [['A', '1'], ['B', '2 ']], end: 14, fault: undefined })
  t.same(read('\nbody'), { fields: [], end: 1, fault: undefined })
  t.match(read(''), { fault: 'End of script output before headers: name.asis' })
  t.match(read('A: 1\n'), { fields: [['A', '1']], fault: 'Premature end of script headers: name.asis' })
  t.match(read('A: 1\nno header that ends anywhere soon\n\n'),
    { fault: "malformed header from script 'name.asis': Bad header: no header that ends anywhere s" })
  t.match(read(`A:${'x'.repeat(9000)}\n\n`), { fault: /^malformed header/ }, 'a line that is too long is two')
  t.end()
})

t.test('readScriptHeaders() comes to an end, within what it was given', (t) => {
  const piece = fc.constantFrom('A:', 'b', '\n', '\r', '\0', ' ', 'Status: 200', '\n\n')
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
    const text = pieces.join('')
    const { end, fault } = read(text)
    return end <= text.length && (fault !== undefined || /(?:^|\n)\r?(?:\0[^\n]*)?\n?$/.test(text.slice(0, end)))
  }))
  t.end()
})

t.test('applyScriptHeaders()', (t) => {
  const apply = (text: string, more: Wanted = {}) => {
    const r = fakeRequest(configure([], ''), more)
    applyScriptHeaders(r, read(text), 'asis')
    return { r, out: [...r.headersOut], always: [...r.errHeadersOut] }
  }
  const one = apply('Status: 404 Not here\nContent-Type: TEXT/X; A=B \nX-A: 1\nX-A: 2\nSet-Cookie: a\nSet-Cookie: b\nETag: "e"\n\n')
  t.match(one, { r: { status: 404, statusText: 'Not here', contentType: 'text/x; A=B' }, out: [['ETag', '"e"']] })
  t.same(one.always, [['X-A', '1, 2'], ['Set-Cookie', 'a'], ['Set-Cookie', 'b']])
  t.match(apply('Status: 100 Continue\n\n').r, { status: 500 })
  t.match(apply('Status: 42\n\n').r, { status: 500, statusText: undefined })
  t.equal(apply('Status: 200 a\x07b\n\n').r.statusText, undefined, 'no control character in a status line')
  t.same(apply('Content-Length: 5\n\n').out, [], 'the length of a body is counted')
  t.same(apply('Content-Length: 5\n\n', { isHead: true }).out, [['Content-Length', '5']])
  t.same(apply('Last-Modified: never\n\n').out, [])
  t.same(apply('X-A: 1\nETag: x\nbad\n\n').always, [], 'of what is not whole only what belongs to the body')
  t.end()
})

t.test('Action and Script', (t) => {
  const to = (conf: string, more: Wanted) => {
    const configured = configure([actions], conf)
    let target: string | undefined
    const r = fakeRequest(configured, { uri: '/a b', internalRedirectUri: (uri) => { target = uri; return 0 }, ...more })
    const answer = configured.modules.hooks.handler.run(r)
    return target ?? answer
  }
  const file = { finfo: { type: 'file', size: 1, mtimeMs: 0, ino: 1, mode: 0 } } as const
  t.equal(to('Action text/x /run', { contentType: 'text/x; charset=y', args: 'q', ...file }), '/run/a%20b?q')
  t.equal(to('Action h /run', { handler: 'h', contentType: 'text/x' }), 404, 'there is no file')
  t.equal(to('Action h /run VIRTUAL', { handler: 'h' }), '/run/a%20b')
  t.equal(to('Action Text/X /run', { contentType: 'text/x', ...file }), '/run/a%20b', 'case does not count')
  t.equal(to('Action h-h /run virtual', { handler: 'H-H' }), '/run/a%20b')
  t.equal(to('Action Text/X /one\nAction text/x /two', { contentType: 'text/x', ...file }), '/two/a%20b', 'the last one of a name')
  t.equal(to('Action h /run\nScript GET /get', { handler: '__proto__' }), -1, 'no name is one of Object')
  t.equal(to('Script GET /get', {}), -1, 'no query')
  t.equal(to('Script GET /get', { args: '', method: 'HEAD' }), '/get/a%20b?')
  t.equal(to('Script PUT /put', { method: 'PUT' }), '/put/a%20b')
  const twice = { prev: fakeRequest(configure([], ''), { prev: fakeRequest(configure([], '')) }) }
  t.equal(to('Script PUT /put', { method: 'PUT', ...twice }), -1, 'the way does not lead here again')
  t.equal(refusal([actions], 'Script TRACE /x'), 'TRACE not allowed for Script')
  t.equal(refusal([actions], 'Action a b other'), "unrecognized option 'other'")
  t.end()
})

t.test('CookieTracking', (t) => {
  const cookie = (conf: string, header?: string) => {
    const configured = configure([usertrack], conf)
    const r = fakeRequest(configured, {
      requestTime: Date.UTC(2026, 0, 2, 3, 4, 5), ...(header !== undefined && { headers: { Cookie: header } }),
    })
    void configured.modules.hooks.fixups.run(r)
    const fields = [...r.errHeadersOut].map(([name, value]) => `${name}: ${value.replace(/=[0-9a-f]+\.[0-9a-f]+/, '=ID')}`)
    return { fields, note: r.notes.get('cookie') }
  }
  t.same(cookie('CookieTracking On').fields, ['Set-Cookie: Apache=ID; path=/'])
  t.match(cookie('CookieTracking On').note, /^[0-9a-f]{1,8}\.6475ef64cf340$/)
  t.same(cookie('CookieTracking On\nCookieExpires "1 week"').fields,
    ['Set-Cookie: Apache=ID; path=/; expires=Fri, 09-Jan-26 03:04:05 GMT'])
  t.same(cookie('CookieTracking On\nCookieStyle RFC2965\nCookieDomain .x.y\nCookieExpires 9\nCookieSecure On').fields,
    ['Set-Cookie2: Apache=ID; path=/; max-age=9; domain=.x.y; version=1; Secure'])
  t.same(cookie('CookieTracking On\nCookieName a.b', 'x=1; a.b=v w; c'), { fields: [], note: 'v w' })
  t.equal(cookie('CookieTracking On\nCookieName a.b', 'aXb=v').fields.length, 1, 'the name is no expression')
  t.same(cookie('CookieTracking On\n<Location /x>\nCookieSecure On\n</Location>').fields, ['Set-Cookie: Apache=ID; path=/; Secure'])
  t.match(refusal([usertrack], 'CookieName "a; b"'), /^Cannot use cookie name/)
  t.equal(secondsOf('plus 1 year 2 months'), 31536000 + 2 * 2592000)
  t.equal(netscapeDate(Date.UTC(2005, 8, 7)), 'Wed, 07-Sep-05 00:00:00 GMT')
  t.end()
})

t.test('escapeForensic() leaves nothing that ends a field', (t) => {
  t.equal(escapeForensic('a:b|c%d\xe4\n'), 'a%3ab%7cc%25d%e4%0a')
  fc.assert(fc.property(fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }), (text) => {
    const escaped = escapeForensic(text)
    return /^[\x20-\x7e]*$/.test(escaped) && !/[:|]/.test(escaped) && unescape(escaped) === text
  }))
  t.equal(refusal([forensic], '<Location /x>\nForensicLog\n</Location>'), 'ForensicLog takes one argument, the filename of the forensic log')
  t.end()
})

t.test('LogMessage', (t) => {
  const conf = configure([logDebug], 'LogMessage outer\nLogMessage no expr=false\n<Location /x>\nLogMessage "at %{REQUEST_URI}" hook=fixups\n</Location>')
  const r = fakeRequest(conf, { uri: '/x' })
  void conf.modules.hooks.fixups.run(r)
  void conf.modules.hooks.logTransaction.run(r)
  t.same(r.logged.map(({ message }) => message), ['at /x', 'outer'])
  t.equal(refusal([logDebug], 'LogMessage a hook=nix'), 'Invalid hook name: nix')
  t.equal(refusal([logDebug], 'LogMessage a nix'), 'Invalid argument nix')
  t.end()
})
