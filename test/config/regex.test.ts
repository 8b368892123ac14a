// Regular expressions: the cases on every engine, the engines against each other, and the bound of steps.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import {
  compileRegex, MatchBudget, MatchError, REGEX_DEFAULTS, setRegexDefaults, setRegexLibrary, type Regex,
  type RegexLibrary, type RegexOptions,
} from '../../core/config/regex.ts'
import { longestSubject, stepsOf } from '../../core/config/regex/cost.ts'
import { isError, matchOf } from '../../core/config/regex/native.ts'
import { parse } from '../../core/config/regex/parse.ts'
import { Wrong, type Parsed } from '../../core/config/regex/tree.ts'
import { openPcre2, stepsPerStart, stepsWhenAnchored } from '../../core/port/pcre2.ts'
import { described, regexCases } from './regex_cases.ts'
import { stepsTaken } from './textbook_matcher.ts'

const FOLDER = 'test/cases/regex'
const pcre2 = opened()
const needsLibrary = pcre2 === undefined ? { skip: 'libpcre2-8 is not installed' } : {}
const missing = (): RegexLibrary => {
  throw new Error('not here')
}

function opened(): RegexLibrary | undefined {
  try {
    return openPcre2()
  } catch {
    return undefined
  }
}

function parsedOf(pattern: string, options: RegexOptions): Parsed | 'wrong' | undefined {
  try {
    return parse(pattern, options)
  } catch (error) {
    if (error instanceof Wrong) return 'wrong'
    throw error
  }
}

for (const name of readdirSync(FOLDER)) {
  t.test(name, (t) => {
    const cases = regexCases(join(FOLDER, name))
    t.ok(cases.length > 5, 'has cases')
    for (const { pattern, options, by, subjects } of cases) {
      setRegexLibrary(missing)
      if (by === 'both') for (const [subject, found] of subjects)
        t.equal(described(compileRegex(pattern, '', options).exec(subject)), found, `/${pattern}/ ${JSON.stringify(subject)}`)
      else t.throws(() => compileRegex(pattern, '', options), by === 'wrong' ? /could not/ : /libpcre2-8/, `/${pattern}/ is not for JavaScript`)
    }
    t.end()
  })

  t.test(`${name}, by PCRE2`, needsLibrary, (t) => {
    setRegexLibrary(() => pcre2!)
    for (const { pattern, options, by, subjects } of regexCases(join(FOLDER, name))) {
      const compiled = pcre2!.compile(pattern, options)
      t.equal(compiled === undefined, by === 'wrong', `/${pattern}/ can be compiled`)
      if (by === 'wrong') t.throws(() => compileRegex(pattern, '', options), { message: 'Regex could not be compiled' })
      for (const [subject, found] of subjects) {
        const result = compiled!.match(subject)
        const text = isError(result) ? 'fails' : described(result < 0 ? null : matchOf(compiled!, subject))
        t.equal(text, found, `/${pattern}/ ${JSON.stringify(subject)}`)
      }
    }
    t.end()
  })
}

/** Pieces of patterns, right and wrong ones. */
const PIECES = [
  'a', 'b', 'A', '1', '_', '-', '/', '.', '^', '$', '|', '(', ')', '(?:', '(?i)', '(?i:', '(?-i)', '(?s-i:', '(?-s)', '(?x)',
  '(?=', '(?!', '(?<=', '(?<!', '(?<n>', '(?P<m>', ')', ')', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,1}', '{2,}',
  '{,2}', '{', '}', ']', '[', '[^', '[ab]', '[^a]', '[a-c]', '[]a]', '[^]a]', '[a-]', '[[:alpha:]]', '[[:^alpha:]]',
  '[[:upper:]b]', '[\\w-]', '[^\\s]', '[a-c-e]', '[--a]', '[\\b]', '\\d', '\\W', '\\s', '\\S', '\\h', '\\v', '\\N', '\\b', '\\B',
  '\\A', '\\z', '\\Z', '\\R', '\\K', '\\1', '\\Qa.b\\E', '\\Q', '\\E', '\\x61', '\\xe9', '\xe9', '\\.', '\\-', '\\ ', ' ', '#',
  '\n', '(?#c)', '\\0', '\\n', '(?|', '(?>', '.*', '.*', '[^/]+', ',', '(a|b)', '(?:ab)+', '(a)?', '(?:a|)', '(?:/[^/]*)*',
] as const
const BYTES = ['a', 'a', 'b', 'A', 'B', '1', '_', '-', '/', '.', '\n', ' ', '\xe9', '\xc9', '\x85', '\xa0', '\r', 'ab', '[', '\0']

const patterns = fc.array(fc.constantFrom(...PIECES), { maxLength: 10 }).map((pieces) => pieces.join(''))
const subjectsOf = (maxLength: number) =>
  fc.array(fc.constantFrom(...BYTES), { maxLength }).map((bytes) => bytes.join(''))
const optionSets: fc.Arbitrary<RegexOptions> = fc.record({
  icase: fc.boolean(), extended: fc.constantFrom(false, false, true), dotall: fc.boolean(), dollarEndonly: fc.boolean(),
  multiline: fc.constant(false),
})

t.test('what JavaScript matches, PCRE2 matches in the same way', needsLibrary, (t) => {
  let translated = 0
  const some = fc.array(subjectsOf(10), { minLength: 5, maxLength: 10 })
  fc.assert(fc.property(patterns, optionSets, some, (pattern, options, subjects) => {
    setRegexLibrary(missing)
    const library = pcre2!.compile(pattern, options)
    const parsed = parsedOf(pattern, options)
    if (parsed === undefined) return true
    if (parsed === 'wrong' || library === undefined) return parsed === 'wrong' && library === undefined
    if (longestSubject(parsed.tree) < 40) return true
    const regex = compileRegex(pattern, '', options)
    translated++
    if (regex.names.join() !== library.names.join()) return false
    return subjects.every((subject) => {
      const result = library.match(subject)
      const wanted = result < 0 ? null : matchOf(library, subject)
      return isError(result) ||
        (described(regex.exec(subject)) === described(wanted) && regex.test(subject) === (wanted !== null))
    })
  }), { numRuns: 8000 })
  t.ok(translated > 1000, `${translated} patterns are translated`)
  t.end()
})

t.test('no match takes more steps than are foretold', (t) => {
  let several = 0
  const ends = fc.constantFrom('', 'b', '/', '\n', '!')
  fc.assert(fc.property(patterns, ends, fc.integer({ min: 0, max: 40 }), (pattern, end, length) => {
    const parsed = parsedOf(pattern, REGEX_DEFAULTS)
    if (parsed === undefined || parsed === 'wrong') return true
    const { tree } = parsed
    const { factor, degree } = stepsOf(tree)
    const most = factor * (length + 2) ** degree
    if (degree > 1 && most < Infinity) several++
    return ['a', 'ab', '/a', '/'].every((part) => {
      const subject = part.repeat(length).slice(0, length) + end
      return most > 200_000 || stepsTaken(tree, subject, most) <= most
    })
  }), { numRuns: 6000 })
  t.ok(several > 100, `${several} patterns look several times`)
  t.end()
})

t.test('which patterns JavaScript may match, and how long a subject', (t) => {
  const longest = (pattern: string): number => longestSubject(parse(pattern, REGEX_DEFAULTS)!.tree)
  for (const pattern of ['\\.php$', '^/a/(.*)\\.html$', '(.*)\\.gif$', '^(/[^/]+)*/index\\.html$', '^/(?!static/).*$', '\\.(?:gif|jpe?g|png)$'])
    t.ok(longest(pattern) > 8190, `${pattern}: any request line (${longest(pattern)})`)
  for (const pattern of ['/.*/.*\\.cgi', 'a.*b.*c', 'a*a*a*b'])
    t.ok(longest(pattern) > 20 && longest(pattern) < 2000, `${pattern}: a short one (${longest(pattern)})`)
  for (const pattern of ['(a+)+$', '(?:a|a)*b', '(?:a|ab)+c', '^(/[^/]+)*x', '(?:a?a){30}b'])
    t.ok(longest(pattern) < 16, `${pattern}: next to none (${longest(pattern)})`)
  t.end()
})

t.test('brackets in each other: as many as the library takes', needsLibrary, (t) => {
  for (const [open, close] of [['(', ')'], ['(?:', ')'], ['(a', ')?'], ['(?=', ')'], ['(?i:', '){1,2}'], ['(?>(', '))']] as const) {
    const nested = (depth: number): string => open.repeat(depth) + 'a' + close.repeat(depth)
    for (const library of [() => pcre2!, missing]) {
      setRegexLibrary(library)
      for (const depth of [252, 4000, 100_000])
        t.throws(() => compileRegex(nested(depth)), /could not be compiled/, `${open} ${depth} times`)
    }
  }
  setRegexLibrary(() => pcre2!)
  t.ok(compileRegex('('.repeat(250) + 'a' + ')'.repeat(250)).test('a'))
  t.ok(pcre2!.compile('('.repeat(250) + 'a' + ')'.repeat(250), REGEX_DEFAULTS))
  t.notOk(pcre2!.compile('('.repeat(251) + 'a' + ')'.repeat(251), REGEX_DEFAULTS))
  t.end()
})

t.test('a match ends', needsLibrary, (t) => {
  setRegexLibrary(() => pcre2!)
  for (const [pattern, subject] of [
    ['(a+)+$', 'a'.repeat(50_000) + 'b'], ['^(?:a|a)*c', 'a'.repeat(50_000) + 'bc'], ['(?:a?){20}a{20}b', 'a'.repeat(38) + 'cb'],
    ['(?>[ab]*?)(?:a*a*)*c', 'b'.repeat(3000) + 'a'.repeat(400) + 'dc'],
  ] as const) {
    const regex = compileRegex(pattern)
    t.throws(() => regex.test(subject), new MatchError(pattern, 'match limit exceeded (PCRE2 error -47)'), pattern)
    t.throws(() => regex.exec(subject), /^Cannot match/)
  }
  t.equal(compileRegex('(a+)+$').test('a'.repeat(50_000)), true, 'one that matches at once')
  t.equal(compileRegex('a.*b.*c').exec(`${'x'.repeat(100_000)}abc`)?.index, 100_000, 'too long for JavaScript, not for PCRE2')
  t.end()
})

t.test('a long subject is searched in groups of starts, with the same result', needsLibrary, (t) => {
  let found = 0
  // In the longer ones a start sees a window first.
  const fills = fc.tuple(fc.constantFrom('a', '\n', '/b', ' '), fc.constantFrom(600, 600, 5000))
  fc.assert(fc.property(patterns, fills, subjectsOf(10), (pattern, [fill, times], end) => {
    // With a verb in front of it a pattern is not searched in groups.
    const [groups, whole] = [pattern, `(*NO_AUTO_POSSESS)${pattern}`].map((each) => pcre2!.compile(each, REGEX_DEFAULTS))
    if (groups === undefined || whole === undefined) return groups === whole
    const subject = fill.repeat(times).padStart(2 * times, '-') + end
    const result = groups.match(subject)
    const text = result < 0 ? '' : described(matchOf(groups, subject))
    const expected = whole.match(subject)
    if (result > 0) found++
    return isError(result) || isError(expected) || (Math.sign(result) === Math.sign(expected) &&
      (result < 0 || text === described(matchOf(whole, subject))))
  }), { numRuns: 600 })
  t.ok(found > 20, `${found} are found`)
  t.end()
})

t.test('stepsWhenAnchored(): never too few to go there and back', (t) => {
  fc.assert(fc.property(fc.nat({ max: 500_000 }), (length) => {
    const steps = stepsWhenAnchored(length)
    return steps >= 2 * length && (steps <= 8 * length || steps * length <= 2048 * 1_000_000)
  }))
  t.end()
})

t.test('what is behind the window counts', needsLibrary, (t) => {
  setRegexLibrary(() => pcre2!)
  const far = 'x'.repeat(30_000)
  for (const [pattern, found] of [
    ['(?>a)x*b', 'b'], ['(?>a)(?=x*b)', ''], ['(?>a)(?!x*c)x', 'x'], ['(?>a)x*+b$', 'b'], ['(?>a)x*(?<=xb|x)b\\b', 'b'],
  ] as const) {
    const match = compileRegex(pattern).exec(`${far}a${far}b`)
    t.equal(match?.index, 30_000, pattern)
    t.ok(match?.[0].endsWith(found))
  }
  t.equal(compileRegex('(?>a)(?!x*b)').test(`a${far}b`), false)
  t.equal(compileRegex('(?>a)x*$').test(`a${far}b`), false)
  t.end()
})

t.test('a long subject: what possessive loops run over counts', needsLibrary, (t) => {
  setRegexLibrary(() => pcre2!)
  for (const [pattern, subject] of [
    ['a[^z]*+[bc]', 'a'.repeat(60_000)], ['[a-z]+[0-9]', `${'a'.repeat(60_000)}-0`],
    ['\\(*a.*[bc]', 'a'.repeat(16_380)], ['[(*]?a.*[bc]', 'a'.repeat(16_380)], ['(*UTF)a.*[bc]', 'a'.repeat(16_380)],
  ] as const)
    t.throws(() => compileRegex(pattern).test(subject), /match limit exceeded/, pattern)
  t.equal(compileRegex('[a-z]+[0-9]').exec(`${'some words '.repeat(20_000)}a0`)?.index, 220_000, 'words are short')
  t.equal(compileRegex('(?>x).*foo(?=q)').test(`x${'word '.repeat(20_000)}foo`), false, 'one way back from the end')
  t.equal(compileRegex('[A-Za-z]+=').exec(`${'a'.repeat(8000)}; b=`)?.index, 8002, 'a header with a long word')
  t.end()
})

t.test('\\G and verbs are seen where they are some', needsLibrary, (t) => {
  setRegexLibrary(() => pcre2!)
  const subject = `${'b'.repeat(3000)}ab`
  for (const [pattern, found] of [
    ['\\Gab', null], ['b(*COMMIT)a', null], ['[(]?b(*COMMIT)a', null], ['[]]?b(*COMMIT)a', null], ['[\\Q][\\E]?b(*COMMIT)a', null],
    ['(?x)b#[\n(*COMMIT)a#]', null], ['(?#[)b(*COMMIT)a(?#])', null], ['[[:digit:](*)]*+(?<=b)a', 3000], ['\\(*b*+a', 0],
    ['[(*C)]*b(?>a)', 2999],
  ] as const)
    t.equal(compileRegex(pattern).exec(subject)?.index ?? null, found, pattern)
  t.end()
})

/** What every() says, the simple way. */
function everySlice(regex: Regex, subject: string): string[] {
  const found: string[] = []
  for (let from = 0; from <= subject.length;) {
    const match = regex.exec(subject.slice(from))
    if (match === null) break
    match.index += from
    found.push(described(match))
    from = match.index + Math.max(1, match[0].length)
  }
  return found
}

t.test('every(): both engines find what one search after the other finds', needsLibrary, (t) => {
  setRegexLibrary(() => pcre2!)
  let several = 0
  const fills = fc.constantFrom('', 'a/b ', '<a>', '\n')
  fc.assert(fc.property(patterns, subjectsOf(12), fills, fc.boolean(), (pattern, some, fill, long) => {
    if (pcre2!.compile(pattern, REGEX_DEFAULTS) === undefined) return true
    const regex = compileRegex(pattern)
    const subject = some + fill.repeat(long ? 400 : 3) + some
    const byLibrary = new MatchBudget()
    byLibrary.foretold = -1
    try {
      const expected = everySlice(regex, subject)
      if (expected.length > 2) several++
      return [new MatchBudget(), byLibrary].every((budget) => regex.every(subject, budget).map(described).join() === expected.join())
    } catch (error) {
      return error instanceof MatchError
    }
  }), { numRuns: 1000 })
  t.ok(several > 50, `${several} times several matches`)
  t.end()
})

t.test('every(): one budget for all matches', needsLibrary, (t) => {
  setRegexLibrary(() => pcre2!)
  const every = (pattern: string, subject: string): number => compileRegex(pattern).every(subject, new MatchBudget()).length
  for (const [pattern, subject] of [
    ['<[^>]*>|<', '<'.repeat(80_000)], ['(?>a.*.*b)|a', 'a'.repeat(1000)], ['(*UTF)a.*b|a', 'a'.repeat(16_000)],
  ] as const)
    t.throws(() => every(pattern, subject), /match limit exceeded/, pattern)
  t.equal(every('a.*b|a', 'a'.repeat(1000)), 1000)
  for (const pattern of ['<[^>]*>', '<(?>[^>]*)>', '(*UTF)<[^>]*>'])
    t.equal(every(pattern, '<a href="x">text</a>, '.repeat(pattern.startsWith('(*') ? 300 : 7000)), pattern.startsWith('(*') ? 600 : 14_000, pattern)
  t.equal(every(',', 'a,b,'.repeat(40_000)), 80_000)
  t.equal(every('[a-z]+', 'some words '.repeat(10_000)), 20_000)
  setRegexLibrary(missing)
  t.throws(() => every('a.*b|a', 'a'.repeat(2000)), /which is not installed/, 'more than JavaScript may take')
  t.equal(every('[a-z]+', 'some words '.repeat(100)), 200)
  t.end()
})

t.test('stepsPerStart(): many starts, few steps each', (t) => {
  fc.assert(fc.property(fc.nat({ max: 200_000 }), (length) => {
    const steps = stepsPerStart(length)
    return steps >= 2 * length && (steps <= 4 * (length + 1) || steps * (length + 1) <= 1_000_000)
  }))
  t.end()
})

t.test('without the library', (t) => {
  setRegexLibrary(missing)
  t.equal(compileRegex('^/(a|b)').exec('/b')?.[1], 'b')
  t.throws(() => compileRegex('(?>a)'), {
    message: 'Regex "(?>a)" could not be compiled: it needs the library PCRE2 (libpcre2-8), which is not installed',
  })
  t.throws(() => compileRegex('a*a*a*b').test('a'.repeat(9000)), {
    message: 'Cannot match "a*a*a*b": a text of 9000 bytes takes the library PCRE2 (libpcre2-8), which is not installed',
  })
  t.end()
})

t.test('flags and defaults', (t) => {
  setRegexLibrary(missing)
  t.ok(compileRegex('^A b$', 'ix').test('ab'))
  setRegexDefaults({ ...REGEX_DEFAULTS, icase: true, dotall: false })
  t.teardown(() => setRegexDefaults(REGEX_DEFAULTS))
  t.ok(compileRegex('^A$').test('a'))
  t.notOk(compileRegex('^.$').test('\n'))
  t.ok(compileRegex('^.$', 's').test('\n'), 'a flag adds to the defaults')
  t.notOk(compileRegex('^A$', '', REGEX_DEFAULTS).test('a'), 'or others hold')
  t.end()
})

t.test('names and source', needsLibrary, (t) => {
  setRegexLibrary(() => pcre2!)
  for (const pattern of ['(?<a>x)(y)(?<b>z)', '(?<a>x)(y)(?<b>(?>z))']) {
    const regex = compileRegex(pattern)
    t.same(regex.names, [undefined, 'a', undefined, 'b'])
    t.equal(regex.source, pattern)
    t.same(compileRegex(`${'()'.repeat(80)}(?>(?<last>a))`).exec('a')?.at(-1), 'a', 'more groups than usual')
  }
  t.end()
})
