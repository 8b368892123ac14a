// The chunked coding: what is accepted, what is refused, and that decoding undoes encoding.

import fc from 'fast-check'
import t from 'tap'
import {
  CHUNK_DATA, CHUNK_DONE, CHUNK_MORE, CHUNK_TAIL, ChunkedDecoder, chunkHead, LAST_CHUNK,
} from '../../core/http/chunked.ts'
import type { ChunkLimits } from '../../core/http/chunked.ts'

const LIMITS: ChunkLimits = { line: 8190, fields: 100, fieldSize: 8190 }

/** Decodes input in pieces of `size` bytes: the body and how it ended, with the bytes that were left. */
function decode(input: Buffer, size: number, limits = LIMITS): { body: string; end: string; rest: string } {
  const decoder = new ChunkedDecoder(limits)
  let body = ''
  for (let from = 0; from < input.length; from += size) {
    const to = Math.min(from + size, input.length)
    for (let at = from; ; at = decoder.at) {
      const answer = decoder.feed(input, at, to)
      if (answer === CHUNK_DATA) body += input.toString('latin1', decoder.dataStart, decoder.dataEnd)
      else if (answer === CHUNK_DONE) return { body, end: 'done', rest: input.toString('latin1', decoder.at) }
      else if (answer === CHUNK_MORE) break
      else return { body, end: `${decoder.fault!.status} ${decoder.fault!.aplogno}`, rest: '' }
    }
  }
  return { body, end: 'more', rest: '' }
}

/** The same result whatever the pieces. */
function decoded(text: string, limits = LIMITS): string {
  const input = Buffer.from(text, 'latin1')
  const whole = decode(input, Math.max(1, input.length), limits)
  for (let size = 1; size < Math.min(input.length, 40); size++) {
    const cut = decode(input, size, limits)
    if (JSON.stringify(cut) !== JSON.stringify(whole)) return `differs in pieces of ${size}`
  }
  return `${whole.end} [${whole.body}]${whole.rest === '' ? '' : ` rest ${whole.rest}`}`
}

t.test('ChunkedDecoder accepts', (t) => {
  t.equal(decoded('5\r\nhello\r\n0\r\n\r\n'), 'done [hello]')
  t.equal(decoded('5\r\nhello\r\nB\r\n, my world!\r\n0\r\n\r\nGET /'), 'done [hello, my world!] rest GET /')
  t.equal(decoded('5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n'), 'done [hello]', 'extensions')
  t.equal(decoded('5 ;a=b\r\nhello\r\n0\r\n\r\n'), 'done [hello]', 'a blank before an extension')
  t.equal(decoded(`5${' '.repeat(10)}\r\nhello\r\n0\r\n\r\n`), 'done [hello]', 'ten blanks')
  t.equal(decoded('0000000000000000000005\r\nhello\r\n0000\r\n\r\n'), 'done [hello]', 'leading zeros')
  t.equal(decoded('0\r\nA: b\r\nC:\r\n\r\n'), 'done []', 'trailers')
  t.equal(decoded('5\r\nhel'), 'more [hel]')
  t.end()
})

t.test('ChunkedDecoder refuses', (t) => {
  const bad = (text: string, comment: string): void => { t.match(decoded(text), /^400 AH01590 /, comment) }
  bad('zz\r\n\r\n', 'no digit')
  bad('\r\n', 'no size')
  bad(';x\r\n', 'an extension without a size')
  bad(' 5\r\nhello\r\n', 'a blank before the size')
  bad('+5\r\nhello\r\n', 'a sign')
  bad('0x5\r\nhello\r\n', 'a prefix')
  bad('5x\r\nhello\r\n', 'a letter behind')
  bad(`5${' '.repeat(11)}\r\nhello\r\n`, 'eleven blanks')
  bad('5\nhello\r\n', 'LF alone behind the size')
  bad('5\r hello\r\n', 'CR alone behind the size')
  bad('5;a="\x01"\r\nhello\r\n', 'a control byte in an extension')
  bad('5\r\nhelloX0\r\n\r\n', 'too much data')
  bad('5\r\nhello\n0\r\n\r\n', 'LF alone behind the data')
  t.match(decoded('ffffffffffffffff\r\n'), /^413 AH01590 /, 'a size beyond numbers')
  t.match(decoded(`5;${'x'.repeat(9000)}\r\n`), /^413 AH01590 /, 'an endless extension')
  t.match(decoded(`${'0'.repeat(9000)}\r\n`), /^413 AH01590 /, 'an endless size')
  const trailers = ['bad trailer', ': x', 'A : b', 'A: \x01', ' A: b', 'A\nB: c', 'A: b\rc', `A: ${'x'.repeat(9000)}`]
  for (const trailer of trailers) {
    t.match(decoded(`0\r\n${trailer}\r\n\r\n`), /^400 AH02656 /, `trailer ${trailer.slice(0, 20)}`)
  }
  t.match(decoded('0\r\nA: 1\r\nB: 2\r\n\r\n', { ...LIMITS, fields: 1 }), /^400 AH02656 /, 'too many trailers')
  t.end()
})

t.test('ChunkedDecoder keeps trailers when asked', (t) => {
  const decoder = new ChunkedDecoder(LIMITS, true)
  const input = Buffer.from('0\r\nA: b\r\nC: d\r\n\r\nGET')
  t.equal(decoder.feed(input, 0, 10), CHUNK_MORE)
  t.equal(decoder.feed(input, 10, input.length), CHUNK_DONE)
  t.equal(decoder.trailers, 'A: b\r\nC: d')
  t.equal(decoder.at, input.length - 3)
  t.ok(decoder.isDone)
  t.end()
})

t.test('decoding undoes encoding, however the bytes are cut', (t) => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 })
  t.doesNotThrow(() => fc.assert(fc.property(chunks, fc.integer({ min: 1, max: 30 }), (parts, size) => {
    const texts = parts.map((part) => Buffer.from(part).toString('latin1'))
    const coded = texts.map((text) => chunkHead(text.length) + text + CHUNK_TAIL).join('') + LAST_CHUNK
    const result = decode(Buffer.from(`${coded}next`, 'latin1'), size)
    if (result.end !== 'done' || result.body !== texts.join('')) throw new Error(JSON.stringify(result))
  }), { numRuns: 1000 }))
  t.end()
})

t.test('any bytes give one answer however they are cut', (t) => {
  const usual = fc.constantFrom('5', '0', '\r\n', ' ', ';x', 'hello', 'A: b', '\r', '\n')
  const piece = fc.oneof(usual, fc.string({ maxLength: 2 }))
  t.doesNotThrow(() => fc.assert(fc.property(fc.array(piece, { maxLength: 20 }), (parts) => {
    const answer = decoded(parts.join(''))
    if (answer.startsWith('differs')) throw new Error(answer)
  }), { numRuns: 2000 }))
  t.end()
})
