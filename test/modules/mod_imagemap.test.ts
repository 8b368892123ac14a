// mod_imagemap: points, areas, URLs and lines of maps.
import fc from 'fast-check'
import t from 'tap'
import { pointOf } from '../../modules/mod_imagemap.ts'
import { mapLines } from '../../modules/imagemap/map.ts'
import { inCircle, inPolygon, inRectangle, type Point } from '../../modules/imagemap/shapes.ts'
import { mapUrl } from '../../modules/imagemap/url.ts'
import { configure, fakeRequest } from './harness.ts'

const nothing = configure([], '')

t.test('mapUrl()', (t) => {
  const r = fakeRequest(nothing, { uri: '/m/x.map' })
  const is = (base: string | undefined, word: string, url: unknown) => t.match(mapUrl(r, base, word), url, `${base ?? '-'} ${word}`)
  is('http://h/a/b/c', 'd', /^http:\/\/h\/a\/b\/d$/)
  is('http://h/a/b/c', '../d', /^http:\/\/h\/a\/d$/)
  is('http://h/a/b/c', '../../d', /^http:\/\/h\/d$/)
  is('http://h/a/b/c', '/d', /^http:\/\/h\/d$/)
  is('http://h/a/b/c', '../../../d', { message: /^AH00678: / })
  is('http://h', '../d', { message: /^AH00678: / })
  is('word', '..', { message: /^AH00677: / })
  is('http://h/a', 'mailto:x', /^mailto:x$/)
  is('http://h/a', 'MENU', /^http:\/\/asked.example\/m\/x.map$/)
  is(undefined, 'referer', /^http:\/\/asked.example\/$/)
  t.equal(mapUrl(fakeRequest(nothing, { headers: { Referer: 'http://r/' } }), 'x', 'referer'), 'http://r/')
  t.end()
})

t.test('mapUrl() ends for every base and word', (t) => {
  const text = fc.array(fc.constantFrom('/', '..', '.', 'a', ':', '//', 'http://h', '?', ''), { maxLength: 12 })
    .map((pieces) => pieces.join(''))
  fc.assert(fc.property(text, text, (base, word) => mapUrl(fakeRequest(nothing), base, word) !== undefined))
  t.end()
})

t.test('pointOf()', (t) => {
  const is = (args: string | undefined, point: Point | undefined) => t.same(pointOf(args), point, args ?? '-')
  is('3,4', [3, 4])
  is('x3.5y,z4', [3.5, 4])
  for (const none of [undefined, '', '3', ',4', '3,', '0,0', 'foo']) is(none, undefined)
  t.equal(pointOf('x'.repeat(1_000_000)), undefined, 'looked at once, however long it is')
  t.end()
})

t.test('areas', (t) => {
  const square: Point[] = [[0, 0], [10, 0], [10, 10], [0, 10]]
  const coordinate = fc.integer({ min: -2, max: 12 })
  fc.assert(fc.property(coordinate, coordinate, (x, y) => {
    const inside = x >= 0 && x <= 10 && y >= 0 && y <= 10
    return inPolygon([x, y], square) === inside && inRectangle([x, y], [square[2]!, square[0]!]) === inside &&
      inCircle([x, y], [[5, 5], [5, 0]]) === ((x - 5) ** 2 + (y - 5) ** 2 <= 25)
  }))
  t.notOk(inRectangle([5, 5], [[0, 0]]), 'half of one')
  t.notOk(inCircle([5, 5], []))
  t.notOk(inPolygon([5, 5], []))
  t.end()
})

t.test('mapLines()', (t) => {
  const lines = [...mapLines('# c \n\n base /x\nDefault /y "text"\nrect /z "quoted" 1,2 3, 4\npoly /p 1,2 3,4 \\\n5,6 "after\npoint\nrect /never 1,2\n')]
  t.same(lines, [
    { kind: 'comment', text: ' c' }, { kind: 'blank' }, { kind: 'base', value: '/x' },
    { kind: 'default', value: '/y', text: 'text' },
    { kind: 'area', shape: 'rect', value: '/z', text: 'quoted', points: [[1, 2], [3, 4]] },
    { kind: 'area', shape: 'poly', value: '/p', text: 'after', points: [[1, 2], [3, 4], [5, 6]] },
    { kind: 'fault', line: 8 },
  ])
  t.match([...mapLines(`rect x ${'1,2 '.repeat(150)}`)], [{ points: { length: 100 } }])
  t.same([...mapLines(`${"x \\\n".repeat(200_000)}`)], [], "nor one of many parts")
  t.same([...mapLines(`a b\n${'x'.repeat(9000)}\na b`)].length, 1, 'a line that is too long ends it')
  t.end()
})
