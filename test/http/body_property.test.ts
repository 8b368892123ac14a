// Bodies: chunks against a decoder that sees all bytes at once, and ranges against lists of bytes.

import fc from 'fast-check'
import t from 'tap'
import {
  CHUNK_BAD, CHUNK_DATA, CHUNK_DONE, CHUNK_MORE, CHUNK_TAIL, ChunkedDecoder, chunkHead, LAST_CHUNK, type ChunkLimits,
} from '../../core/http/chunked.ts'
import { DEFAULT_RANGE_LIMITS, multipartEnd, multipartLength, parseRange, partHead, type RangeLimits } from '../../core/http/range.ts'
import { byteStrings, cuts, holds, pieces, same } from '../support/property.ts'

// Chunks.

interface Decoded {
  readonly end: 'done' | 'more' | number
  readonly body: string
  /** What belongs to the next request. */
  readonly rest: string
}

function decode(parts: readonly string[], limits: ChunkLimits): Decoded {
  const decoder = new ChunkedDecoder(limits)
  let body = ''
  let sent = 0
  const whole = parts.join('')
  for (const part of parts) {
    const bytes = Buffer.from(part, 'latin1')
    for (let at = 0; ; at = decoder.at) {
      const answer = decoder.feed(bytes, at, bytes.length)
      if (answer === CHUNK_DATA) body += bytes.toString('latin1', decoder.dataStart, decoder.dataEnd)
      else if (answer === CHUNK_DONE) return { end: 'done', body, rest: whole.slice(sent + decoder.at) }
      else if (answer === CHUNK_BAD) return { end: decoder.fault!.status, body, rest: '' }
      else if (answer === CHUNK_MORE) break
    }
    sent += part.length
  }
  return { end: 'more', body, rest: '' }
}

const LIMITS: ChunkLimits = { line: 40, fields: 3, fieldSize: 20 }

/** The grammar of RFC 9112 section 7.1, with blanks behind the size as Apache tolerates them. */
const SIZE = /^([0-9A-Fa-f]+)([ \t]{0,10})(;[^\0-\x08\n-\x1f\x7f]*)?\r\n/
const TRAILERS = /^((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0-\x08\n-\x1f\x7f]*\r\n)*)\r\n/

/** undefined: not a complete chunked body that keeps the limits. */
function reference(text: string): { body: string; rest: string } | undefined {
  let body = ''
  for (let left = text; ;) {
    const size = SIZE.exec(left)
    if (size === null || size[0].length > LIMITS.line) return undefined
    const length = BigInt(`0x${size[1]!}`)
    left = left.slice(size[0].length)
    if (length === 0n) {
      const trailers = TRAILERS.exec(left)
      if (trailers === null) return undefined
      const lines = trailers[1]!.split('\r\n').slice(0, -1)
      if (lines.length > LIMITS.fields || lines.some((line) => line.length > LIMITS.fieldSize + 1)) return undefined
      return { body, rest: left.slice(trailers[0].length) }
    }
    if (length > BigInt(left.length) || left.slice(Number(length), Number(length) + 2) !== '\r\n') return undefined
    body += left.slice(0, Number(length))
    left = left.slice(Number(length) + 2)
  }
}

const extension = fc.oneof({ weight: 5, arbitrary: fc.constant('') }, fc.constantFrom(' ', '\t \t', ';', ';a=b', ' ;a="\xff"', ' '.repeat(10), ' '.repeat(11),
  ';\n', ';a\rb', ';\0', 'x', '\0', ` ${';x'.repeat(18)}`, `;${'x'.repeat(35)}`, `;${'x'.repeat(36)}`, `;${'x'.repeat(37)}`))
const chunk = fc.tuple(byteStrings(20), fc.constantFrom('', '', '0', '0000000'), extension, fc.constantFrom(0, 0, 0, 0, 1, -1), fc.boolean(),
  fc.oneof({ weight: 9, arbitrary: fc.constant('\r\n') }, fc.constantFrom('\n', '\r', '', '\r\r\n')))
  .filter(([data]) => data !== '')
  .map(([data, zeros, ext, lie, capital, end]) => {
    const size = (data.length + lie).toString(16)
    return `${zeros}${capital ? size.toUpperCase() : size}${ext}\r\n${data}${end}`
  })
const trailer = fc.constantFrom('', '', 'A: b\r\n', 'A:\r\n', 'A: b\r\nC: d\r\n', 'A: b\r\n'.repeat(3), 'A: b\r\n'.repeat(4), `A:${'x'.repeat(19)}\r\n`,
  `A:${'x'.repeat(20)}\r\n`, 'A : b\r\n', ' A: b\r\n', 'A\r\n', 'A: \0\r\n', 'A: b\n', 'A: b\rc\r\n', 'Content-Length: 5\r\n')
const last = fc.tuple(fc.constantFrom('0', '0', '000', '-0', ''), extension, fc.constant('\r\n'), trailer, fc.constantFrom('\r\n', '\r\n', '\n', '', '\r'), byteStrings(5))
  .map((list) => list.join(''))
const bodies = fc.oneof(fc.tuple(fc.array(chunk, { maxLength: 4 }), last).map(([chunks, end]) => chunks.join('') + end),
  fc.string({ unit: fc.constantFrom('0', '5', 'a', '\r\n', '\r', '\n', ' ', ';', ':', '\0'), maxLength: 20 }))

t.test('chunks', (t) => {
  holds(t, 'the decoder agrees with the grammar, however the bytes are cut', fc.tuple(bodies, cuts), ([text, places]) => {
    const wanted = reference(text)
    const got = decode(pieces(text, places), LIMITS)
    if (wanted !== undefined) same(got, { end: 'done', ...wanted })
    else if (got.end === 'done') throw new Error(`it takes ${JSON.stringify(got.body)} out of it`)
    same(decode([text], LIMITS), got, 'in one piece it')
  }, 8000)
  holds(t, 'decoding undoes encoding', fc.tuple(fc.array(byteStrings(300), { maxLength: 5 }), cuts, byteStrings(9)), ([list, places, next]) => {
    const data = list.filter((part) => part !== '')
    const text = data.map((part) => chunkHead(part.length) + part + CHUNK_TAIL).join('') + LAST_CHUNK + next
    same(decode(pieces(text, places), LIMITS), { end: 'done', body: data.join(''), rest: next })
  })
  holds(t, 'no size is taken for a smaller one', fc.tuple(fc.bigInt({ min: 1n, max: 2n ** 80n }), cuts), ([size, places]) => {
    const got = decode(pieces(`${size.toString(16)}\r\n${'x'.repeat(9)}\r\n0\r\n\r\n`, places), LIMITS)
    if (size <= 9n) return size === 9n ? got.end === 'done' : got.end === 400
    return size > BigInt(Number.MAX_SAFE_INTEGER) ? got.end === 413 : got.end === 'more' || got.end === 400
  })
  t.end()
})

// Ranges.

/** The bytes that one spec names of a file of `length`; undefined: no spec. */
function bytesOf(spec: string, length: number): number[] | undefined {
  const [, first, last] = /^(\d*)-(\d*)$/.exec(spec) ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (first === '' && Number(last) === 0) return undefined
  if (first !== '' && last !== '' && Number(first) > Number(last)) return undefined
  return Array.from({ length }, (_, at) => at)
    .filter((at) => (first === '' ? at >= length - Number(last) : at >= Number(first) && (last === '' || at <= Number(last))))
}

/** The parts as lists of bytes, as the fact sheet words it; undefined: the header does not count. */
function naive(specs: readonly string[], length: number, limits: RangeLimits): number[][] | undefined {
  const parts: number[][] = []
  let overlaps = 0, reversals = 0
  for (const spec of specs) {
    const bytes = bytesOf(spec, length)
    if (bytes === undefined) return undefined
    // Everything is asked for: that is what is sent.
    if (bytes[0] === 0 && spec.endsWith('-')) return [bytes]
    if (bytes.length === 0) continue
    const before = parts.at(-1)
    const near = before?.some((at) => bytes.includes(at) || bytes.includes(at + 1) || bytes.includes(at - 1)) ?? false
    if (before === undefined || !near) {
      parts.push(bytes)
      continue
    }
    overlaps++
    if (bytes[0]! < before[0]!) reversals++
    parts[parts.length - 1] = [...new Set([...before, ...bytes])].sort((a, b) => a - b)
  }
  const above = (count: number, limit: number): boolean => limit > 0 && count > limit
  const sum = parts.reduce((all, part) => all + part.length, 0)
  const wasteful = sum > length || above(parts.length, limits.ranges) || above(overlaps, limits.overlaps) || above(reversals, limits.reversals)
  return wasteful ? undefined : parts
}

const position = fc.integer({ min: 0, max: 24 })
const spec = fc.oneof({ weight: 6, arbitrary: fc.tuple(position, position).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`) },
  position.map((a) => `${a}-`), position.map((n) => `-${n}`), fc.tuple(position, position).map((pair) => pair.join('-')), fc.constantFrom('0-', '-', 'x', ' 1-2', '1-2 '))
const rangeLimits = fc.constantFrom(DEFAULT_RANGE_LIMITS, { ranges: 2, overlaps: 1, reversals: 0 }, { ranges: 0, overlaps: 0, reversals: 1 }, { ranges: 0, overlaps: 0, reversals: 0 })

t.test('ranges', (t) => {
  holds(t, 'parseRange() names the bytes that the model names', fc.tuple(fc.array(spec, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 20 }), rangeLimits),
    ([specs, length, limits]) => {
      const found = parseRange(`bytes=${specs.join(',')}`, length, limits)
      const wanted = naive(specs, length, limits)
      if (wanted === undefined) return same(found, 'ignore')
      if (wanted.length === 0) return same(found, 416)
      if (!Array.isArray(found)) throw new Error(`the answer is ${found} instead of ${JSON.stringify(wanted)}`)
      same(found.map(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i)), wanted)
    }, 4000)
  holds(t, 'any text has one of the three answers', fc.tuple(fc.oneof(byteStrings(30), byteStrings(30).map((text) => `bytes=${text}`)), position), ([text, length]) => {
    const found = parseRange(text, length, DEFAULT_RANGE_LIMITS)
    return found === 'ignore' || found === 416 || found.every(([first, last]) => first >= 0 && first <= last && last < length)
  })
  const part = fc.tuple(position, position).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  holds(t, 'a multipart body is as long as it says', fc.tuple(fc.array(part, { minLength: 1, maxLength: 5 }), fc.constantFrom(undefined, 'text/plain'), fc.integer({ min: 25, max: 1e9 })),
    ([parts, type, length]) => {
      const body = parts.map((range) => partHead('0123', type, range, length) + 'x'.repeat(range[1] - range[0] + 1)).join('') + multipartEnd('0123')
      same(multipartLength('0123', type, parts, length), body.length)
    }, 300)
  t.end()
})
