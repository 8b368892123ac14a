import fc from 'fast-check'
import t from 'tap'
import { DECLINED, OK } from '../../core/hook/hook.ts'
import { fixup, module as alias, translate } from '../../modules/mod_alias.ts'
import { prefixLength } from '../../modules/alias/rules.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

const modules = [alias]

function mapped(text: string, uri: string, more: Wanted = {}) {
  const request = fakeRequest(configure(modules, text), { uri, ...more })
  return { status: translate(request), filename: request.filename, location: request.headersOut.get('Location'),
    request }
}

t.test('Alias', (t) => {
  const is = (text: string, uri: string, filename: string | undefined) => {
    const answer = mapped(text, uri)
    t.equal(answer.filename, filename, `${text.replaceAll('\n', '; ')}: ${uri}`)
    t.equal(answer.status, filename === undefined ? DECLINED : OK)
  }
  is('Alias /icons/ /usr/icons/', '/icons/a.gif', '/usr/icons/a.gif')
  is('Alias /icons/ /usr/icons/', '/icons', undefined)
  is('Alias /icons /usr/icons', '/icons', '/usr/icons')
  is('Alias /icons /usr/icons', '/icons/a/b', '/usr/icons/a/b')
  is('Alias /icons /usr/icons', '/iconset', undefined)
  is('Alias /a//b /usr/ab', '/a/b/c', '/usr/ab/c')
  is('Alias /a/b /usr/ab', '/a//b/c', '/usr/ab/c')
  is('Alias /x share/x', '/x/y', '/srv/share/x/y')
  is('Alias /a /first\nAlias /a/b /second', '/a/b/c', '/first/b/c')
  is('AliasMatch "^/img/(.*)\\.gif$" /gifs/$1.gif', '/img/a/b.gif', '/gifs/a/b.gif')
  is('AliasMatch "^/img/(.*)\\.gif$" /gifs/$1.gif', '/img/a.png', undefined)
  is('<Location /one>\nAlias /files/one.html\n</Location>', '/one/x/y', '/files/one.html')
  is('<Location /one>\nAliasPreservePath On\nAlias /files/one\n</Location>', '/one/x/y', '/files/one/x/y')
  t.equal(mapped('Alias /a /b', '*').status, DECLINED)
  t.end()
})

t.test('ScriptAlias names the handler', (t) => {
  for (const line of ['ScriptAlias /cgi-bin/ /usr/cgi/', 'ScriptAliasMatch ^/cgi-bin/(.*) /usr/cgi/$1']) {
    const { request, filename } = mapped(line, '/cgi-bin/printenv')
    t.equal(filename, '/usr/cgi/printenv')
    t.equal(request.handler, 'cgi-script')
    t.equal(request.notes.get('alias-forced-type'), 'cgi-script')
  }
  t.end()
})

t.test('Redirect', (t) => {
  const is = (text: string, uri: string, status: number, location?: string, more: Wanted = {}) => {
    const configured = configure(modules, text)
    const request = fakeRequest(configured, { uri, ...more })
    const fixups = configured.modules.hooks.fixups
    let answer = translate(request)
    if (answer === DECLINED) answer = fixups.run(request) as number
    t.equal(answer, status, `${text.replaceAll('\n', '; ')}: ${uri}`)
    t.equal(request.headersOut.get('Location'), location)
  }
  const server = (line: string) => `Alias /unrelated /x\n${line}`
  is(server('Redirect /old http://new.example/'), '/old', 302, 'http://new.example/')
  is(server('Redirect /old http://new.example'), '/old/a b', 302, 'http://new.example/a%20b')
  is(server('Redirect /old /new'), '/old/x', 302, 'http://asked.example/new/x')
  is(server('Redirect permanent /old http://new.example/'), '/old', 301, 'http://new.example/')
  is(server('Redirect seeother /old http://new.example/'), '/old', 303, 'http://new.example/')
  is(server('Redirect 307 /old http://new.example/'), '/old', 307, 'http://new.example/')
  is(server('RedirectPermanent /old http://new.example/'), '/old', 301, 'http://new.example/')
  is(server('RedirectTemp /old http://new.example/'), '/old', 302, 'http://new.example/')
  is(server('Redirect gone /old'), '/old/x', 410)
  is(server('Redirect 404 /old'), '/old', 404)
  is(server('Redirect /old http://new.example/'), '/older', OK)
  is(server('Redirect /old http://new.example/'), '/old', 302, 'http://new.example/?a=1', { args: 'a=1' })
  is(server('Redirect /old http://new.example/?b'), '/old', 302, 'http://new.example/?b', { args: 'a=1' })
  is(server('RedirectMatch "^/a/(.*)$" http://n.example/$1?x'), '/a/b c', 302, 'http://n.example/b%20c?x')
  is(server('RedirectMatch gone ^/secret'), '/secret/x', 410)
  is(server('RedirectMatch "(.*)" $1'), '/x', 302, 'http://asked.example/x')
  is('<Location /l>\nRedirect 308 http://n.example/\n</Location>', '/l/x', 308, 'http://n.example/')
  is('<Location /l>\nRedirect http://n.example/\n</Location>', '/l/x', 302, 'http://n.example/')
  is('<Location /l>\nRedirect gone\n</Location>', '/l/x', 410)
  is('<Location /l>\nRedirect /l/a /b\n</Location>', '/l/a', 302, 'http://asked.example/b')
  is('<Location /l>\nRedirectRelative On\nRedirect /l /b\n</Location>', '/l', 302, '/b')
  is('RedirectMatch ^/x(.*) $1', '/xfoo', 500)
  t.end()
})

t.test('targets in sections may be expressions', (t) => {
  const headers = { 'X-To': 'there' }
  const redirected = (target: string, more: Wanted = {}) => {
    const request = fakeRequest(configure(modules, `<Location /l>\nRedirect 301 "${target}"\n</Location>`),
      { uri: '/l/x', headers, ...more })
    return [fixup(request), request.headersOut.get('Location')]
  }
  t.strictSame(redirected('http://x/%{req:X-To}'), [301, 'http://x/there'])
  t.strictSame(redirected('/%{unescape:a%20b}?q=%{unescape:c%20d}'), [301, 'http://asked.example/a%20b?q=c d'])
  t.strictSame(redirected('%{req:X-To}'), [500, undefined], 'no URL')
  t.strictSame(redirected('%{file:/no/such/file}'), [500, undefined], 'no value')
  const mappedTo = (target: string, more: Wanted = {}, text = '') => {
    const lines = `Alias /l /outer\n<Location /l>\nAlias "${target}"\n${text}</Location>`
    const request = fakeRequest(configure(modules, lines), { uri: '/l/x', headers, ...more })
    return [translate(request), request.filename]
  }
  t.strictSame(mappedTo('/d/%{req:X-To}'), [OK, '/d/there'])
  t.strictSame(mappedTo('/d/%{req:X-To}', {}, 'AliasPreservePath On\n'), [OK, '/d/there/x'])
  t.strictSame(mappedTo('%{req:X-To}/f'), [OK, '/srv/there/f'], 'from ServerRoot')
  t.strictSame(mappedTo('%{req:X-No}'), [OK, '/outer/x'], 'empty: as if it was not said')
  t.strictSame(mappedTo('%{file:/no/such/file}'), [OK, '/outer/x'])
  t.match(refusal(modules, '<Location /l>\nAlias "/%{NO}"\n</Location>'),
    /^Cannot parse alias expression '\/%\{NO\}': Variable 'NO' does not exist\n/)
  t.match(refusal(modules, '<Location /l>\nRedirect "/%{NO}"\n</Location>'),
    /^Cannot parse redirect expression '\/%\{NO\}': Variable 'NO' does not exist\n/)
  t.end()
})

t.test('in a section a Redirect without a path goes before those with one, the innermost before the others', (t) => {
  const request = fakeRequest(configure(modules, '<Location />\nRedirect /a http://path/\n' +
    'Redirect http://outer/\n</Location>\n<Location /a>\nRedirect http://inner/\n</Location>'), { uri: '/a' })
  t.equal(fixup(request), 302)
  t.equal(request.headersOut.get('Location'), 'http://inner/')
  t.end()
})

t.test('redirects of the server are asked before those of a section', (t) => {
  const text = 'Redirect /a http://outer.example/\n<Location />\nRedirect /a http://inner.example/\n</Location>'
  const configured = configure(modules, text)
  const request = fakeRequest(configured, { uri: '/a' })
  t.equal(translate(request), 302)
  t.equal(request.headersOut.get('Location'), 'http://outer.example/')
  t.end()
})

t.test('refusals and warnings', (t) => {
  const is = (text: string, message: string | undefined) => t.equal(refusal(modules, text), message, text)
  is('Redirect teapot /a http://x.example/', 'Redirect: invalid first argument (of three)')
  is('Redirect permanent /a', 'URL to redirect to is missing')
  is('Redirect /a', 'URL to redirect to is missing')
  is('Redirect gone /a http://x.example/', 'Redirect URL not valid for this status')
  is('Redirect /a nowhere', 'Redirect to non-URL')
  is('Redirect a http://x.example/', 'Redirect to non-URL')
  is('Redirect 200 /a', 'Redirect: the status "200" must be from 300 to 599')
  is('RedirectMatch "(" http://x.example/', 'Regular expression could not be compiled.')
  is('AliasMatch "(" /x', 'Regular expression could not be compiled.')
  is('Alias',
    'Alias takes 1-2 arguments, A URL path and where it lies in the file system; in <Location> only the latter')
  const overlap = 'warn: AH00671: The Alias directive in test.conf at line 2 will probably never match because it ' +
    'overlaps an earlier one.'
  t.strictSame(configure(modules, 'Alias /a /x\nAlias /a/b /y').notes, [overlap])
  t.strictSame(configure(modules, 'AliasMatch ^/a /x\nAlias /a/b /y').notes, [overlap])
  t.strictSame(configure(modules, 'Alias /a/b /y\nAlias /a /x').notes, [])
  t.end()
})

t.test('the hook is left out where there is nothing to say', (t) => {
  const kept = (text: string) => {
    const configured = configure(modules, text)
    const settings = {
      server: configured.conf.vector.holds.bind(configured.conf.vector), dir: configured.dir.holds.bind(configured.dir),
    }
    return configured.modules.hooks.translateName.links().filter((link) => link.place.when!(settings)).length
  }
  t.equal(kept(''), 0)
  t.equal(kept('Alias /a /b'), 1)
  t.equal(kept('<Location /a>\nAlias /b\n</Location>'), 1)
  const quick = (target: string) => {
    const configured = configure(modules, `<Location /a>\nAlias "${target}"\n</Location>`)
    const settings = {
      server: configured.conf.vector.holds.bind(configured.conf.vector), dir: configured.dir.holds.bind(configured.dir),
    }
    return configured.modules.hooks.translateName.links().filter((link) => link.place.when!(settings))
      .map((link) => link.place.quick === true)
  }
  t.strictSame(quick('/b/%{REQUEST_METHOD}'), [true])
  t.strictSame(quick('/b/%{file:/x}'), [false], 'what may block is left to threads that may')
  t.end()
})

t.test('prefixLength() agrees with a regular expression', (t) => {
  const path = fc.array(fc.constantFrom('/', '//', 'a', 'b', '.', '/a', '/b'),
    { maxLength: 8 }).map((p) => `/${p.join('')}`)
  fc.assert(fc.property(path, path, (uri, aliased) => {
    const source = aliased.replace(/[.]/g, '\\.').replace(/\/+/g, '/+')
    const match = new RegExp(`^${source}${aliased.endsWith('/') ? '' : '(?=/|$)'}`).exec(uri)
    return prefixLength(uri, aliased) === (match === null ? -1 : match[0].length)
  }), { numRuns: 500 })
  t.pass()
  t.end()
})
