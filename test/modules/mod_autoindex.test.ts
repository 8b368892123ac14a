import fc from 'fast-check'
import t from 'tap'
import { cutDescription } from '../../modules/autoindex/format.ts'
import { sizeText } from '../../modules/shared/size_text.ts'
import { findTitle } from '../../modules/autoindex/entries.ts'
import { mergeOptions, NOTHING_SAID, Option, readOptions, switches } from '../../modules/autoindex/options.ts'
import { viewOf } from '../../modules/autoindex/query.ts'
import { autoindex, NO_LISTING } from '../../modules/autoindex/settings.ts'
import { naturally, sortEntries, type Entry } from '../../modules/autoindex/sort.ts'
import { forbidden, module } from '../../modules/mod_autoindex.ts'
import { configure, fakeRequest, fileOf, refusal } from './harness.ts'

t.test('IndexOptions in one place and in several', (t) => {
  const read = (...words: string[]) => readOptions(NOTHING_SAID, words)
  t.equal(switches(read('FancyIndexing', '+HTMLTable', '-FancyIndexing')), Option.table)
  t.equal(switches(read('+HTMLTable', 'FancyIndexing')), Option.fancy, 'one without sign takes back those with one')
  const outer = read('FancyIndexing', 'NameWidth=*', 'IconWidth')
  t.equal(switches(mergeOptions(outer, read('+HTMLTable'))), Option.fancy | Option.table)
  t.equal(switches(mergeOptions(outer, read('HTMLTable'))), Option.table)
  t.equal(switches(mergeOptions(outer, read('None'))), Option.none)
  t.equal(switches(mergeOptions(mergeOptions(outer, read('-FancyIndexing')), read('+FancyIndexing'))), 0,
    'as in Apache, what was once taken away stays away')
  t.match(mergeOptions(outer, read('+XHTML')), { nameWidth: { fits: true }, iconWidth: 20 })
  t.match(mergeOptions(outer, read('-NameWidth')), { nameWidth: { width: 23, fits: false } })
  t.end()
})

t.test('what is refused, in Apache\'s words', (t) => {
  const is = (line: string, text: string) => t.equal(refusal([module], line), text, line)
  is('IndexOptions +None', "Cannot combine '+' or '-' with 'None' keyword")
  is('IndexOptions None XHTML', "Cannot combine other IndexOptions keywords with 'None'")
  is('IndexOptions Fancy', 'Invalid directory indexing option')
  is('IndexOptions -IconWidth=3', "Cannot combine '-' with IconWidth=n")
  is('IndexOptions NameWidth', "NameWidth with no value may only appear as '-NameWidth'")
  is('IndexOptions NameWidth=4', 'NameWidth value must be greater than 5')
  is('IndexOptions DescriptionWidth=11', 'DescriptionWidth value must be greater than 12')
  is('AddIcon (x /a', 'missing closing paren')
  is('AddIcon x', 'AddIcon requires at least two arguments, an icon URL followed by one or more filenames')
  is('IndexOrderDefault Up Name', "First keyword must be 'Ascending' or 'Descending'")
  is('IndexOrderDefault Ascending Name2', "Second keyword must be 'Name', 'Date', 'Size', or 'Description'")
  is('FancyIndexing On', 'The FancyIndexing directive is no longer supported. Use IndexOptions FancyIndexing.')
  t.end()
})

t.test('options with a sign outside of all sections', (t) => {
  const shown = (text: string) => viewOf(configure([module], text).dir.holds(autoindex).listing, undefined).options
  t.equal(shown('IndexOptions +FancyIndexing'), 0, 'nothing is merged, so they do not count')
  t.equal(shown('IndexOptions +FancyIndexing\n<Directory /a>\nIndexIgnore x\n</Directory>'), Option.fancy)
  t.end()
})

t.test('what the client chooses', (t) => {
  const view = (args: string) => viewOf({ ...NO_LISTING, options: { ...NOTHING_SAID, plain: Option.fancy } }, args)
  t.match(view('C=S;O=D&F=2'), { key: 'S', ascending: false, options: Option.fancy | Option.table, carried: ';F=2' })
  t.match(view('P=a%20*;V=1'), { pattern: 'a *', options: Option.fancy | Option.versionSort, carried: ';V=1;P=a%20*' })
  t.match(view('C=X;F=0'), { key: 'N', options: Option.fancy }, 'what is not understood ends it')
  t.match(view('P=%zz;C=D'), { pattern: undefined, key: 'D' })
  t.match(viewOf({ ...NO_LISTING, options: { ...NOTHING_SAID, plain: Option.ignoreClient } }, 'C=S'),
    { key: 'N', options: Option.ignoreClient | Option.noColumnSorting })
  t.end()
})

t.test('sizes', (t) => {
  const is = (size: number, text: string) => t.equal(sizeText(size), text)
  is(-1, '  - ')
  is(0, '  0 ')
  is(972, '972 ')
  is(973, '1.0K')
  is(9900, '9.7K')
  is(10188, '9.9K')
  is(1_047_552, '1.0M')
  is(2 ** 40, '1.0T')
  fc.assert(fc.property(fc.nat({ max: 2 ** 50 }), (size) => sizeText(size).length === 4))
  t.end()
})

t.test('descriptions are cut by what is seen of them', (t) => {
  t.equal(cutDescription('abcdef', 6), 'abcdef')
  t.equal(cutDescription('abcdef', 3), 'ab>')
  t.equal(cutDescription('<b>ab</b>cd', 2), '<b>ab</b>cd'.slice(0, 8) + '>')
  t.equal(cutDescription('&uuml;&uuml;x', 2), '&uuml;&uuml>')
  t.equal(cutDescription('a <open', 2), 'a <open')
  t.equal(findTitle('x<TITLE>\r\nA\nb</title>'), 'A b')
  t.equal(findTitle('<h1>'), undefined)
  t.end()
})

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  name, icon: undefined, alt: undefined, description: undefined, modified: 0, size: 0, isFolder: false, ...more,
})

t.test('the order of names', (t) => {
  const order = { key: 'N', ascending: true, versions: false, ignoreCase: false } as const
  const sorted = (names: string[], more = {}) => sortEntries(names.map((name) => entry(name)), { ...order, ...more })
    .map(({ name }) => name)
  t.strictSame(sorted(['b', 'a', 'B', '/']), ['/', 'B', 'a', 'b'])
  t.strictSame(sorted(['b', 'a', 'B', '/'], { ascending: false }), ['/', 'b', 'a', 'B'])
  t.strictSame(sorted(['b', 'B', 'a'], { ignoreCase: true }), ['a', 'B', 'b'])
  t.strictSame(sorted(['f10', 'f9', 'f1'], { versions: true }), ['f1', 'f9', 'f10'])
  t.ok(naturally('1.010', '1.02', false) < 0, 'with a zero in front digits are a fraction')
  t.ok(naturally('a  1', 'a 2', false) < 0, 'blanks do not count')
  const name = fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', 'B', ' ', '.'), maxLength: 12 })
  fc.assert(fc.property(name, name, (a, b) => Math.sign(naturally(a, b, false)) === -Math.sign(naturally(b, a, false))))
  const digits = '1'.repeat(20_000)
  t.equal(naturally(digits, digits, false), 0, 'long numbers take no long time')
  const mixed = [entry('a', { size: 2 }), entry('d/', { size: -1, isFolder: true }), entry('b', { size: 1 })]
  t.strictSame(sortEntries(mixed, { ...order, key: 'S', ascending: false }).map(({ name }) => name), ['d/', 'a', 'b'])
  const byte = fc.constantFrom(...'aAbBzZ09._~\xff\x01')
  const file = fc.tuple(fc.constantFrom('', 'shared start '), fc.array(byte, { minLength: 1, maxLength: 12 })).map(([start, rest]) => start + rest.join(''))
  fc.assert(fc.property(fc.uniqueArray(file), fc.boolean(), fc.boolean(), (names, ignoreCase, ascending) => {
    const folded = (text: string) => (ignoreCase ? text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : text)
    const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
    const plainly = names.toSorted((a, b) => (compare(folded(a), folded(b)) || compare(a, b)) * (ascending ? 1 : -1))
    return sorted(names, { ignoreCase, ascending }).join('\n') === plainly.join('\n')
  }), { numRuns: 300 })
  t.equal(sorted(['/up', 'b', 'a'], { ascending: false }).join(), '/up,b,a', 'the way up stays in front')
  t.end()
})

t.test('a directory that may not be listed', (t) => {
  const request = fakeRequest(configure([module], ''), { finfo: fileOf('directory'), filename: '/docs/d/' })
  t.equal(forbidden(request), 403)
  t.match(request.logged, [{ message: /^AH01276: Cannot serve directory \/docs\/d\/: No matching DirectoryIndex \(none\) found/ }])
  t.end()
})
