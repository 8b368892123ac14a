// The request head parser against a slow parser that is the grammar itself: one regular expression for the whole head,
// and the rules about messages as a list of sentences.

import fc from 'fast-check'
import { isIPv6 } from 'node:net'
import t from 'tap'
import { parseHead } from '../../core/http/head_parser.ts'
import { DEFAULT_LIMITS } from '../../core/http/limits.ts'
import type { Limits } from '../../core/http/limits.ts'
import { RequestHead } from '../../core/http/request_head.ts'
import { cuts, holds, pieces, same } from '../support/property.ts'

/** What both parsers say of a head that they accept. */
interface Message {
  readonly used: number
  readonly line: string
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
  readonly protocol: number
  readonly host: string | undefined
  readonly port: number
  readonly length: number
  readonly chunked: boolean
  readonly persistent: boolean
  readonly expects: string
}

type Verdict = Message | 'more' | 'bad'

// The reference.

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const TEXT = '[\\t\\x20-\\x7e\\x80-\\xff]*'
const FOLD = '\\r\\n[ \\t]+[\\x21-\\x7e\\x80-\\xff][\\t\\x20-\\x7e\\x80-\\xff]*'
const TARGET = '[\\x21-\\x7e\\x80-\\xff]+'
const FIELD = `${TOKEN}:${TEXT}(?:${FOLD})*\\r\\n`
const HEAD = new RegExp(`^((?:\\r\\n){0,10})(${TOKEN} ${TARGET} HTTP/([1-9])\\.([0-9]))\\r\\n((?:${FIELD})*)\\r\\n`)
const SIMPLE = new RegExp(`^((?:\\r\\n){0,10})(GET ${TARGET})\\r\\n`)

/** undefined: not a (complete) head that Strict accepts. */
function reference(text: string, limits: Limits): Message | undefined {
  const simple = SIMPLE.exec(text)
  if (simple !== null) return simple[2]!.length > limits.line + 1 ? undefined : simpleMessage(simple)
  const form = HEAD.exec(text)
  if (form === null) return undefined
  const [all, , line = '', major, minor, block = ''] = form
  const raw = [...block.matchAll(new RegExp(FIELD, 'g'))].map(([field]) => field)
  if (line.length > limits.line + 1 || raw.length > limits.fields || raw.some((field) => isTooLong(field, limits)))
    return undefined
  const fields = raw.map((field): [string, string] => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon), trimmed(field.slice(colon + 1, -2).replace(/[ \t]*\r\n[ \t]+/g, ' '))]
  })
  const sent = Number(major) * 1000 + Number(minor)
  return message({ used: all.length, line, fields, protocol: sent >= 1001 ? 1001 : sent })
}

function simpleMessage([all, , line = '']: RegExpExecArray): Message {
  return {
    used: all.length, line, fields: [], protocol: 9, host: undefined, port: -1, length: -1, chunked: false,
    persistent: false, expects: '',
  }
}

const trimmed = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, '')

/** Every line counts by itself, and a folded field once more when it is joined. */
function isTooLong(field: string, limits: Limits): boolean {
  const lines = field.slice(0, -2).split('\r\n')
  if (lines.some((line) => line.length > limits.fieldSize + 1)) return true
  const [first = '', ...folds] = lines
  if (folds.length === 0) return false
  const empty = trimmed(first.slice(first.indexOf(':') + 1)) === ''
  const size = (empty ? first.length : first.replace(/[ \t]+$/, '').length) +
    folds.reduce((sum, line) => sum + 1 + trimmed(line).length, 0)
  return size + 1 > limits.fieldSize
}

type Known = Pick<Message, 'used' | 'line' | 'fields' | 'protocol'>

function message(known: Known): Message | undefined {
  const { fields, protocol } = known
  const all = (name: string): string[] => fields.filter(([own]) => own.toLowerCase() === name).map(([, value]) => value)
  const tokens = all('connection').flatMap((value) => value.toLowerCase().split(',').map(trimmed))
  const hosts = all('host')
  const lengths = all('content-length')
  const codings = all('transfer-encoding')
  const expectations = all('expect')
  const named = hosts.length > 0 && hosts.join('') !== ''
  if (protocol >= 1001 && !named) return undefined
  if (hosts.length > 1) return undefined
  const place = named ? hostOf(hosts[0]!) : { host: undefined, port: -1 }
  if (place === undefined) return undefined
  if (lengths.length > 1 || lengths.some((value) => !/^\d+$/.test(value) || BigInt(value) >= 2n ** 63n)) return undefined
  if (codings.length > 0 && codings.join(',').split(',').at(-1)!.toLowerCase().replace(/^ +/, '') !== 'chunked') return undefined
  const chunked = codings.length > 0
  const doubtful = chunked && lengths.length > 0
  const keeps = protocol >= 1001 || tokens.includes('keep-alive')
  const expects = expectations.join(', ').toLowerCase()
  return {
    ...known, ...place, chunked, length: chunked || lengths.length === 0 ? -1 : safe(BigInt(lengths[0]!)),
    persistent: keeps && !tokens.includes('close') && !doubtful,
    expects: expects === '' ? '' : expects === '100-continue' ? protocol >= 1001 ? 'continue' : '' : 'unknown',
  }
}

const safe = (value: bigint): number => Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : value)

function hostOf(text: string): { host: string; port: number } | undefined {
  const [, name = '', digits] = /^(.*?)(?::(\d+))?$/s.exec(text) ?? []
  const port = digits === undefined ? -1 : Number(digits)
  if (port === 0 || port > 65535) return undefined
  const bracketed = /^\[([0-9a-fA-F:.]+)\]$/.exec(name)
  if (bracketed !== null) return isIPv6(bracketed[1]!) ? { host: name.toLowerCase(), port } : undefined
  const host = name.replace(/\.$/, '')
  const parts = host.split('.')
  if (!parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))) return undefined
  const isNumber = parts.every((part) => /^\d+$/.test(part))
  const isFine = isNumber ? parts.length === 4 && parts.every((part) => part === '0' || !part.startsWith('0'))
    : parts.length === 1 || /^[A-Za-z]/.test(parts.at(-1)!)
  return isFine ? { host: host.toLowerCase(), port } : undefined
}

// The parser.

const head = new RequestHead()

/** Bytes before and behind the input, which the parser must not look at. */
const PAD = 5

function parsed(parts: readonly string[], limits: Limits): Verdict {
  const text = parts.join('')
  const buffer = Buffer.alloc(text.length + 2 * PAD, '\n')
  let end = PAD
  let used = 0
  let seen = 0
  for (const part of parts) {
    if (used !== 0) break
    end += buffer.write(part, end, 'latin1')
    used = parseHead(head, buffer, PAD, end, limits, seen)
    seen = head.scanned
  }
  // Whoever cannot serve the request gives its bytes to another thread, which parses them again.
  same(buffer.toString('latin1', PAD, end), text.slice(0, end - PAD), 'what is left of the input')
  return used === 0 ? 'more' : used < 0 ? 'bad' : accepted(used)
}

function accepted(used: number): Message {
  return {
    used, line: head.requestLine(), fields: [...head.fields()], protocol: head.protocol, host: head.hostname(),
    port: head.hostPort, length: head.contentLength, chunked: head.chunked, persistent: head.wantsKeepAlive(),
    expects: head.expectContinue ? 'continue' : head.expectUnknown ? 'unknown' : '',
  }
}

// Input: good heads, heads that are nearly good, and bytes.

const value = fc.oneof(
  fc.constantFrom('', 'a', ' a b\t', '\xe9', '"', '100-continue', 'close', 'Keep-Alive, x', 'close ,keep-alive', 'h', 'h:80',
    'h:0', 'H.Example.', '1.2.3.4', '1.2.3', '01.2.3.4', '[::1]:8', '[::g]', 'a..b', 'a b', 'a_b', 'a.1b', '0', '3', '03', '+3',
    '3,3', ' 3', '9223372036854775807', '9223372036854775808', '0x3', 'chunked', 'Chunked', 'gzip, chunked', 'chunked, gzip',
    'chunked,', ', chunked', 'xchunked', 'chunked;q=1', '"chunked"', 'a\r\n b', '\r\n chunked', 'chun\r\n ked', '1\r\n\t2 ', 'a\r\n \r\n b'),
  fc.string({ unit: fc.constantFrom('a', ' ', '\t', ',', ';', '\r\n ', '\x7f', '\0', '\r', '\n', 'x'.repeat(20)), maxLength: 5 }),
)
const name = fc.oneof(
  fc.constantFrom('Host', 'host', 'Content-Length', 'CONTENT-LENGTH', 'Transfer-Encoding', 'transfer-encoding', 'Connection', 'Expect',
    'X', 'Content-Length', 'Transfer-Encoding', 'Content-Length ', 'Content_Length', '', ' X', 'X(Y', 'X\xa0', 'X'.repeat(30)),
)
const end = fc.oneof({ weight: 30, arbitrary: fc.constant('\r\n') }, { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\r\n', '') })
const field = fc.tuple(name, fc.constantFrom(':', ':', ': ', ':\t ', ' :', ''), value, end).map((parts) => parts.join(''))
const HOST = fc.constantFrom('Host: h\r\n', 'Host: h\r\n', 'Host: a.b:81\r\n', '')
const line = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('GET / HTTP/1.1\r\n', 'POST /a?b HTTP/1.1\r\n', 'M-X http://h/ HTTP/1.0\r\n', 'GET / HTTP/1.0\r\n', 'GET /\r\n') },
  { weight: 1, arbitrary: fc.tuple(
    fc.constantFrom('GET', 'get', 'POST', 'G(T', '', 'GET\t', ' GET', 'G'.repeat(50)), fc.constantFrom(' ', ' ', '  ', '\t', ''),
    fc.constantFrom('/', '*', '/\xff', '/\x01', '/a b', '', '/\x7f', '/'.repeat(60)), fc.constantFrom(' ', ' ', '  ', '\t', ''),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.10', 'HTTP/1.1 ', 'HTTP/11', ''), end,
  ).map((parts) => parts.join('')) },
)
const blanks = fc.oneof({ weight: 9, arbitrary: fc.constant('') }, fc.integer({ min: 0, max: 12 }).map((n) => '\r\n'.repeat(n)), fc.constantFrom('\n', '\r'))
const bytes = fc.uint8Array({ maxLength: 6 }).map((list) => Buffer.from(list).toString('latin1'))
const heads = fc.tuple(
  blanks, line, HOST, fc.array(field, { maxLength: 5 }).map((list) => list.join('')),
  fc.oneof({ weight: 9, arbitrary: fc.constant('\r\n') }, fc.constantFrom('\n', '', '\r')), fc.oneof(fc.constant(''), bytes),
).map((parts) => parts.join(''))

/** Heads without a fault in their form: what the fields say together decides. Lengths lie around the limits. */
const HOSTS = ['h', 'h:80', 'h:0', 'h:65535', 'h:65536', 'H.Example.', '1.2.3.4', '1.2.3', '1.2.3.04', '[::1]:8', '[::g]', 'a..b', 'a_b', 'a.1b', 'a,b', '']
const LENGTHS = ['0', '3', '03', '+3', '3,3', '', '3 3', '9223372036854775807', '9223372036854775808', '0x3', '\xb2', '9007199254740993']
const CODINGS = ['chunked', 'Chunked', 'chunked\t', 'gzip, chunked', 'gzip,chunked', 'gzip,\tchunked', 'chunked, gzip', 'chunked,', ', chunked', 'xchunked', 'x chunked', 'chunked;q=1', '']
const CONNECTIONS = ['close', 'Keep-Alive', 'x,close', 'close;q=1', 'keep-alive , x', 'xclose', '']
const EXPECTATIONS = ['100-Continue', '100-continue, x', '', 'miracles']
const fieldsOf = (name: string, values: readonly string[]): fc.Arbitrary<string[]> => fc.oneof(
  fc.constant<string[]>([]), fc.constantFrom(...values).map((text) => [`${name}: ${text}\r\n`]),
  fc.array(fc.tuple(fc.constantFrom(name, name.toUpperCase()), fc.constantFrom(...values)).map((pair) => `${pair.join(':')}\r\n`), { maxLength: 2 }),
)
const others = fc.array(fc.integer({ min: 18, max: 31 }).chain((n) => fc.constantFrom(
  `X:${'y'.repeat(n)}\r\n`, `X: ${'y'.repeat(n - 12)}\r\n  zzzzzzzzz\r\n`, `X:${' '.repeat(n)}\r\n`)), { maxLength: 3 })
const messages = fc.tuple(
  fc.constantFrom('GET', 'POST', 'M'), fc.integer({ min: 1, max: 31 }), fc.constantFrom('1.1', '1.1', '1.0', '3.9'),
  fieldsOf('Host', HOSTS), fieldsOf('Content-Length', LENGTHS), fieldsOf('Transfer-Encoding', CODINGS),
  fieldsOf('Connection', CONNECTIONS), fieldsOf('Expect', EXPECTATIONS), others, fc.boolean(),
).map(([method, length, version, host, lengths, codings, connections, expects, rest, turned]) => {
  const fields = [...host.length === 0 && version !== '1.0' ? ['Host: h\r\n'] : host, ...lengths, ...codings, ...connections, ...expects, ...rest]
  return `${method} ${'/'.padEnd(length, 'x')} HTTP/${version}\r\n${(turned ? fields.reverse() : fields).join('')}\r\n`
})

const WIDE: Limits = { ...DEFAULT_LIMITS }
const NARROW: Limits = { ...DEFAULT_LIMITS, line: 40, fieldSize: 30, fields: 4 }
const limits = fc.constantFrom(WIDE, NARROW)

t.test('accepts what the grammar of Strict accepts, and says the same of it, however it is cut', (t) => {
  holds(t, 'parseHead() agrees with the grammar', fc.tuple(fc.oneof(heads, messages), cuts, limits), ([text, places, limits]) => {
    const wanted = reference(text, limits)
    const got = parsed(pieces(text, places), limits)
    if (wanted !== undefined) same(got, wanted)
    else if (typeof got !== 'string') throw new Error(`it accepts ${JSON.stringify(got)}`)
    same(parsed([text], limits), got, 'the verdict in one piece')
  }, 10_000)
  t.end()
})

t.test('what is refused could not have become good, and what is unfinished was not complete', (t) => {
  holds(t, 'no verdict comes too early', fc.tuple(heads, heads, cuts), ([text, more, [cut = 1]]) => {
    const begun = text.slice(0, Math.ceil(cut * text.length))
    if (begun === '' || parsed([begun], WIDE) !== 'bad') return
    for (const whole of [text, begun + more, `${begun}\r\n\r\n`])
      if (reference(whole, WIDE) !== undefined) throw new Error(`${JSON.stringify(begun)} is refused, ${JSON.stringify(whole)} is good`)
  }, 3000)
  t.end()
})

t.test('Unsafe accepts all that Strict accepts, and reads the same', (t) => {
  holds(t, 'Unsafe is wider', fc.tuple(fc.oneof(heads, messages), cuts), ([text, places]) => {
    const strict = parsed([text], WIDE)
    if (typeof strict !== 'string') same(parsed(pieces(text, places), { ...WIDE, strict: false }), strict)
  }, 3000)
  t.end()
})

t.test('header access', (t) => {
  const names = fc.constantFrom('Accept', 'ACCEPT', 'accept', 'Cookie', 'X-Odd', 'x-odd', 'X-Od', 'Range')
  const list = fc.array(fc.tuple(names, fc.constantFrom('', 'a', 'b, c', '\xff')), { maxLength: 40 })
  holds(t, 'get() joins all values of a name in any case, fields() gives them as sent', list, (fields) => {
    const text = `GET / HTTP/1.1\r\nHost: h\r\n${fields.map(([own, text]) => `${own}: ${text}\r\n`).join('')}\r\n`
    const buffer = Buffer.from(text, 'latin1')
    if (parseHead(head, buffer, 0, buffer.length, WIDE) !== text.length) throw new Error('refused')
    for (const each of [head, head.detach()]) {
      same([...each.fields()].slice(1), fields, 'fields()')
      for (const asked of ['accept', 'Cookie', 'X-ODD', 'x-od', 'RANGE', 'x-', 'host']) {
        const values = [['Host', 'h'] as const, ...fields].filter(([own]) => own.toLowerCase() === asked.toLowerCase()).map(([, text]) => text)
        same(each.get(asked), values.length === 0 ? undefined : values.join(', '), asked)
      }
    }
  }, 500)
  t.end()
})
