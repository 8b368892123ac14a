/* What lines of the access log are made of when connections take turns, and the short ways of well-known formats. */
import fc from 'fast-check'
import t from 'tap'
import { core } from '../../core/server/core_module.ts'
import { compileFormat, compileGenerally } from '../../modules/log_config/format.ts'
import { compileJson, DEFAULT_JSON, jsonString } from '../../modules/log_config/json.ts'
import { module as logConfig } from '../../modules/mod_log_config.ts'
import { make } from '../server/fake_connection.ts'
import { configure, fakeRequest, refusal } from './harness.ts'

process.env.TZ = 'UTC'
const configured = configure([core, logConfig], 'ServerName www.example.org')

t.test('an answer that has to wait is logged with its own request', (t) => {
  const lines: string[] = []
  const line = compileFormat('%r %{X}i %s')
  const made = make((list) => list.add({ symbol: 'capture_module', linkage: 'static', module: {
    name: 'capture_module', file: 'mod_capture.c',
    register: (hooks, on) => on(hooks.logTransaction, (r) => {
      lines.push(line(r))
      return 0
    }),
  } }))
  const { socket, engine } = made
  const owner = { resume: () => undefined, status: () => undefined }
  const slow = engine.connect(901, { address: '10.0.0.1', port: 1 }, undefined, owner)
  const other = engine.connect(902, { address: '10.0.0.2', port: 2 }, undefined, owner)
  socket.capacity = 1000
  made.say('GET /large HTTP/1.1\r\nHost: a\r\nX: slow\r\n\r\n')
  slow.advance()
  t.strictSame(lines, [], 'the socket is full')
  socket.capacity = Infinity
  made.say('GET /hello?with=a&longer=line HTTP/1.1\r\nHost: b\r\nY: 1\r\nX: other\r\n\r\n')
  other.advance()
  slow.advance()
  t.strictSame(lines, ['GET /hello?with=a&longer=line HTTP/1.1 other 200\n', 'GET /large HTTP/1.1 slow 200\n'])
  t.end()
})

/** Text of any bytes, one character each. */
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString('latin1'))
const maybe = fc.option(bytes, { nil: undefined })

const request = fc.record({
  user: maybe, requestLine: bytes, referer: maybe, agent: maybe, uri: bytes, args: maybe, method: bytes, filename: maybe,
  status: fc.integer({ min: 100, max: 599 }), bytesSent: fc.nat(), time: fc.nat({ max: 2_000_000_000_000 }),
}).map(({ referer, agent, time, ...rest }) => fakeRequest(configured, {
  ...rest, requestTime: time,
  headers: { ...(referer !== undefined && { Referer: referer }), ...(agent !== undefined && { 'User-Agent': agent }) },
}))

t.test('the short ways write what the general way writes', (t) => {
  const common = '%h %l %u %t "%r" %>s %b'
  for (const format of [common, `${common} "%{Referer}i" "%{User-Agent}i"`]) {
    const [short, long] = [compileFormat(format), compileGenerally(format)]
    fc.assert(fc.property(request, (r) => short(r) === long(r)))
    t.pass(format)
  }
  const answered = fakeRequest(configured, { status: 404, user: 'ann', requestLine: 'GET /error HTTP/1.1' })
  const asked = fakeRequest(configured, { requestLine: 'GET http://u:p@h/asked HTTP/1.1', next: answered, status: 200 })
  t.equal(compileFormat(common)(asked), compileGenerally(common)(asked), 'after an internal redirect')
  t.match(compileFormat(common)(asked), 'ann [')
  t.match(compileFormat(common)(asked), '"GET http://u:XXXXXXXX@h/asked HTTP/1.1" 404 -')
  t.end()
})

/** The bytes that a JSON string stands for. */
function bytesOf(text: string): string {
  let all = ''
  for (const char of text) {
    const code = char.codePointAt(0)!
    all += code >= 0xdc80 && code <= 0xdcff ? String.fromCharCode(code - 0xdc00) : Buffer.from(char, 'utf8').toString('latin1')
  }
  return all
}

/** As a program reads the log: a file of UTF-8. */
const parsed = (line: string): unknown => {
  const file = Buffer.from(line, 'latin1')
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file))
}

t.test('jsonString() gives all bytes back', (t) => {
  const is = (text: string, json: string) => t.equal(jsonString(text), json)
  is('plain', '"plain"')
  is('"\\\n\0\x7f', '"\\"\\\\\\n\\u0000\\u007f"')
  is('\xc3\xa9', '"\xc3\xa9"')
  is('\xe9', '"\\udce9"')
  is('\xed\xa0\x80', '"\\udced\\udca0\\udc80"')
  is('\xf4\x90\x80\x80', '"\\udcf4\\udc90\\udc80\\udc80"')
  fc.assert(fc.property(fc.oneof(bytes, fc.string({ unit: 'binary' }).map((text) =>
    Buffer.from(text, 'utf8').toString('latin1'))), (text) => bytesOf(parsed(jsonString(text)) as string) === text))
  t.end()
})

t.test('a JSON line is valid JSON whatever the request', (t) => {
  const line = compileJson(['"k\xe9y=%m', 'user=%u', 'file=%f', 'both=%U?%q', 'status=%>s', 'bytes=%B', 'b=%b', 'ref=%{Referer}i',
    'agent=%{User-Agent}i', 'none=%404{X}i', 'text=a"\\'])
  fc.assert(fc.property(request, (r) => {
    const text = line(r)
    if (text.indexOf('\n') !== text.length - 1) return false
    const got = parsed(text) as Record<string, string | number | null>
    const back = (key: string) => typeof got[key] === 'string' ? bytesOf(got[key]) : got[key]
    const query = r.args === undefined ? '' : `?${r.args}`
    const uri = r.uri === '' ? /^\S+ (?:[a-z][a-z0-9+.-]*:\/\/[^/?# ]*)?([^?# ]*)/i.exec(r.requestLine)?.[1] || '-' : r.uri
    return back('"k\udce9y') === (r.method || null) && back('user') === (r.user ?? null) && back('file') === (r.filename ?? null) &&
      back('both') === `${uri}?${query}` && got['status'] === r.status && got['bytes'] === r.bytesSent &&
      back('ref') === (r.headersIn.get('Referer') ?? null) && back('agent') === (r.headersIn.get('User-Agent') ?? null)
  }))
  t.strictSame(parsed(compileJson(DEFAULT_JSON)(fakeRequest(configured, { requestTime: 4_000_000_000_123.4, bytesSent: 7 }))), {
    time: '2096-10-02T07:06:40.123Z', server: 'www.example.org', client: '192.0.2.7', user: null, method: 'GET', uri: '/',
    query: '', protocol: 'HTTP/1.1', status: 200, bytes: 7, duration_us: 0,
    referer: null, agent: null,
  })
  t.end()
})

t.test('quotes around a format alone are none of it', (t) => {
  t.same(parsed(compileJson(['m="%m"', "u='%U'"])(fakeRequest(configured, { method: 'GET', uri: '/x' }))), { m: 'GET', u: '/x' })
  t.end()
})

t.test('JsonLogFormat refuses', (t) => {
  const is = (text: string, message: string) => t.equal(refusal([core, logConfig], text), message, text)
  is('JsonLogFormat x novalue', 'Cannot use "novalue": it must be KEY=FORMAT')
  is('JsonLogFormat x r="%m %U"', 'Cannot use r="%m: with blanks in the format, quotes stand around all of "KEY=FORMAT"')
  is('JsonLogFormat x =%h', 'Cannot use "=%h": it must be KEY=FORMAT')
  is('JsonLogFormat x a=%h a=%m', 'Cannot use "a=%m": the key a is there already')
  is('JsonLogFormat x a=%Z', 'Unrecognized LogFormat directive %Z')
  is('JsonLogFormat a=%h b=%m', 'JsonLogFormat takes a name first, a format name, and KEY=FORMAT for each member of the object that a line is')
  t.end()
})
