import t from 'tap'
import { DECLINED, OK } from '../../core/hook/hook.ts'
import { Headers } from '../../core/server/header_table.ts'
import { fixup, module as dir } from '../../modules/mod_dir.ts'
import { configure, fakeRequest, fileOf, refusal, type Wanted } from './harness.ts'

const directory = fileOf('directory')

function ask(text: string, wanted: Wanted) {
  const request = fakeRequest(configure([dir], text), { finfo: directory, ...wanted })
  return { status: fixup(request), request, location: request.headersOut.get('Location') }
}

t.test('a directory without its slash is redirected', (t) => {
  t.match(ask('', { uri: '/a b' }), { status: 301, location: 'http://asked.example/a%20b/' })
  t.match(ask('', { uri: '/a', args: 'x=1' }), { status: 301, location: 'http://asked.example/a/?x=1' })
  t.equal(ask('DirectorySlash Off', { uri: '/a' }).status, DECLINED)
  const careful = new Map([['redirect-carefully', '1']])
  t.equal(ask('', { uri: '/a', method: 'PROPFIND', env: careful }).status, DECLINED)
  t.equal(ask('', { uri: '/a', method: 'GET', env: careful }).status, 301)
  t.end()
})

t.test('DirectoryIndex', (t) => {
  const files = { '/d/index.html': {}, '/d/second.html': {}, '/all.html': {} }
  const served = (text: string, more: Wanted = {}) => {
    const { status, request } = ask(text, { uri: '/d/', files, ...more })
    return status === OK ? request.uri : status
  }
  t.equal(served(''), '/d/index.html', 'index.html by default')
  t.equal(served('DirectoryIndex missing.html second.html index.html'), '/d/second.html')
  t.equal(served('DirectoryIndex missing.html\nDirectoryIndex second.html'), '/d/second.html', 'lines add up')
  t.equal(served('DirectoryIndex index.html\nDirectoryIndex disabled'), DECLINED)
  t.equal(served('DirectoryIndex /all.html'), '/all.html')
  t.equal(served('DirectoryIndex ../all.html'), '/all.html', 'the path that sections see has no ..')
  t.equal(served('', { files: { '/d/index.html': { finfo: directory } } }), DECLINED, 'an index is a plain file')
  t.equal(served('', { files: { '/d/index.html': { handler: 'proxy-server', finfo: fileOf('none') } } }),
    '/d/index.html')
  t.equal(served('', { files: { '/d/index.html': { status: 403 } } }), 403, 'a fault is no reason for a listing')
  t.equal(served('DirectoryIndex index.html second.html', { files: { ...files, '/d/index.html': { status: 403 } } }),
    '/d/second.html')
  t.equal(served('', { pathInfo: '/x' }), DECLINED)
  t.equal(served('', { handler: 'redirect-handler' }), DECLINED)
  t.equal(served('', { handler: 'mine' }), '/d/index.html')
  t.equal(served('DirectoryCheckHandler On', { handler: 'mine' }), DECLINED)
  const nothing = ask('DirectoryIndex a b', { uri: '/d/' })
  t.equal(nothing.status, DECLINED)
  t.equal(nothing.request.notes.get('dir-index-names'), 'a,b')
  t.equal(nothing.request.handler, 'httpd/unix-directory')
  t.end()
})

t.test('a redirect of the look-up is passed on', (t) => {
  const headersOut = new Headers()
  headersOut.set('Location', 'http://else.example/')
  t.match(ask('', { uri: '/d/', files: { '/d/index.html': { status: 302, headersOut } } }),
    { status: 302, location: 'http://else.example/' })
  t.equal(ask('', { uri: '/d/', files: { '/d/index.html': { status: 401 } } }).status, 401)
  t.end()
})

t.test('DirectoryIndexRedirect', (t) => {
  const files = { '/d/index.html': {} }
  const redirect = (word: string) => ask(`DirectoryIndexRedirect ${word}`, { uri: '/d/', args: 'q', files })
  t.match(redirect('on'), { status: 302, location: 'http://asked.example/d/index.html' })
  t.match(redirect('permanent'), { status: 301 })
  t.match(redirect('seeother'), { status: 303 })
  t.match(redirect('308'), { status: 308 })
  t.equal(redirect('off').status, OK)
  t.match(refusal([dir], 'DirectoryIndexRedirect 404'), /^DirectoryIndexRedirect takes on, off,/)
  t.end()
})

t.test('FallbackResource answers for what does not exist', (t) => {
  const none = { finfo: fileOf('none'), uri: '/x/y', files: { '/app.html': {} } }
  t.equal(ask('FallbackResource /app.html', none).request.uri, '/app.html')
  t.equal(ask('FallbackResource /missing.html', none).status, DECLINED)
  t.equal(ask('FallbackResource /app.html\n<Directory /d>\nFallbackResource disabled\n</Directory>', none).status,
    DECLINED)
  t.equal(ask('FallbackResource /app.html', { ...none, handler: 'mine' }).status, DECLINED)
  t.equal(ask('FallbackResource /app.html', { ...none, finfo: fileOf('file') }).status, DECLINED)
  t.end()
})
