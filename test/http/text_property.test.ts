// core/base and the header table against models: wildcards against regular expressions, dates against the calendar,
// escapes against what reads them, headers against a plain list.

import fc from 'fast-check'
import t from 'tap'
import { httpDate, parseHttpDate } from '../../core/base/dates.ts'
import { escapeErrorLog, escapeHtml, escapeLogItem, osEscapePath, unescapeUrl } from '../../core/base/escape.ts'
import { compile, hasWildcards, type FnmatchOptions } from '../../core/base/fnmatch.ts'
import { Headers } from '../../core/server/header_table.ts'
import { byteStrings, holds, same } from '../support/property.ts'

// Wildcards.

/** One part of a pattern, and the same as a regular expression. */
interface Part { readonly glob: string; readonly regex: string }

const literal = fc.constantFrom('a', 'b', 'B', '.', '/', '-').map((char): Part => ({ glob: char, regex: char === '.' ? '\\.' : char }))
const escaped = fc.constantFrom('*', '?', '[', '\\', 'a').map((char): Part => ({ glob: `\\${char}`, regex: `\\x${char.charCodeAt(0).toString(16)}` }))
const set = fc.tuple(fc.constantFrom('', '!', '^'), fc.array(fc.constantFrom('a', 'A-C', 'a-b', '.', '\\]', 'b'), { minLength: 1, maxLength: 3 }))
  .map(([not, list]): Part => ({ glob: `[${not}${list.join('')}]`, regex: `[${not === '' ? '' : '^'}${list.join('')}]` }))
const wild = fc.constantFrom<Part>({ glob: '*', regex: '[^]*' }, { glob: '?', regex: '[^]' })
const patterns = fc.array(fc.oneof(literal, wild, wild, escaped, set), { maxLength: 7 })
  .map((parts) => ({ glob: parts.map(({ glob }) => glob).join(''), regex: parts.map(({ regex }) => regex).join('') }))
const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'C', '.', '/', '*', '\\', ']', '-'), maxLength: 8 })

t.test('wildcards', (t) => {
  holds(t, 'compile() matches what a regular expression matches', fc.tuple(patterns, texts, fc.boolean()), ([{ glob, regex }, text, caseFold]) => {
    const wanted = new RegExp(`^(?:${regex})$`, caseFold ? 'i' : '').test(text)
    same(compile(glob, { caseFold })(text), wanted, `${glob} as /${regex}/`)
  }, 5000)
  holds(t, 'pathname: as many slashes, and segment by segment', fc.tuple(patterns, texts, fc.boolean()), ([{ glob }, text, period]) => {
    // A slash in a set matches nothing, and a dot at the beginning is for a dot only: both part by part.
    const names = text.split('/'), parts = glob.split('/')
    const wanted = names.length === parts.length && parts.every((part, i) => compile(part, { period })(names[i]!))
    same(compile(glob, { pathname: true, period })(text), wanted, glob)
  }, 5000)
  const options: fc.Arbitrary<FnmatchOptions> = fc.record({ pathname: fc.boolean(), caseFold: fc.boolean(), period: fc.boolean(), noEscape: fc.boolean() })
  holds(t, 'a pattern without wildcards matches itself only', fc.tuple(texts, texts, options), ([pattern, text, how]) => {
    if (pattern.includes('\\') || hasWildcards(pattern)) return
    same(compile(pattern, { ...how, caseFold: false })(text), pattern === text)
  })
  holds(t, 'any bytes are a pattern, and quickly tried', fc.tuple(fc.string({ unit: fc.constantFrom('*', '?', '[', ']', '-', '!', '\\', 'a', '/'), maxLength: 40 }), options), ([pattern, how]) => {
    compile(pattern, how)('a/'.repeat(200))
  }, 500)
  t.end()
})

// Dates.

const SECONDS = fc.integer({ min: -11_000_000_000, max: 200_000_000_000 })

/** The three forms, by the calendar of the library. */
function forms(second: number): string[] {
  const date = new Date(second * 1000)
  const [, day = '', , dd = '', month = '', year = '', clock = ''] = /^((...)), (..) (...) (\d{4}) (\S+) GMT$/.exec(date.toUTCString()) ?? []
  const long = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'][date.getUTCDay()]!
  return [date.toUTCString(), `${day} ${month} ${dd.replace(/^0/, ' ')} ${clock} ${year}`, `${long}, ${dd}-${month}-${year.slice(2)} ${clock} GMT`]
}

t.test('dates', (t) => {
  holds(t, 'are written as the library writes them and read in all forms', SECONDS, (second) => {
    const [imf, asctime, rfc850] = forms(second) as [string, string, string]
    same(httpDate(second * 1000), imf)
    if (imf.length !== 29) return
    const year = Number(imf.slice(12, 16))
    same(parseHttpDate(imf), second * 1000, imf)
    same(parseHttpDate(asctime), second * 1000, asctime)
    if (year >= 1970 && year < 2070) same(parseHttpDate(rfc850), second * 1000, rfc850)
  }, 3000)
  const damage = fc.tuple(SECONDS, fc.integer({ min: 0, max: 2 }), fc.nat(28), fc.constantFrom('', ' ', '0', '9', ':', 'x', 'GMT', '-', '\0'))
  holds(t, 'a damaged one is none, or another one that is written so', damage, ([second, form, at, char]) => {
    const text = forms(second)[form]!
    const broken = text.slice(0, at) + char + text.slice(at + 1)
    const ms = parseHttpDate(broken)
    if (Number.isNaN(ms)) return
    // The day of the week is for people, what follows the time does not matter; the 60th second is the 59th; C's form may have a 0 for its blank, as in Apache.
    const rest = (date: string): string => date.replace(/^[A-Za-z]+/, '').replace(/^(,.*\d:\d\d:\d\d) .*$/s, '$1').replace(/(:\d\d \d{4}).*$/s, '$1')
      .replace(/:60( |$)/, ':59$1').replace(/^( \w{3}) 0/, '$1  ')
    if (!forms(ms / 1000).some((good) => rest(good) === rest(broken))) throw new Error(`${broken} is ${httpDate(ms)}`)
  }, 3000)
  t.end()
})

// Escapes.

/** Reads what the logs write, as people do. */
const unescapeLog = (text: string): string => text.replace(/\\(x[0-9a-f]{2}|.)/g, (_, code: string) =>
  code.startsWith('x') ? String.fromCharCode(parseInt(code.slice(1), 16)) : { b: '\b', n: '\n', r: '\r', t: '\t', v: '\v' }[code] ?? code)

const ENTITIES: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' }

t.test('escapes', (t) => {
  holds(t, 'say the same to whoever reads them, and nothing else', byteStrings(30), (text) => {
    for (const [how, escape] of Object.entries({ escapeLogItem, escapeErrorLog })) {
      const safe = escape(text)
      if (/[^\x20-\x7e]/.test(safe)) throw new Error(`${how} lets through ${JSON.stringify(safe)}`)
      same(unescapeLog(safe), text, how)
    }
    if (/(^|[^\\])(\\\\)*"/.test(escapeLogItem(text))) throw new Error('a quote ends the item')
    same(escapeHtml(text).replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity), text, 'escapeHtml')
    if (/[<>"]|&(?!(?:amp|lt|gt|quot);)/.test(escapeHtml(text))) throw new Error('escapeHtml leaves markup')
    const url = osEscapePath(text)
    if (/[^\x21-\x7e]|[<>"?#\\]|%(?![0-9a-f]{2})/.test(url)) throw new Error(`osEscapePath leaves ${url}`)
    same(unescapeUrl(url), text, 'osEscapePath')
    const relative = osEscapePath(text, true)
    if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(relative)) throw new Error(`${relative} has a scheme`)
  }, 3000)
  t.end()
})

// Headers. Each name in one spelling: what is found of a name that was added in several is not settled.

const name = fc.constantFrom('Vary', 'Set-Cookie', 'X', 'Xy', 'x-y')
const value = fc.constantFrom('a', 'b', '')
const edits = fc.array(fc.oneof(
  { weight: 9, arbitrary: fc.tuple(fc.constantFrom('set', 'add', 'merge'), name, value) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('unset'), name, value) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('clear'), name, value) },
), { maxLength: 20 })

type List = Array<readonly [name: string, value: string]>

function edited(list: List, how: string, name: string, value: string): List {
  const isIt = ([own]: readonly [string, string]): boolean => own.toLowerCase() === name.toLowerCase()
  const first = list.findIndex(isIt)
  if (how === 'clear') return []
  if (how === 'unset') return list.filter((row) => !isIt(row))
  if (how === 'add' || first < 0) return [...list, [name, value]]
  if (how === 'merge') return list.map((row, i) => (i === first ? [row[0], `${row[1]}, ${value}`] as const : row))
  return list.filter((row, i) => i === first || !isIt(row)).map((row) => (isIt(row) ? [row[0], value] as const : row))
}

t.test('headers', (t) => {
  holds(t, 'the table does what a list does', edits, (steps) => {
    const table = new Headers()
    let list: List = []
    for (const [how, name, value] of steps) {
      if (how === 'clear') table.clear()
      else if (how === 'unset') table.unset(name)
      else table[how as 'set' | 'add' | 'merge'](name, value)
      list = edited(list, how, name, value)
      same([...table], list, `after ${how} ${name} the table`)
    }
    same(table.size, list.length)
    same(table.text(), list.map(([own, text]) => `${own}: ${text}\r\n`).join(''))
    for (const asked of ['vary', 'X', 'XY', 'y']) {
      const found = list.find(([own]) => own.toLowerCase() === asked.toLowerCase())
      same([table.get(asked), table.has(asked)], [found?.[1], found !== undefined], asked)
    }
  })
  t.end()
})
