// The request head parser against its text cases, fed in pieces of every size, and its properties on random bytes.

import fc from 'fast-check'
import fs from 'node:fs'
import t from 'tap'
import { parseHead } from '../../core/http/head_parser.ts'
import { HEADER, HEADER_NAMES, headerNumberAt } from '../../core/http/known_headers.ts'
import { DEFAULT_LIMITS } from '../../core/http/limits.ts'
import type { Limits } from '../../core/http/limits.ts'
import { RequestHead } from '../../core/http/request_head.ts'
import { readCases } from './case_file.ts'
import { describe } from './describe.ts'

const FOLDER = 'test/cases/http-parser'
/** Bytes before and behind the input, which the parser must not look at. */
const PAD = 7

const head = new RequestHead()

/** Feeds a growing prefix, `size` bytes more each time, as a connection would. */
function feed(bytes: Buffer, size: number, limits: Limits): string {
  const buffer = Buffer.alloc(bytes.length + 2 * PAD, '\n')
  let used = 0
  let seen = 0
  for (let end = 0; end < bytes.length && used === 0;) {
    const next = Math.min(end + size, bytes.length)
    bytes.copy(buffer, PAD + end, end, next)
    end = next
    used = parseHead(head, buffer, PAD, PAD + end, limits, seen)
    seen = head.scanned
  }
  return describe(head, used)
}

for (const file of fs.readdirSync(FOLDER).sort()) {
  t.test(file, (t) => {
    for (const { title, limits, bytes, expected } of readCases(`${FOLDER}/${file}`)) {
      t.equal(feed(bytes, bytes.length, limits), expected, title)
      const sizes = bytes.length < 600 ? bytes.length : 5
      for (let size = 1; size < sizes; size++) {
        const found = feed(bytes, size, limits)
        if (found !== expected) t.equal(found, expected, `${title}, in pieces of ${size}`)
      }
    }
    t.end()
  })
}

t.test('parseHead() stays linear when a long head drips in', (t) => {
  const limits = { ...DEFAULT_LIMITS, fields: 0 }
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\n${'A: b\r\n c\r\n'.repeat(6000)}\r\n`)
  const started = performance.now()
  t.match(feed(bytes, 1, limits), /^ok 60027\n/)
  t.ok(performance.now() - started < 5000, 'in pieces of one byte')
  t.end()
})

t.test('detach() survives the reuse of the buffer', (t) => {
  const text = 'GET /a?b HTTP/1.1\r\nHost: Example.com:81\r\nX: 1\r\nx: 2\r\nCookie: a=b\r\n c\r\n\r\n'
  const bytes = Buffer.from(`\r\n${text}`)
  const used = parseHead(head, bytes, 0, bytes.length, DEFAULT_LIMITS)
  const before = describe(head, used)
  const copy = head.detach()
  bytes.fill(0x58)
  head.begin(bytes, 0)
  t.equal(describe(copy, used), before)
  t.equal(copy.requestLine(), 'GET /a?b HTTP/1.1')
  t.equal(copy.get('X'), '1, 2')
  t.equal(copy.value(HEADER.COOKIE), 'a=b c')
  t.equal(copy.hostname(), 'example.com')
  t.end()
})

t.test('fields are found by number and by name', (t) => {
  const bytes = Buffer.from('GET / HTTP/1.1\r\nhost: h\r\nACCEPT: a\r\nX-Odd: 1\r\nAccept: b\r\nx-odd: 2\r\n\r\n')
  t.ok(parseHead(head, bytes, 0, bytes.length, DEFAULT_LIMITS) > 0)
  t.equal(head.value(HEADER.ACCEPT), 'a, b')
  t.equal(head.get('aCCept'), 'a, b')
  t.equal(head.get('X-ODD'), '1, 2')
  t.equal(head.get('x-od'), undefined)
  t.equal(head.value(HEADER.RANGE), undefined)
  t.ok(head.has(HEADER.HOST))
  t.notOk(head.has(HEADER.COOKIE))
  t.same([...head.fields()].map(([name]) => name), ['host', 'ACCEPT', 'X-Odd', 'Accept', 'x-odd'])
  const again = Buffer.from('GET / HTTP/1.1\r\nHost: h\r\nAccept: c\r\n\r\n')
  t.ok(parseHead(head, again, 0, again.length, DEFAULT_LIMITS) > 0)
  t.equal(head.value(HEADER.ACCEPT), 'c', 'nothing is left of the request before')
  t.end()
})

t.test('headerNumberAt() knows every name in any case and nothing else', (t) => {
  for (const [number, name] of HEADER_NAMES.entries()) {
    for (const spelling of [name, name.toUpperCase()]) {
      t.equal(headerNumberAt(Buffer.from(spelling), 0, name.length), number, spelling)
    }
    const other = Buffer.from(`${name.slice(0, 1)}_${name.slice(2)}`)
    t.equal(headerNumberAt(other, 0, other.length), -1, `not ${other.toString()}`)
  }
  t.end()
})

/** Bytes that look like requests often enough to get deep into the parser. */
const pieces = fc.oneof(
  fc.constantFrom('GET ', 'POST ', '/', '/a', ' HTTP/1.1', ' HTTP/1.0', '\r\n', '\n', '\r', ' ', '\t', ':', 'Host: h',
    'Content-Length: 1', 'Transfer-Encoding: chunked', 'A: b', '\r\n c', '\r\n\r\n', 'Connection: close', 'Expect: x'),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
)
const starts = fc.constantFrom('', '\r\n', 'GET / HTTP/1.1\r\nHost: h\r\n')
const requests = fc.tuple(starts, fc.array(pieces, { maxLength: 24 }))
  .map(([start, rest]) => Buffer.from(start + rest.join(''), 'latin1'))

for (const strict of [true, false]) {
  t.test(`any bytes give one answer however they are cut (${strict ? 'Strict' : 'Unsafe'})`, (t) => {
    const limits = { ...DEFAULT_LIMITS, strict, line: 40, fieldSize: 30, fields: 4 }
    t.doesNotThrow(() => {
      fc.assert(fc.property(requests, fc.integer({ min: 1, max: 40 }), (bytes, size) => {
        const whole = feed(bytes, Math.max(1, bytes.length), limits)
        const cut = feed(bytes, size, limits)
        if (whole !== cut) throw new Error(`whole: ${whole}\ncut: ${cut}`)
      }), { numRuns: 4000 })
    })
    t.end()
  })
}
