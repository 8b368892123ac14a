// Byte ranges: Apache's choices, limits, and that no range leaves the file.

import fc from 'fast-check'
import t from 'tap'
import {
  contentRange, DEFAULT_RANGE_LIMITS, multipartEnd, multipartLength, multipartType, parseRange, partHead, rangeBoundary,
} from '../../core/http/range.ts'
import type { ByteRange } from '../../core/http/range.ts'

function ranges(value: string, length = 100): string {
  const found = parseRange(value, length, DEFAULT_RANGE_LIMITS)
  return Array.isArray(found) ? found.map((range) => range.join('-')).join(',') : String(found)
}

const list = (n: number, spec: (i: number) => string): string =>
  `bytes=${Array.from({ length: n }, (_, i) => spec(i)).join(',')}`

t.test('parseRange() on 100 bytes', (t) => {
  const cases: Array<[string, string]> = [
    ['bytes=0-9', '0-9'], ['BYTES=0-9', '0-9'], ['bytes=90-', '90-99'], ['bytes=-10', '90-99'], ['bytes=-500', '0-99'],
    ['bytes=0-', '0-99'], ['bytes=50-60,0-,x', '0-99'], ['bytes=90-200', '90-99'], ['bytes=0-0,99-99', '0-0,99-99'],
    ['bytes=0-50,40-99', '0-99'], ['bytes=0-9,10-19', '0-19'], ['bytes=10-19,0-9', '0-19'],
    ['bytes=0-9,100-200', '0-9'], ['bytes=20-29,0-9', '20-29,0-9'], ['bytes=0-1,,3-4', '0-1,3-4'],
    ['bytes=0-1,', '0-1'], ['bytes=100-', '416'], ['bytes=100-200,300-', '416'],
    ['bytes=9-5', 'ignore'], ['bytes=-0', 'ignore'], ['bytes=abc', 'ignore'], ['bytes=', 'ignore'],
    ['bytes=,0-1', 'ignore'], ['bytes=0-1, 3-4', 'ignore'], ['bytes= 0-1', 'ignore'], ['bytes =0-1', 'ignore'],
    ['bytes=+1-2', 'ignore'], ['bytes=1-2-3', 'ignore'], ['bytes=-', 'ignore'], ['bytes=0-1,x', 'ignore'],
    ['items=0-1', 'ignore'], ['bytes=1-99999999999999999999', 'ignore'], ['bytes=0-60,70-80,0-40', 'ignore'],
  ]
  for (const [value, expected] of cases) t.equal(ranges(value), expected, value)
  t.end()
})

t.test('parseRange() gives up on wasteful lists', (t) => {
  t.equal(ranges(list(50, (i) => `${i}-${i}`)), 'ignore', '50 touching ranges are 49 overlaps')
  t.equal(ranges(list(21, (i) => `${i}-${i}`)), '0-20', '20 overlaps pass')
  t.equal(ranges(list(22, (i) => `${i}-${i}`)), 'ignore', '21 do not')
  t.equal(ranges(list(21, (i) => `${99 - i}-${99 - i}`)), '79-99', '20 reversals pass')
  const apart = ranges(list(50, (i) => `${98 - i * 2}-${98 - i * 2}`))
  t.equal(apart.split(',').length, 50, 'backwards, but apart from each other: no reversal')
  t.equal(ranges(list(200, (i) => `${i * 3}-${i * 3}`), 1000).split(',').length, 200, '200 ranges pass')
  t.equal(ranges(list(201, (i) => `${i * 3}-${i * 3}`), 1000), 'ignore', '201 do not')
  const limits = { ...DEFAULT_RANGE_LIMITS, ranges: 0, overlaps: 0, reversals: 0 }
  t.same(parseRange(list(99, (i) => `${98 - i}-${98 - i}`), 100, limits), [[0, 98]], '0 is unlimited')
  t.equal(parseRange('bytes=0-1', 100, { ...limits, ranges: -1 }), 'ignore', 'MaxRanges none')
  t.end()
})

t.test('an empty file has no range', (t) => {
  t.equal(ranges('bytes=0-', 0), 'ignore')
  t.equal(ranges('bytes=0-0', 0), 'ignore')
  t.equal(ranges('bytes=-5', 0), 'ignore')
  t.end()
})

t.test('multipart texts', (t) => {
  const boundary = rangeBoundary(1_790_000_000_000_000, 7)
  t.match(boundary, /^[0-9a-f]{16}$/)
  t.not(boundary, rangeBoundary(1_790_000_000_000_000, 8))
  t.equal(multipartType('B'), 'multipart/byteranges; boundary=B')
  t.equal(contentRange([0, 9], 100), 'bytes 0-9/100')
  t.equal(partHead('B', 'text/plain', [0, 9], 100),
    '\r\n--B\r\nContent-type: text/plain\r\nContent-range: bytes 0-9/100\r\n\r\n')
  t.equal(multipartEnd('B'), '\r\n--B--\r\n')
  const parts: ByteRange[] = [[0, 9], [20, 29]]
  const body = parts.map((range) => partHead('B', 'a/b', range, 100) + 'x'.repeat(10)).join('') + multipartEnd('B')
  t.equal(multipartLength('B', 'a/b', parts, 100), body.length)
  t.end()
})

t.test('no range leaves the file', (t) => {
  const number = fc.integer({ min: 0, max: 130 })
  const spec = fc.oneof(
    fc.tuple(number, number).map(([a, b]) => `${a}-${b}`), number.map((a) => `${a}-`), number.map((n) => `-${n}`),
  )
  const lists = fc.array(spec, { maxLength: 8 })
  t.doesNotThrow(() => fc.assert(fc.property(lists, fc.integer({ min: 0, max: 120 }), (specs, length) => {
    const found = parseRange(`bytes=${specs.join(',')}`, length, DEFAULT_RANGE_LIMITS)
    if (!Array.isArray(found)) return
    if (found.length === 0) throw new Error('no range')
    let sum = 0
    for (const [first, last] of found) {
      if (first < 0 || first > last || last >= length) throw new Error(`${first}-${last} of ${length}`)
      sum += last - first + 1
    }
    if (sum > length) throw new Error('more than the file')
  }), { numRuns: 5000 }))
  t.end()
})
