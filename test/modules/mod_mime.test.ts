import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DECLINED, OK } from '../../core/hook/hook.ts'
import { extensionsOf, findType, module as mime, parseTypes } from '../../modules/mod_mime.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, fileOf, refusal, type Wanted } from './harness.ts'

const dir = mkdtempSync(join(tmpdir(), 'mime-'))
const typesFile = join(dir, 'mime.types')
writeFileSync(typesFile,
  '# comment txt\ntext/plain\ttxt asc\n  text/html html HTM  \n\nimage/gif gif\napplication/none\ntext/other txt2\n')
t.teardown(() => rmSync(dir, { recursive: true }))

function start(file: string) {
  const configured = configure([mime], `TypesConfig ${file}`)
  const notes: string[] = []
  return { status: configured.modules.hooks.postConfig.run(fakeStartup(fakeServer(configured.conf), notes)), notes }
}

t.test('TypesConfig', (t) => {
  t.strictSame(start(typesFile), { status: OK, notes: [] })
  t.strictSame(start('/no/such/file'), { status: 500,
    notes: ['error mime: (2)No such file or directory: AH01597: could not open mime types config file ' +
      '/no/such/file.'] })
  t.strictSame([...parseTypes('a/b x Y\r\na/c y\n#a/d z\n')], [['x', 'a/b'], ['y', 'a/c']])
  t.end()
})

function typed(text: string, filename: string, more: Wanted = {}) {
  const request = fakeRequest(configure([mime], text), { filename, finfo: fileOf('file'), ...more })
  const status = findType(request)
  const { contentType, contentEncoding, contentLanguages, handler } = request
  return { status, type: contentType, encoding: contentEncoding, languages: contentLanguages, handler }
}

t.test('the extensions of a name', (t) => {
  const is = (path: string, expected: string) => t.equal(extensionsOf(path), expected, path)
  is('/a.b/c', '')
  is('/a/c.html', 'html')
  is('/a/.png', '')
  is('/a/..png.gif', 'gif')
  is('/a/c.en.html.gz', 'en.html.gz')
  is('/a/c.', '')
  t.end()
})

t.test('types of files', (t) => {
  const is = (text: string, name: string, expected: Partial<ReturnType<typeof typed>>, more: Wanted = {}) =>
    t.match(typed(text, `/docs/${name}`, more), expected, `${text.replaceAll('\n', '; ')}: ${name}`)
  is('', 'a.html', { status: OK, type: 'text/html' })
  is('', 'a.HTML', { type: 'text/html' })
  is('', 'a.unknown', { status: DECLINED, type: undefined })
  is('', 'txt.html', { type: 'text/html' })
  is('', 'a.txt.html', { type: 'text/html' })
  is('', 'a.html.unknown', { type: 'text/html' })
  is('', 'README', { status: DECLINED })
  is('', 'd', { status: OK, type: 'httpd/unix-directory' }, { finfo: fileOf('directory') })
  is('AddType Text/X .html', 'a.html', { type: 'text/x' })
  is('AddType text/x html\nRemoveType html', 'a.html', { status: DECLINED, type: undefined })
  is('AddEncoding x-gzip .gz .tgz', 'a.html.gz', { type: 'text/html', encoding: 'x-gzip' })
  is('AddEncoding gzip gz\nAddEncoding br br', 'a.txt.gz.br', { encoding: 'gzip, br' })
  is('AddEncoding gzip gz\n<Directory /d>\nRemoveEncoding gz\n</Directory>', 'a.gz', { encoding: undefined })
  is('AddLanguage en .en\nAddLanguage fr .fr', 'a.html.en', { languages: ['en'], type: 'text/html' })
  is('AddLanguage en .en\nAddLanguage fr .fr', 'a.fr.html.en', { languages: ['fr', 'en'] })
  is('DefaultLanguage de', 'a.html', { languages: ['de'] })
  is('DefaultLanguage de\nAddLanguage en en', 'a.html.en', { languages: ['en'] })
  is('AddCharset UTF-8 .utf8', 'a.html.utf8', { type: 'text/html; charset=utf-8' })
  is('AddType "text/html; charset=x" .h\nAddCharset UTF-8 .u', 'a.h.u', { type: 'text/html; charset=utf-8' })
  is('AddHandler cgi-script .cgi', 'a.cgi', { handler: 'cgi-script', status: DECLINED })
  is('AddHandler cgi-script .cgi', 'a.cgi.html', { handler: 'cgi-script', type: 'text/html' })
  is('AddHandler cgi-script .cgi\n<Directory /d>\nRemoveHandler .cgi\n</Directory>', 'a.cgi', { handler: undefined })
  is('AddType a/b .x\n<Directory /d>\nAddEncoding gzip .x\n</Directory>', 'f.x', { type: 'a/b', encoding: 'gzip' })
  is('AddInputFilter DEFLATE .z\nAddOutputFilter DEFLATE .z\nRemoveOutputFilter .z', 'a.z.html', { type: 'text/html' })
  is('', 'prog', { status: DECLINED }, { pathInfo: '/x.html' })
  is('<Location /l>\nModMimeUsePathInfo On\n</Location>', 'prog', { type: 'text/html' }, { pathInfo: '/x.html' })
  t.equal(findType(fakeRequest(configure([mime], ''))), DECLINED, 'no file name')
  t.end()
})

t.test('what was found is kept per configuration, and does not grow without bound', (t) => {
  const one = configure([mime], 'AddType a/one x')
  const two = configure([mime], 'AddType a/two x')
  for (const [configured, expected] of [[one, 'a/one'], [two, 'a/two'], [one, 'a/one']] as const) {
    const request = fakeRequest(configured, { filename: '/f.x', finfo: fileOf('file') })
    findType(request)
    t.equal(request.contentType, expected)
  }
  for (let i = 0; i < 3000; i++) findType(fakeRequest(one, { filename: `/f.${i}.x`, finfo: fileOf('file') }))
  const again = fakeRequest(one, { filename: '/f.1.x', finfo: fileOf('file') })
  findType(again)
  t.equal(again.contentType, 'a/one')
  t.end()
})

t.test('refusals', (t) => {
  t.equal(refusal([mime], 'AddType text/html'),
    'AddType requires at least two arguments, A content type, and the extensions that stand for it')
  t.equal(refusal([mime], 'RemoveType'), 'RemoveType requires at least one argument, Extensions that stand for no type')
  t.equal(refusal([mime], 'MultiviewsMatch some'), "Unrecognized option 'some'")
  t.equal(refusal([mime], 'MultiviewsMatch Any'), undefined)
  t.end()
})
