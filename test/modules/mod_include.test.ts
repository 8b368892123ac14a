import fc from 'fast-check'
import t from 'tap'
import type { FilePart, Sink } from '../../core/hook/filter.ts'
import { begunTag, ElementReader, type Element } from '../../modules/include/element_reader.ts'
import { holds, LegacyFault, parse, tokensOf } from '../../modules/include/legacy.ts'
import { decodeEntities, escapeShell, expand, timeText } from '../../modules/include/text.ts'
import { filter, module, parseByHandler, parseByMark } from '../../modules/mod_include.ts'
import { core } from '../../core/server/core_module.ts'
import { DECLINED } from '../../core/hook/hook.ts'
import { serverCore } from '../../core/server/core_settings.ts'
import { configure, fakeRequest, fileOf, refusal, type Wanted } from './harness.ts'

function read(text: string, endTag = '-->', pieces = [text.length]): { element: Element | undefined; rest: string } {
  const reader = new ElementReader(endTag)
  const bytes = Buffer.from(text, 'latin1')
  let at = 0
  for (const length of pieces) {
    const piece = bytes.subarray(at, at + length)
    const used = reader.read(piece, 0)
    at += used
    if (used < piece.length) break
  }
  return { element: reader.element, rest: bytes.toString('latin1', at) }
}

t.test('elements', (t) => {
  const args = (text: string) => read(text).element?.args.map(({ name, value }) => `${name}=${value ?? 'NONE'}`)
  t.strictSame(args('echo var="x" -->'), ['var=x'])
  t.strictSame(args('echo VAR = `x y`\n flag other=\'a\\\'b\\\\c\' -->'), ['var=x y', 'flag=NONE', "other=a'b\\\\c"])
  t.strictSame(args('set var=x value="a\\"b\\c" -->'), ['var=x', 'value=a"b\\c'])
  t.strictSame(args('echo - -- var="x" -->'), ['-=NONE', '--=NONE', 'var=x'])
  t.same(read('PRINTENV-->rest'), { element: { name: 'printenv', args: [], fault: undefined }, rest: 'rest' })
  t.equal(read(' -->').element?.fault, 'name')
  t.equal(read('echo "x" -->').element?.fault, 'quoted')
  t.equal(read('echo ="x" -->').element?.fault, 'argument')
  t.equal(read('echo var=x-->').element, undefined, 'a value without quotes ends with a blank')
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom('-', '-', '>', ' ', '"', "'", '\\', '=', 'a', '\n') }), fc.array(fc.integer({ min: 1, max: 3 })),
    (text, lengths) => {
      const whole = read(text)
      const cut = read(text, '-->', [...lengths, text.length])
      t.same(cut, whole, 'however it is cut')
    }), { numRuns: 300 })
  t.end()
})

t.test('the beginning of a tag', (t) => {
  const begun = (text: string, tag: string) => begunTag(Buffer.from(text), 0, Buffer.from(tag))
  t.equal(begun('text <!--', '<!--#'), 4)
  t.equal(begun('text <!-', '<!--#'), 3)
  t.equal(begun('text', '<!--#'), 0)
  t.equal(begun('--.---', '--->'), 3)
  t.equal(begun('<', '<!--#'), 1)
  t.end()
})

t.test('texts', (t) => {
  const values: Record<string, string> = { a: 'A', long_name: 'L', 1: 'one' }
  let unfinished = ''
  const is = (text: string, wanted: string, keeps = false) =>
    t.equal(expand(text, (name) => values[name], (rest) => void (unfinished = rest), keeps), wanted, text)
  is('$a${a}$long_name.$1', 'AAL.one')
  is('\\$a \\\\ $ ${} $-', '$a \\\\ $ ${} $-')
  is('[$none ${none}]', '[ ]')
  is('[$none ${none}]', '[$none ${none}]', true)
  is('x${a', 'x')
  t.equal(unfinished, 'a')
  t.equal(decodeEntities('&lt;&amp;lt;&eacute;&zork;&#65;&#7;&#x41;&#300;&#160;&#161;&'), '<&lt;\xe9&zork;A\xa1&')
  t.equal(escapeShell('a;b$(c)`d`|\n'), 'a\\;b\\$\\(c\\)\\`d\\`\\|\\\n')
  t.equal(timeText('%Y %Z %z %%Z', 0, 'gmt'), '1970 GMT +0000 %Z')
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', '\\', 'a', '&', '#', ';') }), (text) => {
    decodeEntities(text)
    return typeof expand(text, () => '', () => undefined) === 'string'
  }))
  t.ok(decodeEntities('&#'.repeat(200_000)).length > 0, 'in time that grows with the text')
  t.ok(expand('${'.repeat(200_000), () => '', () => undefined) === '')
  t.end()
})

t.test('conditions of before', async (t) => {
  const ask = async (text: string) => {
    try {
      return await holds(parse(text, 'f'), {
        text, file: 'f', expand: (words) => words.replaceAll('$x', 'X'), match: (subject, pattern) => new RegExp(pattern).test(subject),
        isAccessible: (uri) => Promise.resolve(uri !== '/denied'),
      })
    } catch (error) {
      if (!(error instanceof LegacyFault)) throw error
      return error.message
    }
  }
  for (const [text, wanted] of [
    ['', false], ['a', true], ["''", false], ['$x = X', true], ['a b = \'a b\'', true], ['a == a', true], ['a < b', true],
    ["'' && b || c", false], ["c || '' && ''", true], ['(a = b) || c', true], ['!a || !(b)', false], ['abc = /b/', true],
    ['abc != /b/', false], ['-A /ok && !-A /denied', true], ["a = 'open", false], ['()', true], ['!', false],
    ['a\\=b = \'a=b\'', true],
    ['/x/', 'AH03188: Invalid expression "/x/" in file f'], ['(a', `AH03191: Unmatched '(' in "(a" in file f`],
    ['a)', `AH03189: Unmatched ')' in "a)" in file f`], ['a &&', 'AH01332: Invalid expression "a &&" in file f'],
    ['a =', 'AH01333: Invalid expression "a =" in file f'], ['a < (b)', 'AH01334: Invalid expression "a < (b)" in file f'],
    ['!a = b', 'AH03188: Invalid expression "!a = b" in file f'],
  ] as const) t.equal(await ask(text), wanted, text)
  t.match(await ask('('.repeat(100_000)), /^AH03188/)
  t.equal(await ask(`a${' && a'.repeat(100_000)}`), true)
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '(', ')', '!', '=', '&&', '||', '/', "'", '-A', '\\') }), (text) => {
    tokensOf(text)
    try {
      parse(text, 'f')
    } catch (error) {
      return error instanceof LegacyFault
    }
    return true
  }))
})

/** What a document comes to. */
async function answer(text: string, { conf = '', pieces = [text], timeout = 60_000, ...more }: Wanted & { conf?: string; pieces?: readonly string[]; timeout?: number } = {}) {
  const configured = configure([core, module], `<Directory /docs>\nOptions Includes\n${conf}\n</Directory>`)
  const r = fakeRequest(configured, { filename: '/docs/d/a.shtml', uri: '/d/a.shtml', finfo: { ...fileOf('file'), mtimeMs: 0 }, ...more })
  configured.conf.vector.said(serverCore).timeout = timeout
  // What the core asks of its own requests.
  Object.assign(r, { served: { documentRoot: '/docs', settings: {} } })
  Object.assign(r.connection, { engine: { serverTokens: 'Switchyard' } })
  const out: Buffer[] = []
  const next: Sink = {
    write(data) {
      out.push(Buffer.from(data as Exclude<typeof data, FilePart>))
      return undefined
    },
    flush: () => undefined, end: () => undefined,
  }
  const sink = filter.begin(r, next)!
  for (const piece of pieces) await sink.write(Buffer.from(piece, 'latin1'))
  await sink.end()
  return { body: Buffer.concat(out).toString('latin1'), r, sink }
}

t.test('documents', async (t) => {
  const is = async (text: string, wanted: string, more: Parameters<typeof answer>[1] = {}) =>
    t.equal((await answer(text, more)).body, wanted, text)
  await is('a<!--#set var="x" value="<1>" --><!--#echo var="x" -->b', 'a&lt;1&gt;b')
  await is('<!--#if expr="v(\'DOCUMENT_NAME\') == \'a.shtml\'" -->T<!--#else -->F<!--#endif -->', 'T')
  await is('<!--#if expr="a = b" -->T<!--#elif expr="b" -->E<!--#endif -->', 'E', { conf: 'SSILegacyExprParser On' })
  await is('<!--#exec cgi="x" -->', '[an error occurred while processing this directive]')
  await is('<!--#exec cmd="x" -->', 'E', { conf: 'Options IncludesNOEXEC\nSSIErrorMsg E' })
  const text = 'x<!--<!--#echo var="DOCUMENT_NAME"--><!---->y<!-'
  for (const length of [1, 2, 3, 5, 7])
    await is(text, 'x<!--a.shtml<!---->y<!-', { pieces: text.match(new RegExp(`.{1,${length}}`, 'gs'))! })
  const { body } = await answer('<!--#printenv -->', { args: 'q=%3c', headers: { 'X-A': '1', 'X_B': '2', Proxy: 'p', Authorization: 'secret' } })
  t.match(body, /^HTTP_X_A=1$/m)
  t.match(body, /^QUERY_STRING_UNESCAPED=q=\\&lt;$/m)
  t.notMatch(body, /X_B|PROXY|secret/)
})

t.test('a variable that grows is not set for ever', async (t) => {
  const doubled = '<!--#set var="x" value="$x$x" -->'.repeat(40)
  const { body, r } = await answer(`<!--#set var="x" value="ab" -->${doubled}<!--#echo var="x" -->`, { conf: 'SSIErrorMsg E' })
  t.equal(body, `${'E'.repeat(21)}${'ab'.repeat(2 ** 19)}`)
  t.match(r.logged.at(-1)!.message, /^SY00185: a value of more than 1048576 bytes was not set in/)
})

t.test('#exec', async (t) => {
  const { body, r } = await answer('[<!--#exec cmd="echo $DOCUMENT_NAME $HERE; echo no >&2; pwd" -->]', {
    filename: '/tmp/a.shtml', env: new Map([['HERE', 'x']]),
  })
  t.equal(body, '[a.shtml x\n/tmp\n]')
  t.match(r.logged, [{ level: 'error', module: 'include', message: 'no' }])
  const { body: silent, r: told } = await answer('[<!--#exec cmd="echo a; exec >&-; sleep 60" -->]', { filename: '/tmp/a.shtml', timeout: 300 })
  t.equal(silent, '[a\n]')
  t.match(told.logged, [{ message: /^SY00189: a command of \/tmp\/a.shtml was ended: it has said nothing for 0.3 seconds$/ }])
  t.equal((await answer('[<!--#exec cmd="x" -->]', { filename: '/no/such/place' })).body, '[[an error occurred while processing this directive]]')
})

t.test('parts', async (t) => {
  const parts: Record<string, string> = { '/p': 'P<!--#include virtual="/p" -->' }
  const run = async (document: string) => {
    let depth = 0
    return answer(document, {
      files: { '/p': { asRequest: fakeRequest(configure([core, module], ''), {}), contentType: 'text/html' } },
      runSubrequest: async (found, into) => {
        if (++depth > 5) return 500
        await into!.write(Buffer.from(parts[found.uri]!.slice(0, 1)))
        return 0
      },
    })
  }
  t.equal((await run('<!--#include virtual="/p" virtual="/p" -->')).body, 'PP')
  const { body, r } = await run('<!--#include virtual="/p" -->'.repeat(2100))
  t.match(body, /^PPPPP\[an error/)
  t.match(r.logged.at(-1), { message: /^SY00186: unable to include "\/p" in parsed file .*: \/d\/a\.shtml has more than 2000 parts$/ })
  const { body: outside } = await run('<!--#include file="/p" --><!--#include file="../p" -->')
  t.notMatch(outside, /P/)
})

t.test('an element without an end', async (t) => {
  const long = 'x'.repeat(65_536)
  const { body, r } = await answer('', { conf: 'SSIErrorMsg E', pieces: ['a<!--#echo var="', ...Array<string>(20).fill(long), '" -->b'] })
  t.match(body, /^aEx+" -->b$/)
  t.match(r.logged, [{ message: /^SY00185/ }])
  const { r: cut } = await answer('a<!--#echo', { conf: 'SSIErrorMsg E' })
  t.match(cut.logged, [{ message: /^AH01372/ }])
})

t.test('what runs where', (t) => {
  const added: unknown[] = []
  const ask = (conf: string, more: Wanted) => fakeRequest(configure([core, module], conf), { addOutputFilter: (name) => void added.push(name), ...more })
  const html = (mode: number): Wanted => ({ contentType: 'text/html', finfo: { ...fileOf('file'), mode } })
  t.equal(parseByMark(ask('', html(0o644))), DECLINED)
  t.strictSame(added, [])
  parseByMark(ask('', html(0o744)))
  t.strictSame(added, ['INCLUDES'])
  const r = ask('', { handler: 'server-parsed' })
  t.equal(parseByHandler(r), DECLINED)
  t.match(r, { contentType: 'text/html', handler: 'default-handler' })
  const dated = ask('<Directory />\nXBitHack Full\n</Directory>', html(0o754))
  filter.setup!(dated)
  t.match(dated, { noLocalCopy: undefined, noETag: true })
  const plain = ask('<Directory />\nSSIETag On\n</Directory>', html(0o754))
  filter.setup!(plain)
  t.match(plain, { noLocalCopy: true, noETag: undefined })
  t.equal(filter.begin(ask('', {}), { write: () => undefined, flush: () => undefined, end: () => undefined }), undefined, 'without Options')
  t.end()
})

t.test('what is refused', (t) => {
  const is = (line: string, text: string) => t.equal(refusal([module], line), text, line)
  is('XBitHack maybe', 'XBitHack must be set to Off, On, or Full')
  is('SSIStartTag "a b"', 'SSIStartTag may not contain any whitespaces')
  is('SSIEndTag "a\tb"', 'SSIEndTag may not contain any whitespaces')
  t.end()
})
