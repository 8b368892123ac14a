// mod_precompressed: which form of a file a client gets, and which it never gets.
import t from 'tap'
import type { FileInfo } from '../../core/hook/types.ts'
import { accepted, choose, module, weightOf } from '../../modules/mod_precompressed.ts'
import { configure, fakeRequest, fileOf, refusal, type FakeRequest, type Wanted } from './harness.ts'

const file = (size: number, mtimeMs = 1000): FileInfo => ({ ...fileOf('file'), size, mtimeMs })

async function chosen(there: Readonly<Record<string, FileInfo>>, wanted: Wanted = {}, conf = 'Precompressed On'): Promise<FakeRequest> {
  const files = Object.fromEntries(Object.entries(there).map(([name, finfo]) => [`/a.html.${name}`, { finfo }]))
  const r = fakeRequest(configure([module], conf), {
    uri: '/a.html', filename: '/docs/a.html', finfo: file(100), headers: { 'Accept-Encoding': 'gzip, br' }, files,
    stat: (path) => there[path.replace('/docs/a.html.', '')] ?? fileOf('none'), ...wanted,
  })
  t.equal(await choose(r), 0)
  return r
}

t.test('the form that the client accepts and the site prefers', async (t) => {
  const both = { gz: file(20), br: file(10) }
  const r = await chosen(both)
  t.match(r, { filename: '/docs/a.html.br', contentEncoding: 'br', finfo: { size: 10 } })
  t.equal(r.headersOut.get('Vary'), 'Accept-Encoding')
  t.equal((await chosen(both, {}, 'Precompressed gzip br')).filename, '/docs/a.html.gz')
  t.equal((await chosen(both, { headers: { 'Accept-Encoding': 'br;q=0.1, gzip' } })).filename, '/docs/a.html.gz')
  const none = await chosen(both, { headers: {} })
  t.match(none, { filename: '/docs/a.html', contentEncoding: undefined })
  t.equal(none.headersOut.get('Vary'), 'Accept-Encoding', 'another client gets another form')
  t.equal((await chosen({})).headersOut.get('Vary'), undefined)
})

t.test('forms that are not served', async (t) => {
  const is = async (what: string, there: Readonly<Record<string, FileInfo>>, wanted: Wanted = {}) =>
    t.equal((await chosen(there, wanted)).filename, '/docs/a.html', what)
  await is('older than the file', { gz: file(20, 999) })
  await is('a directory', { gz: fileOf('directory') })
  await is('with the ETag of the file', { gz: file(100) })
  await is('with the ETag of another form', { gz: file(10), br: file(10) })
  await is('for a POST', { gz: file(20) }, { method: 'POST' })
  await is('for a handler', { gz: file(20) }, { handler: 'server-status' })
  await is('guarded', { gz: file(20) }, { subLookup: (path) => ({ ...fakeLookup, uri: path, status: 403 }) })
})

const fakeLookup = { filename: '/docs/a.html.gz', uri: '', finfo: fileOf('file'), contentType: undefined, handler: undefined,
  headersOut: fakeRequest(configure([module], '')).headersOut }

t.test('weights', (t) => {
  const cases: [string, string, number | undefined][] = [
    ['gzip', 'gzip', 1], ['GZIP ; q=0.5', 'gzip', 0.5], ['gzip;q=0', 'gzip', 0], ['br', 'gzip', undefined], ['*;q=0.1, br', 'gzip', 0.1],
    ['gzip;q=x', 'gzip', 1], ['gzip;level=9;q=0.25', 'gzip', 0.25], ['', 'gzip', undefined],
  ]
  for (const [header, coding, weight] of cases) t.equal(weightOf(header, coding), weight, header)
  const forms = [{ coding: 'br', suffix: '' }, { coding: 'gzip', suffix: '' }]
  const names = (header: string) => accepted(header, forms).map(({ coding }) => coding).join()
  t.equal(names('gzip, br'), 'br,gzip')
  t.equal(names('*'), 'br,gzip')
  t.equal(names('identity, gzip;q=0.5, br'), 'br')
  t.equal(names('identity;q=0.1, gzip;q=0.5'), 'gzip')
  t.equal(names('*;q=0, gzip'), 'gzip')
  t.equal(names('x,'.repeat(100_000)), '')
  t.end()
})

t.test('refusals', (t) => {
  t.match(refusal([module], 'Precompressed deflate'), /^Precompressed cannot be "deflate": /)
  t.match(refusal([module], 'Precompressed On gzip'), /^Precompressed cannot be On or Off and have a list as well/)
  t.match(refusal([module], 'Precompressed'), /^Precompressed requires at least one argument/)
  t.end()
})
