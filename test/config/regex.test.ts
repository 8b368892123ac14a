import t from 'tap'
import { compileRegex } from '../../core/config/regex.ts'

/** Pattern, texts that it matches, texts that it does not. */
const rows: readonly (readonly [pattern: string, matches: readonly string[], not: readonly string[]])[] = [
  ['^a.c$', ['abc', 'a\nc'], ['abc\n', 'xabc']],
  ['(?i)^abc', ['ABCd'], ['xabc']],
  ['\\.(?i:gif|jpe?g)$', ['.GIF', '.Jpg', '.jpeg'], ['.gi', '.GIFx']],
  ['^a(?i:b)c$', ['abc', 'aBc'], ['Abc', 'abC']],
  ['^(?i)a(b)$', ['AB'], []],
  ['^a((?i)b)c$', ['aBc'], ['aBC']],
  ['^(?i:[a-c]x[^d])$', ['BX1', 'cxe'], ['dx1', 'axD', 'axd']],
  ['^[[:alpha:]_]+$', ['a_B'], ['a1']],
  ['^[^[:space:]]$', ['a'], [' ', '\t']],
  ['^[]a]+$', [']a]'], ['b']],
  ['^[^]a]$', ['b'], [']', 'a']],
  ['^[[]$', ['['], ['a']],
  ['\\Aa\\z', ['a'], ['a\n', 'ba']],
  ['\\Aa\\Z', ['a', 'a\n'], ['ba']],
  ['^a\\hb$', ['a b', 'a\tb'], ['a\nb']],
  ['^\\Qa.b\\E+$', ['a.bb'], ['axb']],
  ['^(?P<n>a)(?P=n)$', ['aa'], ['ab']],
  ['^(?<n>a)\\k<n>$', ['aa'], ['a']],
  ['^(?#remark)a$', ['a'], ['b']],
  ['^a\\x{62}$', ['ab'], ['ax{62}']],
  ['^/(?:a|b)/(?!c)', ['/a/d'], ['/a/c']],
  ['^a{2}$', ['aa'], ['a']],
]

t.test('compileRegex() means what PCRE means', (t) => {
  for (const [pattern, matches, not] of rows) {
    const regex = compileRegex(pattern)
    for (const text of matches) t.ok(regex.test(text), `${pattern} matches ${JSON.stringify(text)}`)
    for (const text of not) t.notOk(regex.test(text), `${pattern} does not match ${JSON.stringify(text)}`)
  }
  t.ok(compileRegex('^A$', 'i').test('a'), 'flag i')
  t.end()
})

t.test('compileRegex() refuses what it cannot say', (t) => {
  const patterns = [
    '(', '[a', 'a**', 'a++', 'a{1}+', '(?>a)', 'a\\Kb', '\\p{L}', '[[:nothing:]]', 'a\\', '(?x) a',
  ]
  for (const pattern of patterns)
    t.throws(() => compileRegex(pattern), { message: 'Regex could not be compiled' }, pattern)
  t.end()
})
