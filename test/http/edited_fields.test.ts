/* Request headers that somebody changes: what the head says of them follows. */
import t from 'tap'
import { parseHead } from '../../core/http/head_parser.ts'
import { HEADER } from '../../core/http/known_headers.ts'
import { DEFAULT_LIMITS } from '../../core/http/limits.ts'
import { RequestHead } from '../../core/http/request_head.ts'

function headOf(...lines: string[]): RequestHead {
  const head = new RequestHead()
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1')
  if (parseHead(head, bytes, 0, bytes.length, DEFAULT_LIMITS, 0) !== bytes.length) throw new Error('not a head')
  return head
}

const lines = (head: RequestHead): string => [...head.fields()].map((field) => field.join(': ')).join('; ')

t.test('changes', (t) => {
  const head = headOf('Range: bytes=1-2', 'X: a', 'x: b', 'Y: c')
  t.equal(lines(head), 'Host: h; Range: bytes=1-2; X: a; x: b; Y: c')
  const edited = head.edit()
  t.equal(head.edit(), edited)
  t.equal(lines(head), 'Host: h; Range: bytes=1-2; X: a, b; Y: c', 'joined')
  edited.unset('range')
  edited.set('If-Range', '"e"')
  edited.merge('X', 'c')
  edited.add('y', 'd')
  t.strictSame([head.has(HEADER.RANGE), head.value(HEADER.RANGE), head.get('Range')], [false, undefined, undefined])
  t.strictSame([head.has(HEADER.IF_RANGE), head.value(HEADER.IF_RANGE), head.get('if-range')], [true, '"e"', '"e"'])
  t.strictSame([head.get('x'), head.get('Y'), head.value(HEADER.HOST)], ['a, b, c', 'c', 'h'])
  t.equal(lines(head), 'Host: h; X: a, b, c; Y: c; If-Range: "e"; y: d')
  edited.set('Y', 'e')
  t.equal(lines(head), 'Host: h; X: a, b, c; Y: e; If-Range: "e"')
  t.end()
})

t.test('Host and Connection', (t) => {
  const head = headOf('Connection: close')
  head.replacedHost = 'other'
  t.equal(head.edit().get('Host'), 'other')
  head.edit().set('Host', 'third')
  t.equal(head.value(HEADER.HOST), 'third')
  t.equal(head.wantsKeepAlive(), false)
  head.edit().set('Connection', 'Keep-Alive, x')
  t.strictSame([head.wantsKeepAlive(), head.connectionKeepAlive], [true, true])
  head.edit().set('Connection', 'x ,CLOSE')
  t.equal(head.wantsKeepAlive(), false)
  t.end()
})

t.test('a copy that lasts has changes of its own', (t) => {
  const head = headOf('X: a')
  head.edit().add('X', 'b')
  const copy = head.detach()
  copy.edit().set('Range', 'bytes=0-0')
  t.equal(lines(copy), 'Host: h; X: a; X: b; Range: bytes=0-0')
  t.strictSame([copy.has(HEADER.RANGE), head.has(HEADER.RANGE)], [true, false])
  head.begin(Buffer.alloc(0), 0)
  t.equal(lines(head), '')
  t.equal(copy.get('X'), 'a')
  t.end()
})

t.test('the next request on the same head knows nothing of the changes', (t) => {
  const head = headOf()
  head.edit().set('Range', 'bytes=0-0')
  const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n', 'latin1')
  t.equal(parseHead(head, bytes, 0, bytes.length, DEFAULT_LIMITS, 0), bytes.length)
  t.strictSame([head.has(HEADER.RANGE), head.value(HEADER.RANGE)], [false, undefined])
  t.end()
})
