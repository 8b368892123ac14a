// core/base: dates, escaping, paths, wildcards.

import fc from 'fast-check'
import t from 'tap'
import { clfTime, ctime, errorLogTime, httpDate, parseHttpDate, strftime } from '../../core/base/dates.ts'
import { escapeErrorLog, escapeHtml, escapeLogItem, osEscapePath, unescapeUrl } from '../../core/base/escape.ts'
import { compile, hasWildcards } from '../../core/base/fnmatch.ts'
import type { FnmatchOptions } from '../../core/base/fnmatch.ts'
import * as path from '../../core/base/path.ts'

/** Runs in another time zone: dates are made from the environment's zone each time. */
function inZone<T>(zone: string, run: () => T): T {
  const before = process.env['TZ']
  process.env['TZ'] = zone
  try {
    return run()
  } finally {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  }
}

t.test('dates are written', (t) => {
  const ms = Date.UTC(2026, 10, 20, 9, 24, 16)
  t.equal(httpDate(ms), 'Fri, 20 Nov 2026 09:24:16 GMT')
  t.equal(httpDate(ms + 999), 'Fri, 20 Nov 2026 09:24:16 GMT')
  t.equal(httpDate(ms + 64_000), 'Fri, 20 Nov 2026 09:25:20 GMT', 'the same slot of the cache')
  t.equal(httpDate(-1), 'Wed, 31 Dec 1969 23:59:59 GMT')
  inZone('America/New_York', () => {
    t.equal(clfTime(Date.UTC(2011, 8, 18, 23, 18, 28)), '[18/Sep/2011:19:18:28 -0400]')
    t.equal(errorLogTime(Date.UTC(2026, 10, 20, 14, 24, 53) * 1000 + 123456), 'Fri Nov 20 09:24:53.123456 2026')
    t.equal(errorLogTime(Date.UTC(2026, 10, 20, 14, 24, 53) * 1000 + 7), 'Fri Nov 20 09:24:53.000007 2026')
    t.equal(ctime(Date.UTC(2026, 10, 20, 14, 24, 54)), 'Fri Nov 20 09:24:54 2026')
  })
  inZone('Asia/Kolkata', () => t.equal(clfTime(Date.UTC(2026, 0, 1, 0, 0, 0)), '[01/Jan/2026:05:30:00 +0530]'))
  t.end()
})

t.test('HTTP dates are read', (t) => {
  const ms = Date.UTC(1994, 10, 6, 8, 49, 37)
  t.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT'), ms)
  t.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT'), ms)
  t.equal(parseHttpDate('Sun Nov  6 08:49:37 1994'), ms)
  t.equal(parseHttpDate('Fri, 01 Jan 2069 00:00:00 GMT'), Date.UTC(2069, 0, 1))
  t.equal(parseHttpDate('Tuesday, 01-Jan-69 00:00:00 GMT'), Date.UTC(2069, 0, 1))
  t.equal(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT'), Date.UTC(2024, 1, 29))
  t.equal(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT'), Date.UTC(2016, 11, 31, 23, 59, 59), 'a leap second')
  for (const rest of ['GMT; length=5', 'CET', '+0100', 'GMT, Sun, 06 Nov 1994 08:49:37 GMT', ''])
    t.equal(parseHttpDate(`Sun, 06 Nov 1994 08:49:37 ${rest}`), Date.UTC(1994, 10, 6, 8, 49, 37), 'what follows the time does not matter')
  for (const bad of [
    '', 'junk', 'Sun, 30 Feb 2026 08:49:37 GMT', 'Sun, 29 Feb 2023 00:00:00 GMT', 'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:49:37 GMT', 'Sun, 06 Nov 1994 08:60:37 GMT', 'Sun, 06 Xxx 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37', 'Sun, 6 Nov 1994 08:49:37 GMT', ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT', 'Sun, 06 nov 1994 08:49:37 GMT',
  ]) t.ok(Number.isNaN(parseHttpDate(bad)), bad)
  t.doesNotThrow(() => fc.assert(fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (second) => {
    if (parseHttpDate(httpDate(second * 1000)) !== second * 1000) throw new Error(String(second))
  })))
  t.end()
})

t.test('strftime()', (t) => inZone('UTC', () => {
  const ms = Date.UTC(2026, 0, 4, 15, 4, 5)
  const cases: Array<[string, string]> = [
    ['%d/%b/%Y:%H:%M:%S %z', '04/Jan/2026:15:04:05 +0000'], ['%A %a %B %h', 'Sunday Sun January Jan'],
    ['%c', 'Sun Jan  4 15:04:05 2026'], ['%D %F %T %R', '01/04/26 2026-01-04 15:04:05 15:04'], ['%e|%k|%l', ' 4|15| 3'],
    ['%I %p %P %r', '03 PM pm 03:04:05 PM'], ['%j %U %W %V %G %g %u %w', '004 01 00 01 2026 26 7 0'],
    ['%C %y', '20 26'], ['%s', String(ms / 1000)], ['%n%t%%', '\n\t%'], ['%x %X', '01/04/26 15:04:05'], ['%Z', 'UTC'],
    ['%Ey %Od', '26 04'], ['%Q %', '%Q %'],
  ]
  for (const [format, text] of cases) t.equal(strftime(format, ms), text, format)
  t.equal(strftime('%G-W%V-%u', Date.UTC(2027, 0, 1)), '2026-W53-5', 'the ISO year differs at its edges')
  t.equal(strftime('%G-W%V-%u', Date.UTC(2024, 11, 30)), '2025-W01-1')
  t.end()
}))

t.test('escaping', (t) => {
  t.equal(escapeHtml('a<b>&"c\''), 'a&lt;b&gt;&amp;&quot;c\'')
  t.equal(escapeLogItem('a"b\\c\n\r\t\b\v\x01\x7f\xff d'), 'a\\"b\\\\c\\n\\r\\t\\b\\v\\x01\\x7f\\xff d')
  t.equal(escapeErrorLog('a"b\\c\n\x1b'), 'a"b\\\\c\\n\\x1b')
  t.equal(escapeLogItem('\u20ac'), '\\xe2\\x82\\xac')
  t.equal(osEscapePath('/a b/?%#"<>\x01\xff'), '/a%20b/%3f%25%23%22%3c%3e%01%ff')
  t.equal(osEscapePath("/$-_.+!*'(),:;@&=~"), "/$-_.+!*'(),:;@&=~")
  t.equal(osEscapePath('a:b', true), './a:b')
  t.equal(osEscapePath('a/b:c', true), 'a/b:c')
  t.equal(osEscapePath('/\u{1f600}'), '/%f0%9f%98%80')
  t.equal(unescapeUrl('a%20%Ff%2e'), 'a \xff.')
  t.equal(unescapeUrl('%2525'), '%25')
  for (const bad of ['%', 'a%2', '%zz', '%%20']) t.equal(unescapeUrl(bad), undefined, bad)
  const bytes = fc.uint8Array({ maxLength: 12 }).map((list) => Buffer.from(list).toString('latin1'))
  t.doesNotThrow(() => fc.assert(fc.property(bytes, (text) => {
    if (unescapeUrl(osEscapePath(text)) !== text) throw new Error('not the same after escaping and back')
    for (const safe of [escapeLogItem(text), escapeErrorLog(text)]) {
      if (/[^\x20-\x7e]/.test(safe)) throw new Error('a control byte reaches the log')
    }
  })))
  t.end()
})

t.test('paths', (t) => {
  t.equal(path.joinPath('/a/', '/b'), '/a/b')
  t.equal(path.joinPath('/a', 'b'), '/a/b')
  t.equal(path.joinPath('', 'b'), 'b')
  t.equal(path.joinPath('/a', ''), '/a')
  t.equal(path.serverRootRelative('/srv', 'logs/./x'), '/srv/logs/x')
  t.equal(path.serverRootRelative('/srv/', '/etc//x'), '/etc/x')
  t.equal(path.serverRootRelative('/srv/www', '../log'), '/srv/log')
  t.equal(path.tidyPath('/a/../../b/./c/'), '/b/c/')
  t.equal(path.tidyPath('/a/..'), '/')
  t.equal(path.tidyPath('/.a/b'), '/.a/b')
  t.equal(path.mergeUnder('/r', 'a/../b'), '/r/b')
  t.equal(path.mergeUnder('/r', 'a/../../b'), undefined)
  t.equal(path.mergeUnder('/r', 'a\0'), undefined)
  t.equal(path.countDirectories('/a/b/c'), 3)
  t.equal(path.directoryPrefix('/a/b/c', 2), '/a/')
  t.equal(path.directoryPrefix('/a/b/c', 1), '/')
  t.equal(path.directoryPrefix('/a', 5), '/a/')
  t.equal(path.parentDirectory('/a/b'), '/a/')
  t.equal(path.baseName('/a/b.c'), 'b.c')
  t.equal(path.withoutTrailingSlash('/a//'), '/a')
  t.equal(path.withoutTrailingSlash('//'), '/')
  t.equal(path.withTrailingSlash('/a'), '/a/')
  t.end()
})

t.test('compile() matches as the shell does', (t) => {
  const yes = (pattern: string, text: string, options: FnmatchOptions = {}): void => {
    t.ok(compile(pattern, options)(text), `${pattern} matches ${text}`)
  }
  const no = (pattern: string, text: string, options: FnmatchOptions = {}): void => {
    t.notOk(compile(pattern, options)(text), `${pattern} does not match ${text}`)
  }
  yes('*.html', 'a.html')
  no('*.html', 'a.htm')
  yes('', '')
  no('', 'a')
  yes('*', '')
  yes('a?c', 'abc')
  no('a?c', 'ac')
  yes('[a-c]x', 'bx')
  no('[a-c]x', 'dx')
  yes('[!a-c]x', 'dx')
  yes('[^a]', 'b')
  yes('[]a]', ']')
  yes('[a-]', '-')
  yes('[a\\]b]', ']')
  yes('[a', '[a')
  yes('\\*', '*')
  no('\\*', 'a')
  yes('\\*', '\\x', { noEscape: true })
  yes('*a*b*', 'xxaxxbxx')
  yes('/a*c', '/ab/c')
  no('/a*c', '/ab/c', { pathname: true })
  yes('/*/c', '/ab/c', { pathname: true })
  no('/?/c', '///c', { pathname: true })
  no('a[/]b', 'a/b', { pathname: true })
  yes('*/x*/b', 'a/xx/b', { pathname: true })
  no('*', '.a', { period: true })
  yes('.*', '.a', { period: true })
  no('/*', '/.a', { period: true, pathname: true })
  yes('/*', '/a.b', { period: true, pathname: true })
  no('?a', '.a', { period: true })
  yes('WWW.*.Org', 'www.example.ORG', { caseFold: true })
  no('WWW.*', 'www.x')
  t.same(['a*', 'a?', '[a]', 'a', '[a', '\\*', 'a\\?b', '[]', 'x[!a]y'].filter(hasWildcards),
    ['a*', 'a?', '[a]', 'x[!a]y'])
  const slow = compile(`${'*a'.repeat(50)}b`)
  const started = performance.now()
  t.notOk(slow('a'.repeat(5000)))
  t.ok(performance.now() - started < 1000, 'no exponential backtracking')
  t.end()
})

/** The definition, one choice after the other. */
function naive(pattern: string, text: string, pathname: boolean): boolean {
  if (pattern === '') return text === ''
  const [first, rest] = [pattern[0]!, pattern.slice(1)]
  if (first === '*') {
    return naive(rest, text, pathname) ||
      (text !== '' && !(pathname && text[0] === '/') && naive(pattern, text.slice(1), pathname))
  }
  if (text === '') return false
  const isOne = first === '?' ? !(pathname && text[0] === '/') : first === text[0]
  return isOne && naive(rest, text.slice(1), pathname)
}

t.test('compile() reads what clients write in a time that grows with its length', (t) => {
  t.notOk(compile('['.repeat(300_000))('['), 'brackets that nothing closes')
  t.ok(compile('[a/[b][c]', { pathname: true })('[a/bc'), 'one that is closed in another segment, and those behind it')
  const many = Array.from({ length: 40 }, (_, i) => String.fromCharCode(0x60 + 5 * i)).join('')
  for (let code = 0x30; code < 0x130; code++) {
    const char = String.fromCharCode(code)
    t.equal(compile(`[${many}]`)(char), many.includes(char))
    t.equal(compile(`[!${many}]`)(char), !many.includes(char))
  }
  t.end()
})

t.test('compile() agrees with the definition', (t) => {
  const letters = fc.array(fc.constantFrom('a', 'b', '/', '.'), { maxLength: 8 }).map((list) => list.join(''))
  const patterns = fc.array(fc.constantFrom('a', 'b', '/', '*', '?', '*'), { maxLength: 7 })
    .map((list) => list.join(''))
  t.doesNotThrow(() => fc.assert(fc.property(patterns, letters, fc.boolean(), (pattern, text, pathname) => {
    const expected = naive(pattern, text, pathname)
    if (compile(pattern, { pathname })(text) !== expected) throw new Error(`${pattern} ${text} ${pathname}`)
  }), { numRuns: 10_000 }))
  t.end()
})
