// Conditional requests: one table, each row a request and its answer. All rows were held against Apache 2.4.

import t from 'tap'
import { httpDate } from '../../core/base/dates.ts'
import { evaluate, ifRangeHolds } from '../../core/http/conditional.ts'
import type { Validators } from '../../core/http/conditional.ts'
import { DEFAULT_ETAG, fileETag, listHasETag, sameETag } from '../../core/http/etag.ts'
import { parseHead } from '../../core/http/head_parser.ts'
import { DEFAULT_LIMITS } from '../../core/http/limits.ts'
import { RequestHead } from '../../core/http/request_head.ts'

const MTIME = Date.UTC(2026, 10, 20, 9, 0, 0)
const NOW = MTIME + 3_600_000
const TAG = '"64-60dedc04dd340"'
const [BEFORE, AT, AFTER, FUTURE] = [MTIME - 1000, MTIME, MTIME + 1000, NOW + 86_400_000].map((ms) => httpDate(ms)) as
  [string, string, string, string]

const head = new RequestHead()

function ask(method: string, fields: Record<string, string>): RequestHead {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const bytes = Buffer.from(`${method} / HTTP/1.1\r\nHost: h\r\n${lines}\r\n`)
  t.ok(parseHead(head, bytes, 0, bytes.length, DEFAULT_LIMITS) > 0)
  return head
}

function validators(request: RequestHead, changes: Partial<Validators> = {}): Validators {
  return { methodNumber: request.methodNumber, status: 200, etag: TAG, mtimeMs: MTIME + 400, nowMs: NOW, ...changes }
}

const ROWS: Array<[method: string, fields: Record<string, string>, answer: 'go' | 304 | 412]> = [
  ['GET', {}, 'go'],
  ['GET', { 'If-Match': TAG }, 'go'],
  ['GET', { 'If-Match': `"x", ${TAG}` }, 'go'],
  ['GET', { 'If-Match': '*' }, 'go'],
  ['GET', { 'If-Match': '"x"' }, 412],
  ['GET', { 'If-Match': `W/${TAG}` }, 412],
  ['GET', { 'If-Match': '' }, 412],
  ['GET', { 'If-Unmodified-Since': AT }, 'go'],
  ['GET', { 'If-Unmodified-Since': BEFORE }, 412],
  ['GET', { 'If-Unmodified-Since': 'junk' }, 'go'],
  ['GET', { 'If-None-Match': TAG }, 304],
  ['GET', { 'If-None-Match': `W/${TAG}` }, 304],
  ['GET', { 'If-None-Match': `W/${TAG}`, 'Range': 'bytes=0-1' }, 'go'],
  ['GET', { 'If-None-Match': '*' }, 304],
  ['GET', { 'If-None-Match': '"x"' }, 'go'],
  ['GET', { 'If-None-Match': TAG.slice(1, -1) }, 'go'],
  ['HEAD', { 'If-None-Match': TAG }, 304],
  ['POST', { 'If-None-Match': TAG }, 412],
  ['POST', { 'If-None-Match': `W/${TAG}` }, 'go'],
  ['PUT', { 'If-None-Match': '*' }, 412],
  ['GET', { 'If-Modified-Since': AT }, 304],
  ['GET', { 'If-Modified-Since': AFTER }, 304],
  ['GET', { 'If-Modified-Since': BEFORE }, 'go'],
  ['GET', { 'If-Modified-Since': FUTURE }, 'go'],
  ['GET', { 'If-Modified-Since': 'junk' }, 'go'],
  ['POST', { 'If-Modified-Since': AT }, 'go'],
  ['GET', { 'If-Modified-Since': 'Friday, 20-Nov-26 09:00:00 GMT' }, 304],
  ['GET', { 'If-Modified-Since': 'Fri Nov 20 09:00:00 2026' }, 304],
  ['GET', { 'If-None-Match': TAG, 'If-Modified-Since': AT }, 304],
  ['GET', { 'If-None-Match': TAG, 'If-Modified-Since': BEFORE }, 'go'],
  ['GET', { 'If-None-Match': TAG, 'If-Modified-Since': 'junk' }, 'go'],
  ['GET', { 'If-None-Match': '"x"', 'If-Modified-Since': AT }, 'go'],
  ['GET', { 'If-None-Match': TAG, 'If-Unmodified-Since': AT }, 'go'],
  ['GET', { 'If-Match': TAG, 'If-None-Match': TAG }, 304],
  ['GET', { 'If-Match': '"x"', 'If-None-Match': TAG }, 412],
]

t.test('evaluate()', (t) => {
  for (const [method, fields, answer] of ROWS) {
    const request = ask(method, fields)
    t.equal(evaluate(validators(request), request), answer, `${method} ${JSON.stringify(fields)}`)
  }
  const request = ask('GET', { 'If-None-Match': TAG })
  t.equal(evaluate(validators(request, { status: 404 }), request), 'go', 'only successes are conditional')
  t.equal(evaluate(validators(request, { etag: undefined }), request), 'go', 'no tag, no match')
  t.equal(evaluate(validators(request, { etag: `W/${TAG}` }), request), 304, 'a weak tag of ours is enough for 304')
  const guarded = ask('GET', { 'If-Match': TAG })
  t.equal(evaluate(validators(guarded, { etag: `W/${TAG}` }), guarded), 412, 'but not for If-Match')
  t.end()
})

t.test('ifRangeHolds()', (t) => {
  const holds = (value: string | undefined, changes: Partial<Validators> = {}): boolean => {
    const request = ask('GET', value === undefined ? {} : { 'If-Range': value })
    return ifRangeHolds(validators(request, changes), request)
  }
  t.ok(holds(undefined))
  t.ok(holds(TAG))
  t.notOk(holds(`W/${TAG}`))
  t.notOk(holds('"x"'))
  t.notOk(holds(`${TAG}, "x"`))
  t.ok(holds(AT))
  t.notOk(holds(BEFORE))
  t.notOk(holds(AFTER))
  t.notOk(holds('junk'))
  t.notOk(holds(AT, { nowMs: MTIME + 59_000 }), 'the date of a young file is weak')
  t.notOk(holds(TAG, { etag: `W/${TAG}` }))
  t.end()
})

t.test('fileETag()', (t) => {
  const mtime = 1_704_067_200_000_000
  const later = mtime + 2_000_000
  t.equal(fileETag(DEFAULT_ETAG, 7, 100, mtime, later), `"64-${mtime.toString(16)}"`)
  t.equal(fileETag({ inode: true, mtime: true, size: true }, 7, 100, mtime, later), `"7-64-${mtime.toString(16)}"`)
  t.equal(fileETag({ inode: false, mtime: false, size: true }, 7, 100, mtime, later), '"64"')
  t.equal(fileETag({ inode: false, mtime: false, size: false }, 7, 100, mtime, later), undefined)
  t.equal(fileETag(DEFAULT_ETAG, 7, 100, mtime, mtime + 1_000_000), `W/"64-${mtime.toString(16)}"`, 'young')
  t.end()
})

t.test('tags are compared strongly or weakly', (t) => {
  t.ok(sameETag('"a"', '"a"', true))
  t.notOk(sameETag('W/"a"', 'W/"a"', true))
  t.ok(sameETag('W/"a"', '"a"', false))
  t.ok(listHasETag('"a,b", "c"', '"a,b"', true), 'a comma inside quotes belongs to the tag')
  t.notOk(listHasETag('"a,b"', '"a', true))
  t.ok(listHasETag(' , "c"', '"c"', true))
  t.end()
})
