import fc from 'fast-check'
import t from 'tap'
import type { Sink } from '../../core/hook/filter.ts'
import { DECLINED } from '../../core/hook/hook.ts'
import { hasElement } from '../../modules/headers/apply.ts'
import { share } from '../../modules/headers/value.ts'
import { applyEarly, applyToRequest, module as headers } from '../../modules/mod_headers.ts'
import { configure, fakeRequest, refusal, type FakeRequest, type Wanted } from './harness.ts'

const NOWHERE: Sink = { write: () => undefined, flush: () => undefined, end: () => undefined }
const [respond, respondToError] = headers.outputFilters

function lines(table: Iterable<readonly [string, string]>): string {
  return [...table].map(([name, value]) => `${name}: ${value}`).join('; ')
}

/** Headers of a response that had `X: aXb` and a type. */
function response(text: string, wanted: Wanted = {}, filter = respond, x = 'aXb'): { r: FakeRequest; out: string } {
  const r = fakeRequest(configure([headers], text), { contentType: 'text/html', ...wanted })
  r.headersOut.set('X', x)
  filter!.begin(r, NOWHERE)
  return { r, out: [lines(r.errHeadersOut), lines(r.headersOut)].filter(Boolean).join(' | ') }
}

t.test('Header', (t) => {
  const is = (text: string, expected: string, wanted: Wanted = {}) =>
    t.equal(response(text, { headers: { 'X-In': '1', 'Host': 'h' }, ...wanted }).out, expected, text)
  is('Header set x y', 'X: y')
  is('Header SET X: "y z"', 'X: y z')
  is('Header add X y', 'X: aXb; X: y')
  is('Header append X y', 'X: aXb, y')
  is('Header append Y y', 'X: aXb; Y: y')
  is('Header merge X aXb\nHeader merge X y', 'X: aXb, y')
  is('Header unset x', '')
  is('Header setifempty X y\nHeader setifempty Y y', 'X: aXb; Y: y')
  is('Header edit X (.)X $1-$1', 'X: a-ab')
  is('Header edit* X [ab] ($0)', 'X: (a)X(b)')
  is('Header edit* X x* -', 'X: -a-X-b-')
  is('Header edit X nothing y', 'X: aXb')
  is('Header edit Y a b', 'X: aXb')
  is('Header add X ab\nHeader edit X a c', 'X: cXb; X: cb')
  is('Header echo ^X-', 'X: aXb; X-In: 1')
  is('Header always set X y', 'X: y | X: aXb')
  is('Header onsuccess set X y', 'X: y')
  is('Header set X y early', 'X: aXb')
  is('Header set X y env=a', 'X: aXb')
  is('Header set X y env=!a', 'X: y')
  is('Header set X y env=a', 'X: y', { env: new Map([['A', '']]) })
  is('Header set X y "expr=%{REQUEST_URI} == \'/\'"', 'X: y')
  is('Header set X y expr=false', 'X: aXb')
  is('Header set X "%% 5%"', 'X: % 5%')
  is('Header set X "%{NONE}e %{a}e %{S}s"', 'X: (null) b c (null)', { env: new Map([['a', 'b\n c']]) })
  is('Header set X "a\\\\\\\\b\\\\q"', 'X: a\\b\\q')
  is('Header set X "expr=%{REQUEST_URI}-%{req:X-In}"', 'X: /-1')
  is('Header set X out\n<Location /x>\nHeader append X in\n</Location>', 'X: out, in')
  t.end()
})

t.test('formats that tell of times and loads', (t) => {
  const { out } = response('Header set X "%t %D %l"', { requestTime: Date.now() - 5 })
  t.match(out, /^X: t=\d{16} D=\d{4,} l=\d+\.\d\d\/\d+\.\d\d\/\d+\.\d\d$/)
  t.equal(share('idle', undefined), -1)
  t.end()
})

t.test('the type of the body', (t) => {
  const is = (text: string, expected: string | undefined) =>
    t.equal(response(text).r.contentType, expected, text)
  is('Header set content-type a/b', 'a/b')
  is('Header unset Content-Type', undefined)
  is('Header append Content-Type a/b', 'text/html')
  is('Header edit Content-Type ^text a', 'a/html')
  is('Header edit* Content-Type t T', 'TexT/hTml')
  t.end()
})

t.test('of an error only what is always said', (t) => {
  t.equal(response('Header always set A b\nHeader set C d', {}, respondToError).out, 'A: b | X: aXb')
  t.end()
})

t.test('notes', (t) => {
  const { r } = response('Header note X kept\nHeader note None none')
  t.strictSame([...r.notes], [['kept', 'aXb']])
  t.end()
})

t.test('RequestHeader', (t) => {
  const is = (text: string, expected: string, early = '') => {
    const r = fakeRequest(configure([headers], text), { headers: { 'A': 'one', 'B': 'two' }, contentType: 'text/html' })
    applyEarly(r)
    t.equal(lines(r.headersIn.fields()), early === '' ? 'A: one; B: two' : early, `${text}: early`)
    t.equal(applyToRequest(r), DECLINED)
    t.equal(lines(r.headersIn.fields()), expected, text)
    t.equal(r.contentType, 'text/html')
  }
  is('RequestHeader set a x', 'A: x; B: two')
  is('RequestHeader unset A\nRequestHeader add B x', 'B: two; B: x')
  is('RequestHeader edit B w W', 'A: one; B: tWo')
  is('RequestHeader set Content-Type a/b', 'A: one; B: two; Content-Type: a/b')
  is('RequestHeader set A x early\nRequestHeader append A y', 'A: x, y; B: two', 'A: x; B: two')
  is('<Location /x>\nRequestHeader set A x early\n</Location>', 'A: one; B: two')
  t.end()
})

t.test('a replacement that gets too long', (t) => {
  const x = 'x'.repeat(1000)
  const long = '$0'.repeat(70)
  const seen = (text: string): number => response(`${text}\nHeader set Y z`, {}, respond, x).out.length
  t.equal(seen(`Header edit X ".*" "${'$0'.repeat(60)}"`), 'X: ; Y: z'.length + 60_000)
  t.equal(seen(`Header edit X ".*" "${long}"`), 'X: '.length + 1000, 'what follows is not carried out')
  t.equal(seen(`Header edit* X x "${'y'.repeat(1000)}"`), 'X: ; Y: z'.length + 1_000_000)
  t.equal(seen(`Header edit* X x "${'y'.repeat(1200)}"`), 'X: '.length + 1000, 'nor where they are many')
  const r = fakeRequest(configure([headers], `RequestHeader edit A ".*" "${long}" early`), { headers: { A: x } })
  t.equal(applyEarly(r), 500)
  t.strictSame(r.logged.map(({ message }) => message), ['AH01502: Regular expression replacement failed (replacement too long?)'])
  t.end()
})

t.test('an element of a list is found however many there are', (t) => {
  const token = fc.stringMatching(/^[a-z]{1,3}$/)
  fc.assert(fc.property(fc.array(token), token, fc.constantFrom(',', ', ', ',\t'), (list, one, comma) =>
    hasElement(list.join(comma), one) === list.includes(one)))
  t.equal(hasElement('"a, b", c', '"a, b"'), true)
  t.equal(hasElement('"a, b", c', 'b"'), false)
  t.equal(hasElement('"a, b', 'b'), false)
  t.end()
})

t.test('refusals', (t) => {
  const is = (text: string, expected: string) => t.equal(refusal([headers], text)?.split('\n')[0], expected, text)
  const FIRST = "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'."
  for (const text of ['Header', 'Header foo X', 'Header always', 'RequestHeader always set X a']) is(text, FIRST)
  is('Header set X', 'Header requires three arguments')
  is('Header set', 'Header requires three arguments')
  is('Header set X a b', 'Unknown parameter: b')
  is('Header unset X a', 'Unknown parameter: a')
  is('Header unset X env=a b', 'header unset takes two arguments')
  is('Header echo X env=a b', 'Header echo takes two arguments')
  is('Header set X a early b', 'Too many arguments to directive')
  is('Header edit X a b early c', 'Header has too many arguments')
  is('Header edit X a', 'Header edit requires a match and a substitution')
  is('Header edit X ( a', 'Header edit regex could not be compiled')
  is('Header echo (', 'Header echo regex could not be compiled')
  is('RequestHeader echo X', 'Header echo only valid on Header directives')
  is('Header set X %Q', 'Unrecognized header format %Q')
  is('Header set X a env=', 'error: missing environment variable name. envclause should be in the form env=envar ')
  is('Header set X a env=!', 'error: missing environment variable name. envclause should be in the form env=envar ')
  is('Header set X a expr=(((', "Can't parse envclause/expression: syntax error, unexpected $end")
  t.match(refusal([headers], 'Header set X "expr=%{FOO"'), /^Can't parse value expression : syntax error/)
  t.end()
})
