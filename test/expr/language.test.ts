// The language of expressions as a whole: what is printed is read again as itself, and nothing makes it stumble.
import fc from 'fast-check'
import t from 'tap'
import { setRegexLibrary, type RegexLibrary } from '../../core/config/regex.ts'
import { concat, NUMBER_COMPARISONS, TEXT_COMPARISONS, type Cond, type List, type Word } from '../../core/expr/ast.ts'
import { Compiler } from '../../core/expr/compile.ts'
import { parseCondition as compiled, parseStringExpression } from '../../core/expr/expression.ts'
import { ExpressionFault } from '../../core/expr/fault.ts'
import { parseCondition, parseString } from '../../core/expr/parser.ts'
import { printCondition } from '../../core/expr/print.ts'
import { openPcre2 } from '../../core/port/pcre2.ts'
import { fakeRequest, configure } from '../modules/harness.ts'
import { files, SOURCE, theRequest } from './support.ts'

const names = { isList: (name: string) => name === 'alist' }

const name = fc.constantFrom('REQUEST_URI', 'req', 'x1', 'a_b', 'android', 'e')
const regex = fc.record({
  kind: fc.constant('regex' as const), pattern: fc.constantFrom('a', 'a/b', '^#(x)$', "[a-z']", '', '\\d+'),
  ignoreCase: fc.boolean(), at: fc.constant(0),
})
const substitution = (word: fc.Arbitrary<Word>) => fc.record({
  kind: fc.constant('substitution' as const), regex, replacement: word, all: fc.boolean(),
})

interface Tree { word: Word; cond: Cond; list: List }

type Arbitraries = { [K in keyof Tree]: fc.Arbitrary<Tree[K]> }

const { cond } = fc.letrec<Tree>((tie: fc.LetrecTypedTie<Tree>): Arbitraries => ({
  word: fc.oneof({ maxDepth: 4, withCrossShrink: true },
    fc.string({ unit: 'binary-ascii', maxLength: 8 }).map((value): Word => ({ kind: 'text', value })),
    fc.integer({ min: -99, max: 999 }).map((n): Word => ({ kind: 'digits', value: String(n) })),
    name.map((each): Word => ({ kind: 'variable', name: each, at: 0 })),
    fc.nat(9).map((group): Word => ({ kind: 'backref', group })),
    fc.array(tie('word'), { minLength: 2, maxLength: 3 }).map(concat),
    fc.record({ kind: fc.constant('call' as const), name, at: fc.constant(0),
      args: fc.array(tie('word'), { minLength: 1, maxLength: 3 }) }),
    tie('cond').map((each): Word => ({ kind: 'truth', cond: each })),
    fc.record({ kind: fc.constant('join' as const), list: tie('list'),
      separator: fc.option(tie('word'), { nil: undefined }) }),
    fc.record({ kind: fc.constant('sub' as const), substitution: substitution(tie('word')), subject: tie('word') })),
  list: fc.oneof({ maxDepth: 4 },
    fc.array(tie('word'), { minLength: 1, maxLength: 3 }).map((words): List => ({ kind: 'words', words })),
    fc.record({ kind: fc.constant('listCall' as const), name: fc.constant('alist'), arg: tie('word'),
      at: fc.constant(0) }),
    fc.record({ kind: fc.constant('split' as const), by: fc.oneof(regex, substitution(tie('word'))),
      of: fc.oneof(tie('word'), tie('list')) })),
  cond: fc.oneof({ maxDepth: 4, withCrossShrink: true },
    fc.boolean().map((value): Cond => ({ kind: 'constant', value })),
    fc.record({ kind: fc.constant('compare' as const),
      operator: fc.constantFrom(...TEXT_COMPARISONS, ...NUMBER_COMPARISONS), left: tie('word'), right: tie('word') }),
    tie('cond').map((each): Cond => ({ kind: 'not', cond: each })),
    fc.tuple(fc.constantFrom('and', 'or'), fc.array(tie('cond'), { minLength: 2, maxLength: 3 }))
      .map(([kind, conds]): Cond => ({ kind, conds })),
    fc.record({ kind: fc.constant('match' as const), negated: fc.boolean(), left: tie('word'), regex }),
    fc.record({ kind: fc.constant('in' as const), left: tie('word'), list: tie('list') }),
    fc.record({ kind: fc.constant('unary' as const), name: fc.constantFrom('f', 'R', 'q'), arg: tie('word'),
      at: fc.constant(0) }),
    fc.record({ kind: fc.constant('binary' as const), name: fc.constantFrom('ipmatch', 'foo_1'), left: tie('word'),
      right: tie('word'), at: fc.constant(0) })),
}))

/** Without positions, and with chains of one operator as one: `a && (b && c)` is `a && b && c` read differently. */
const shape = (tree: unknown): unknown => JSON.parse(JSON.stringify(tree, (key, value: unknown) =>
  key === 'at' ? 0 : value))

t.test('what is printed is read again as the same tree', (t) => {
  fc.assert(fc.property(cond, (tree) => {
    const printed = printCondition(tree)
    t.same(shape(parseCondition(printed, names)), shape(tree), printed)
  }), { numRuns: 300 })
  t.end()
})

const pieces = fc.array(fc.constantFrom(
  ...'(){},:.!=<>~&|$%\\"\'/ \t\n-'.split(''), '%{', '%{:', ':}', '$1', 'true', 'and', '-f', '-eq', 'in', 'm#', 's/', 'split',
  'join', 'sub', 'tolower', 'REQUEST_URI', '5', '\\101', 'é', '\0'), { maxLength: 14 }).map((all) => all.join(''))

t.test('any text is a tree or a fault within it', (t) => {
  fc.assert(fc.property(fc.oneof(pieces, fc.string({ unit: 'binary-ascii' })), (text) => {
    for (const parse of [parseCondition, parseString]) {
      try {
        parse(text, names)
      } catch (error) {
        if (!(error instanceof ExpressionFault)) throw error
        t.ok(error.at >= 0 && error.at <= text.length, `${JSON.stringify(text)}: ${error.at}`)
        t.not(error.message, '')
      }
    }
  }), { numRuns: 3000 })
  t.end()
})

t.test('what is nested too deep is refused', (t) => {
  for (const [open, close] of [['(', ')'], ['!', ''], ['%{:-n ', ':}'], ['tolower(', ')'], ['%{tolower:', '}']] as const) {
    const text = open.repeat(50_000) + 'true' + close.repeat(50_000)
    t.throws(() => parseCondition(text, names), { message: 'memory exhausted' }, `${open}…`)
  }
  const long = Array<string>(50_000).fill("'a' == 'a'").join(' && ')
  t.equal(new Compiler(false).condition(parseCondition(long, names)).constant?.value, true, 'length is no depth')
  t.end()
})

const parse = (text: string) => compiled(text, SOURCE, '')

t.test('what does not depend on the request is worked out at once', (t) => {
  for (const [text, value] of [
    ["'a' == 'a' && !false", true], ["tolower('A') . 'b' == 'ab'", true], ["'abc' =~ /b/", true],
    ["'a' in {'b', tolower('A')}", true], ["false && %{REQUEST_URI} == 'x'", false],
    ["true || req('X') == 'x'", true], ["'abc' =~ /(b)/", undefined], ["%{REQUEST_URI} == 'x'", undefined],
    ["%{TIME} == ''", undefined], ["'a' -strmatch '?'", true], ["replace('a', 'a', 'b') == 'b'", true],
  ] as const) t.equal(parse(text).constant, value, text)
  t.equal(parseStringExpression('a%{tolower:B}', SOURCE, '').constant, 'ab')
  t.end()
})

t.test('what the system refuses to look at is no file and no link', (t) => {
  const stat = (): never => t.fail('was looked at') as never
  const name = (path: string) => fakeRequest(configure([], ''), { headers: { X: path }, stat })
  for (const operator of ['L', 'h', 'x']) {
    for (const path of [`/${'y'.repeat(5000)}`, '/etc/passwd/x', '/\0', 'relative'])
      t.equal(parse(`-${operator} req('X')`).evaluate(name(path)), false, `-${operator} ${path.slice(0, 20)}`)
  }
  for (const operator of ['d', 'e', 'f', 's'])
    t.equal(parse(`-${operator} req('X')`).evaluate(name('/etc/passwd\0x')), false, `-${operator}: the system would not see what follows NUL`)
  t.equal(parse("filesize(req('X')) -eq 0").evaluate(name('/etc/passwd\0x')), true)
  t.end()
})

t.test('what may block is known', (t) => {
  t.equal(parse("%{REQUEST_URI} == 'x' && -f '/x'").quick, true)
  t.equal(parse("file('/x') == ''").quick, false)
  t.equal(parseStringExpression('%{file:/x}', SOURCE, '').quick, false)
  t.end()
})

t.test('evaluate() answers at once where nothing makes it wait, and otherwise a promise', async (t) => {
  const r = fakeRequest(configure([], ''), { subLookup: () => Promise.resolve({ status: 200 } as never) })
  t.equal(parse("%{REQUEST_METHOD} == 'GET' && -n %{REMOTE_ADDR}").evaluate(r), true)
  const later = parse("-U '/x' && 'abc' =~ /(b)/ && $1 == 'b' && !(-U '/y' && false)").evaluate(r)
  t.ok(later instanceof Promise)
  t.equal(await later, true)
  t.equal(await parse("'127.0.0.1' -ipmatch '127.0.0.0/8'").evaluate(r), true, 'no name to ask for')
})

t.test('headers that a condition asks for are named in Vary, once each', (t) => {
  const varied = (...texts: string[]): string | undefined => {
    const r = fakeRequest(configure([], ''), { headers: { Cookie: 'a' } })
    for (const text of texts) void parse(text).evaluate(r)
    return r.headersOut.get('Vary')
  }
  t.equal(varied("%{HTTP_COOKIE} == 'x' || req('Accept') == 'y'"), 'Cookie, Accept')
  t.equal(varied("%{HTTP_COOKIE} == 'x'", "http('cookie') == 'x' && req('Accept') == 'y'"), 'Cookie')
  t.equal(varied("%{HTTP_HOST} == 'x' && req_novary('Accept') == 'y'", "req('host') == 'x'"), undefined)
  const r = fakeRequest(configure([], ''))
  void compiled("req('Accept') == 'y'", SOURCE, '', { vary: false }).evaluate(r)
  void parseStringExpression('%{HTTP_COOKIE}', SOURCE, '').evaluate(r)
  t.equal(r.headersOut.get('Vary'), undefined)
  t.end()
})

t.test('expressions of .htaccess do not show what files hold', (t) => {
  const inHtaccess = (text: string) => () => compiled(text, { ...SOURCE, htaccess: true }, 'No: ')
  t.throws(inHtaccess("file('/x') == ''"), { message: 'No: file not available in restricted context (at column 1)' })
  t.throws(inHtaccess('%{filesize:/x} -eq 1'),
    { message: 'No: filesize not available in restricted context (at column 3)' })
  t.doesNotThrow(inHtaccess("-f '/x' && -U '/x' && osenv('PATH') == ''"))
  t.end()
})

t.test('a refusal shows the place; in .htaccess on one line', (t) => {
  const message = (text: string, htaccess: boolean): string => {
    try {
      compiled(text, { ...SOURCE, htaccess }, 'Cannot parse condition clause: ')
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  t.equal(message("'a' == b", false), [
    "Cannot parse condition clause: syntax error, unexpected $end, expecting '('", "  'a' == b", '          ^ column 9',
  ].join('\n'))
  t.equal(message('!', true), 'Cannot parse condition clause: syntax error, unexpected $end (at column 2)')
  t.match(message(`${'true && '.repeat(40)}@`, false), /\n {2}.{60}@\n {62}\^ column 321$/)
  t.end()
})

const library = ((): RegexLibrary | undefined => {
  try {
    return openPcre2()
  } catch {
    return undefined
  }
})()

t.test('sub() and split() with what takes too long', library === undefined ? { skip: 'libpcre2-8 is not installed' } : {}, (t) => {
  setRegexLibrary(() => library!)
  const request = theRequest(files(t))
  const decided = (text: string, value: string): unknown => {
    Object.assign(request, { headersIn: { get: () => value } })
    return compiled(text, SOURCE, '').evaluate(request)
  }
  for (const text of ["sub(s/<[^>]*>|</x/g, req('X')) == 'q'", "'q' in split(m/<[^>]*>|</, req('X'))", "'q' in split(s/<[^>]*>|</x/, req('X'))"])
    t.throws(() => decided(text, '<'.repeat(80_000)), /^Cannot match/, text)
  t.throws(() => decided("sub(s/a/%{HTTP_HOST}/g, req('X')) == 'q'", 'a'.repeat(8000)), /the replacements are too long/)
  t.equal(decided("sub(s/<[^>]*>//g, req('X')) == 'q'", `${'<a>'.repeat(30_000)}q`), true)
  t.equal(decided("sub(s/^a//g, req('X')) == 'b'", `${'a'.repeat(10_000)}b`), true, '^ matches behind each match')
  t.end()
})
