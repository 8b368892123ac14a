import fc from 'fast-check'
import t from 'tap'
import { variantETag } from '../../core/http/etag.ts'
import { qualityOf, readRanges, readType } from '../../modules/negotiation/accept.ts'
import { readTypeMap } from '../../modules/negotiation/type_map.ts'
import { choose, type Priorities, type Variant, type Wishes } from '../../modules/negotiation/variants.ts'
import { module, multiviews, renameEncoding } from '../../modules/mod_negotiation.ts'
import { DECLINED, HANDOVER, OK } from '../../core/hook/hook.ts'
import { configure, fakeRequest, fileOf, refusal } from './harness.ts'

t.test('lists of what is accepted', (t) => {
  const read = (text: string) => readRanges(text)!.map(({ name, quality }) => [name, quality])
  t.equal(readRanges(undefined), undefined)
  t.strictSame(read(''), [])
  t.strictSame(read('text/HTML;q=0.5, */*'), [['text/html', 0.5], ['*/*', 1]])
  t.strictSame(read('text/html text/plain'), [['text/html', 1], ['text/plain', 1]], 'blanks separate as well')
  t.match(readType('text/html; level=3; charset="UTF-8"'), { level: 3, charset: 'utf-8' })
  t.equal(readType('text/html').level, 2, 'HTML is of level 2')
  for (const [text, quality] of [['0.5', 0.5], ['.7', 0.7], ['0', 0], ['0.12345', 0.123], ['1.0', 1], ['x', 1], ['', 1], ['-1', 1]])
    t.equal(qualityOf(text as string), quality, text as string)
  fc.assert(fc.property(fc.string(), (text) => readRanges(text)!.every(({ quality }) => quality >= 0 && quality <= 1)))
  t.ok(readRanges(',;'.repeat(100_000))!.length <= 500, 'what nobody needs is not read')
  t.end()
})

const variant = (name: string, more: Partial<Variant> = {}): Variant => ({
  name, type: 'text/html', sourceQuality: 1, level: 2, charset: '', languages: [], encoding: undefined, description: '',
  body: undefined, found: undefined, length: () => 10, ...more,
})

const NOTHING: Wishes = {
  types: undefined, languages: undefined, charsets: undefined, encodings: undefined, strict: false, remote: false, mayChoose: true,
}
const NO_PRIORITIES: Priorities = { languages: [], prefer: true, fallback: false, language: undefined, encoded: 'all' }

t.test('the best variant', (t) => {
  const best = (variants: Variant[], wishes: Partial<Wishes> = {}, priorities: Partial<Priorities> = {}) =>
    choose(variants, { ...NOTHING, ...wishes }, { ...NO_PRIORITIES, ...priorities }).best?.name
  const languages = [variant('en', { languages: ['en'] }), variant('de', { languages: ['de'] }), variant('gb', { languages: ['en-gb'] })]
  const wants = (text: string) => ({ languages: readRanges(text)! })
  t.equal(best(languages, wants('de')), 'de')
  t.equal(best(languages, wants('en-gb, en;q=0.9')), 'gb')
  t.equal(best(languages, wants('en-us')), 'en', 'a language whose first part fits is better than none')
  t.equal(best(languages, wants('it')), undefined)
  t.equal(best(languages, wants('it'), { languages: ['de'], fallback: true }), 'de')
  t.equal(best(languages, wants('en, de'), { languages: ['de'] }), 'de', 'LanguagePriority decides between equals')
  t.equal(best(languages, wants('en'), { language: 'de' }), 'de', 'prefer-language')
  t.equal(best(languages, wants('en'), { language: 'it' }), 'en')
  t.equal(best([variant('large', { length: () => 20 }), variant('small')]), 'small')
  const encoded = [variant('plain'), variant('gz', { encoding: 'x-gzip' })]
  t.equal(best(encoded), 'plain')
  t.equal(best(encoded, { encodings: readRanges('gzip')! }), 'gz')
  t.equal(best(encoded, { encodings: readRanges('gzip')! }, { encoded: 'none' }), 'plain', 'no-gzip')
  t.equal(best(encoded, { encodings: readRanges('identity;q=0')! }), undefined)
  t.equal(best([variant('a', { charset: 'iso-8859-1' }), variant('b', { charset: 'utf-8' })]), 'b')
  t.equal(best(languages, { mayChoose: false }), undefined)
  t.end()
})

t.test('type maps', (t) => {
  const read = (text: string) => readTypeMap(text, '/d/x.var', () => 5)
  t.match(read('URI: a.html\nContent-Type: text/html;\n  qs=0.5\n\nURI: b.html\nContent-Language: de, en\n').variants,
    [{ name: 'a.html', sourceQuality: 0.5 }, { name: 'b.html', languages: ['de', 'en'] }])
  t.strictSame(read('URI: a.html\n').variants, [], 'one that says nothing of itself is none')
  t.match(read('Content-Type: text/html\nBody:END\nthe text\nEND rest\n\n').variants, [{ name: 'x.var', body: 33 }])
  t.match(read('Content-Type text/html').fault, { fatal: true, message: /^AH00681/ })
  t.match(read('URI:\n').fault, { fatal: true, message: /^AH00682/ })
  t.match(read('Content-Length: -1\n').fault, { fatal: false, message: /^AH00684/ })
  t.match(read('Body:END\n').fault, { fatal: false, message: /^AH00685/ })
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('URI:', 'Body:', 'x', '\n', ' ', '#', '(', '"') }), (text) => {
    read(text)
    return true
  }))
  t.end()
})

t.test('tags of what was chosen', (t) => {
  t.equal(variantETag('"a"', '"b"'), '"a;b"')
  t.equal(variantETag('"a"', 'W/"b"'), 'W/"a;b"')
  t.equal(variantETag('W/"a"', 'W/"b"'), 'W/"a;b"')
  t.end()
})

t.test('what runs where', (t) => {
  const configured = configure([module], '')
  t.equal(multiviews(fakeRequest(configured, { finfo: fileOf('file'), filename: '/d/a' })), DECLINED, 'what is there is served')
  t.equal(multiviews(fakeRequest(configured, { filename: '/d/a', mayBlock: false })), HANDOVER)
  const packed = fakeRequest(configured, { contentEncoding: 'gzip', headers: { 'Accept-Encoding': 'br, x-gzip' } })
  t.equal(renameEncoding(packed), OK)
  t.equal(packed.contentEncoding, 'x-gzip')
  t.end()
})

t.test('what is refused', (t) => {
  const is = (line: string, text: string) => t.equal(refusal([module], line), text, line)
  is('ForceLanguagePriority None Prefer', 'Cannot combine ForceLanguagePriority options None and Prefer')
  is('ForceLanguagePriority Prefer None', 'Cannot combine ForceLanguagePriority options with None')
  is('ForceLanguagePriority x', 'Invalid ForceLanguagePriority option x')
  t.end()
})
