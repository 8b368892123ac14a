import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DECLINED, HANDOVER } from '../../core/hook/hook.ts'
import { ServerConf } from '../../core/config/server_conf.ts'
import { core as core } from '../../core/server/core_module.ts'
import { module as rewrite } from '../../modules/mod_rewrite.ts'
import { fixup, translate } from '../../modules/rewrite/contexts.ts'
import { cookieOf } from '../../modules/rewrite/cookie.ts'
import { wordsOfCommand } from '../../modules/shared/command_words.ts'
import { perDirectory, perServer } from '../../modules/rewrite/settings.ts'
import { escapeReference, escapeUrl, replacePrefix, schemeOf, splitQuery } from '../../modules/rewrite/uri.ts'
import { flagsOf, wordsOf } from '../../modules/rewrite/words.ts'
import { byteStrings, holds } from '../support/property.ts'
import { configure, fakeRequest, refusal, type FakeRequest, type Wanted } from './harness.ts'

const modules = [rewrite]

t.test('the arguments of a line', (t) => {
  const is = (line: string, ...words: (string | undefined)[]) => {
    const found = wordsOf(line)
    t.strictSame(found && [found.first, found.second, found.third], words.length === 0 ? undefined : words, line)
  }
  is('')
  is('a')
  is('a ')
  is('a b', 'a', 'b', undefined)
  is(' a\tb  [L] and more', 'a', 'b', '[L]')
  is('a\\ b c', 'a\\ b', 'c', undefined)
  is('"a b" \'c "d\' "[L, R]"', 'a b', 'c "d', '[L, R]')
  is('"a\\"b" c', 'a\\', 'b"', 'c')
  is('a "b c', 'a', 'b c', undefined)
  is('"a')
  is('a ""', 'a', '', undefined)
  t.strictSame(flagsOf('[L, R=301 ,E=a:b=c]'), [['L', ''], ['R', '301'], ['E', 'a:b=c']])
  t.strictSame(flagsOf('[]'), [['', '']])
  for (const bad of ['L', '[L', 'L]', '[', '']) t.throws(() => flagsOf(bad), /bad flag delimiters/, bad)
  t.end()
})

t.test('URLs and queries', (t) => {
  t.strictSame(['http://x', 'HTTPS://x', 'mailto:x', 'ftp://x', '/http://x', 'http:/x', 'x'].map((text) => schemeOf(text)?.length),
    [7, 8, 7, 6, undefined, undefined, undefined])
  t.equal(escapeUrl('http://h/a b?c', 7), 'http://h/a%20b%3fc')
  t.equal(escapeUrl('http://h', 7), 'http://h')
  t.equal(escapeUrl('http://a b/', 7), 'http://a b/')
  t.equal(escapeUrl('ldap://h/a b?c?d', 7), 'ldap://h/a%20b?c?d')
  t.equal(escapeUrl('mailto:a b', 7), 'mailto:a%20b')
  t.equal(replacePrefix('/a/b/c', '/a/b/', '/x'), '/x/c')
  t.equal(replacePrefix('/a/bc', '/a/b/', '/x'), '/a/bc')
  t.equal(replacePrefix('/a/b', '/a', ''), 'b')
  const none = { append: false, discard: false, last: false, none: false }
  t.strictSame(splitQuery('/a', 'q', none), { path: '/a', args: 'q' })
  t.strictSame(splitQuery('/a?b', 'q', none), { path: '/a', args: 'b' })
  t.strictSame(splitQuery('/a?b', 'q', { ...none, append: true }), { path: '/a', args: 'b&q' })
  t.strictSame(splitQuery('/a?b', undefined, { ...none, append: true }), { path: '/a', args: 'b' })
  t.strictSame(splitQuery('/a?', 'q', { ...none, append: true }), { path: '/a', args: 'q' })
  t.strictSame(splitQuery('/a?b?c', 'q', { ...none, last: true }), { path: '/a?b', args: 'c' })
  t.strictSame(splitQuery('/a', 'q', { ...none, discard: true }), { path: '/a', args: undefined })
  t.strictSame(splitQuery('/a?b', 'q', { ...none, none: true }), { path: '/a?b', args: undefined })
  t.strictSame(splitQuery('ftp://h/a?b', 'q', none), { path: 'ftp://h/a?b', args: undefined })
  t.end()
})

t.test('what B escapes is what a client would have sent', (t) => {
  const all = { only: undefined, not: '', plus: false, controls: false }
  holds(t, 'what B has escaped is decoded to what it was', byteStrings(40), (text) => {
    const escaped = escapeReference(text, all)
    const decoded = escaped.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    return /^[\w%]*$/.test(escaped) && decoded === text
  })
  t.equal(escapeReference('a b/c', { ...all, only: '/' }), 'a b%2fc')
  t.equal(escapeReference('a b/c', { ...all, plus: true, not: '/' }), 'a+b/c')
  t.equal(escapeReference('a b\x01/', { only: '', not: '', plus: true, controls: true }), 'a+b%01/')
  t.end()
})

t.test('cookies', (t) => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5)
  t.same(cookieOf('n:v', now), undefined)
  t.equal(cookieOf('n:v:.d', now)?.text, 'n=v; path=/; domain=.d')
  t.equal(cookieOf('n:v:.d:1', now)?.text, 'n=v; path=/; domain=.d; expires=Fri, 02-Jan-2026 03:05:05 GMT')
  t.equal(cookieOf(';n;v:w;d;0;/p;1;true;strict', now)?.text, 'n=v:w; path=/p; domain=d; secure; HttpOnly; SameSite=strict')
  t.equal(cookieOf('n:v:d:0:/:no:httponly:0', now)?.text, 'n=v; path=/; domain=d; HttpOnly')
  t.end()
})

t.test('lines that cannot be', (t) => {
  const is = (line: string, message: string | RegExp | undefined) => t.match(refusal(modules, line) ?? 'none', message ?? /^none$/, line)
  is('RewriteRule a', "RewriteRule: bad argument line 'a'")
  is('RewriteRule a b [X]', "RewriteRule: unknown flag 'X'")
  is('RewriteRule a b [constructor]', "RewriteRule: unknown flag 'constructor'")
  is('RewriteRule a b [L,]', "RewriteRule: unknown flag ''")
  is('RewriteRule a b L', 'RewriteRule: bad flag delimiters')
  is('RewriteRule a b [R=99]', "RewriteRule: invalid HTTP response code '99' for flag 'R'")
  is('RewriteRule a b [R=word]', undefined)
  is('RewriteRule a b [BNE]', "RewriteRule: flag 'BNE' wants a list of characters (i.e. [BNE=...])")
  is('RewriteRule !( b', "RewriteRule: cannot compile regular expression '('")
  is('RewriteCond a', "RewriteCond: bad argument line 'a'")
  is('RewriteCond a b [X]', "RewriteCond: unknown flag 'X'")
  is('RewriteCond a (', "RewriteCond: cannot compile regular expression '('")
  is('RewriteCond expr "%{FOO} =="', 'RewriteCond: cannot compile expression "%{FOO} ==" ')
  is('RewriteOptions inherit foo', "RewriteOptions: unknown option 'foo'")
  is('RewriteBase /x', 'RewriteBase: only valid in per-directory config files')
  is('<Location /x>\nRewriteBase x\n</Location>', 'RewriteBase: argument is not a valid URL')
  is('RewriteMap a txt:/no/such', 'RewriteMap: file for map a not found:/no/such')
  is('RewriteMap a prg:/no/such arg', 'RewriteMap: file for map a not found:/no/such')
  is('RewriteMap a int:foo', 'RewriteMap: internal map not found:foo')
  is('RewriteMap a dbd:x', 'RewriteMap types dbd and fastdbd require mod_dbd!')
  is('RewriteMap a dbm=db:/x', 'RewriteMap: map a cannot be used: there is no library for files of type DB: there are LMDB, SDBM, default')
  is('RewriteMap a dbm=foo:/x', 'RewriteMap: dbm type foo is invalid')
  is('RewriteMap a dbm=foo', 'RewriteMap: bad map:dbm=foo')
  is('RewriteMap a dbm:/nosuch', 'RewriteMap: file for map a not found:/nosuch')
  is('RewriteMap a dbm=SDBM:/nosuch', 'RewriteMap: file for map a not found:/nosuch')
  t.same(configure(modules, 'RewriteCond a -f [NC]\nRewriteOptions MaxRedirects=3').notes.map((note) => note.slice(0, 13)),
    ['warn: AH00665', 'warn: AH00664'])
  t.end()
})

/** What the rules of a server make of a request. */
async function asked(text: string, uri: string, more: Wanted = {}): Promise<{ status: number; request: FakeRequest; location: string | undefined }> {
  const request = fakeRequest(configure(modules, `RewriteEngine On\n${text}`), { uri, unparsedUri: uri, ...more })
  const status = await translate(request)
  return { status, request, location: request.headersOut.get('Location') }
}

t.test('what takes long is not done on a thread that may not block', async (t) => {
  const rule = 'RewriteRule ^/h/(.*) /~$1'
  t.equal((await asked(rule, '/h/nobody-of-that-name/x', { mayBlock: false })).status, HANDOVER)
  const { facts } = configure(modules, `RewriteEngine On\n${rule}`).conf.vector.holds(perServer).rewrite!.list
  t.equal(facts.quick, true)
  const again = configure(modules, 'RewriteEngine On\nRewriteRule ^(.*)A(.*)$ $1b$2 [N]').conf.vector.holds(perServer)
  t.equal(again.rewrite!.list.facts.quick, false)
})

t.test('rules of a server', async (t) => {
  const is = async (text: string, uri: string, status: number, location?: string, more: Wanted = {}) => {
    const found = await asked(text, uri, more)
    t.strictSame([found.status, found.location], [status, location], `${text.replaceAll('\n', '; ')}: ${uri}`)
    return found.request
  }
  await is('RewriteRule ^/a http://b/ [R=301]', '/a', 301, 'http://b/')
  await is('RewriteRule ^/(a)(b)? /$1-$2-$3-$0 [R]', '/a', 302, 'http://asked.example/a---/a')
  await is('RewriteRule ^/a - [F]', '/a', 403)
  await is('RewriteRule ^/a /b [R=404]', '/a', 404)
  await is('RewriteRule ^/b - [F]', '/a', DECLINED)
  await is('RewriteCond %{REQUEST_METHOD} !^GET$ [OR]\nRewriteCond %{HTTP_HOST} h\nRewriteRule ^ - [G]', '/a', 410, undefined,
    { headers: { Host: 'h' } })
  await is('RewriteRule ^/a http://b/%{QUERY_STRING} [R]', '/a', 403, undefined, { args: 'a?b' })
  await is('RewriteRule ^/a http://b/ [R,NE]', '/a', 403, undefined, { args: 'a b' })
  await is('RewriteRule ^/(a+)b$ /$1 [N]\nRewriteRule ^/a$ - [F]', '/ab', 403)
  const passed = await is('RewriteRule ^/a /b [PT]', '/a', DECLINED)
  t.strictSame([passed.uri, passed.filename], ['/b', undefined])
  const untouched = await is('RewriteRule ^/x /y [PT]', '/a', DECLINED)
  t.strictSame([untouched.uri, untouched.filename], ['/a', undefined])
  t.equal(untouched.env.get('SCRIPT_URI'), 'http://asked.example/a')
  await is('RewriteRule ^ - [F]', '*', DECLINED)
  await is('RewriteOptions AllowAnyURI\nRewriteRule ^ - [F]', '*', 403)
  const proxied = await is('RewriteRule ^/a http://b/ [P]', '/a', 403)
  t.match(proxied.logged, [{ level: 'error', message: 'AH00669: attempt to make remote request from mod_rewrite without proxy enabled: proxy:http://b/' }])
})

t.test('rules that do not come to an end', async (t) => {
  const endless = await asked('RewriteRule ^/a /a [N]', '/a')
  t.equal(endless.status, 500)
  t.match(endless.request.logged.at(-1)?.message, 'AH02596: RewriteRule \'^/a\' and URI \'/a\' exceeded maximum number of rounds (10000)')
  const growing = await asked('RewriteRule ^(.*)$ $1$1 [N]', '/a')
  t.equal(growing.status, 500)
  t.match(growing.request.logged.at(-1)?.message, 'exceeded maximum length (16380)')
})

t.test('END is for what the request becomes, too', async (t) => {
  const configured = configure(modules, 'RewriteEngine On\nRewriteRule ^/a - [END]\nRewriteRule ^ - [F]')
  const first = fakeRequest(configured, { uri: '/a' })
  t.equal(await translate(first), DECLINED)
  t.equal(await translate(fakeRequest(configured, { uri: '/b', prev: first })), DECLINED)
  t.equal(await translate(fakeRequest(configured, { uri: '/b' })), 403)
})

t.test('what virtual hosts and directories inherit', (t) => {
  const rulesOf = (text: string): string[] =>
    configure(modules, text).dir.holds(perDirectory).rewrite?.list.rules.map(({ pattern }) => pattern) ?? []
  const inside = (outer: string, inner: string) => `<Directory /a>\nRewriteRule outer -\n${outer}\n</Directory>\n<Directory /a/b>\n${inner}\nRewriteRule inner -\n</Directory>`
  t.strictSame(rulesOf(inside('', '')), ['inner'])
  t.strictSame(rulesOf(inside('', 'RewriteOptions Inherit')), ['inner', 'outer'])
  t.strictSame(rulesOf(inside('', 'RewriteOptions inheritbefore')), ['outer', 'inner'])
  t.strictSame(rulesOf(inside('RewriteOptions InheritDown', '')), ['inner', 'outer'])
  t.strictSame(rulesOf(inside('RewriteOptions InheritDownBefore', '')), ['outer', 'inner'])
  t.strictSame(rulesOf(inside('RewriteOptions InheritDown', 'RewriteOptions IgnoreInherit')), ['inner'])
  const merged = (main: string, host: string) => {
    const [outer, inner] = [configure(modules, main), configure(modules, host, true)]
    return { inner: inner.conf, rewrite: outer.conf.vector.mergedWith(inner.conf.vector, [...outer.modules.settings()]).holds(perServer).rewrite }
  }
  const alone = merged('RewriteEngine On\nRewriteRule a -', 'RewriteRule b -')
  t.strictSame(alone.rewrite?.list.rules.map(({ pattern }) => pattern), ['b'])
  t.equal(alone.rewrite?.owner, alone.inner)
  t.equal(alone.rewrite?.engine, true)
  const both = merged('RewriteMap m int:tolower\nRewriteRule a -', 'RewriteOptions Inherit\nRewriteRule b -')
  t.strictSame(both.rewrite?.list.rules.map(({ pattern }) => pattern), ['b', 'a'])
  t.ok(both.rewrite?.maps.has('m'))
  const silent = merged('RewriteEngine On\nRewriteRule a -', '')
  t.not(silent.rewrite?.owner, silent.inner, 'a virtual host without a line of its own has no rules')
  t.ok(silent.rewrite?.owner instanceof ServerConf)
  t.end()
})

t.test('a directory that may not follow links has no rules', (t) => {
  const configured = configure([core, rewrite], '<Directory /d>\nOptions None\nRewriteEngine On\nRewriteRule ^ /a\n</Directory>')
  const request = fakeRequest(configured, { uri: '/d/x', filename: '/d/x' })
  t.equal(fixup(request), 403)
  t.match(request.logged, [{ message: /^AH00670: Options FollowSymLinks and SymLinksIfOwnerMatch are both off/ }])
  t.end()
})

function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'httpd-rewrite-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

t.test('a text map is read again when its file has changed', async (t) => {
  const path = join(scratch(t), 'map')
  writeFileSync(path, '# none\na first\na second\n b x\nalone\nc d|d more\n')
  const configured = configure(modules, `RewriteEngine On\nRewriteMap m txt:${path}\nRewriteMap r rnd:${path}\n` +
    'RewriteRule ^/r/(.*) /${r:$1|none} [R]\nRewriteRule ^/(.*) /${m:$1|none} [R]')
  let ino = 1
  const locate = async (uri: string): Promise<string | undefined> => {
    const request = fakeRequest(configured, { uri, stat: () => ({ type: 'file', size: 1, mtimeMs: 1, ino, mode: 0 }) })
    await translate(request)
    return request.headersOut.get('Location')?.slice('http://asked.example'.length)
  }
  t.strictSame(await Promise.all(['/a', '/b', '/alone', '/#', '/c', '/r/c', '/r/x'].map(locate)),
    ['/first', '/none', '/none', '/none', '/d%7cd', '/d', '/none'])
  writeFileSync(path, 'a third')
  t.equal(await locate('/a'), '/first')
  ino = 2
  t.equal(await locate('/a'), '/third')
  rmSync(path)
  ino = 3
  const request = fakeRequest(configured, { uri: '/a', stat: () => ({ type: 'file', size: 1, mtimeMs: 1, ino, mode: 0 }) })
  await translate(request)
  t.match(request.logged, [{ level: 'error', message: /^AH00655: mod_rewrite: can't open text RewriteMap file/ }])
})

t.test('a program that answers, ends, or never does', async (t) => {
  const directory = scratch(t)
  let programs = 0
  const locate = async (script: string, uri: string) => {
    // A shell reads on in its file: each has its own.
    const path = join(directory, `program${programs++}`)
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o755)
    const configured = configure([core, rewrite], `Timeout 1\nRewriteEngine On\nRewriteMap m prg:${path}\nRewriteRule ^/(.*) /\${m:$1|none} [R]`)
    const request = fakeRequest(configured, { uri })
    await translate(request)
    return { location: request.headersOut.get('Location')?.slice('http://asked.example'.length), logged: request.logged.map(({ message }) => message) }
  }
  t.equal((await locate('read k; echo "got-$k"; read k', '/x y')).location, '/got-x%20y')
  t.equal((await locate('read k; echo null; read k', '/x')).location, '/none')
  t.equal((await locate('read k; echo no; read k', '/x\ny')).location, '/none', 'a line feed is never asked for')
  const over = await locate('exit 3', '/x')
  t.equal(over.location, '/none')
  t.match(over.logged, [/^SY00136: program .* of RewriteMap m has ended with status 3$/])
  t.match((await locate('exec sleep 20', '/x')).logged, [/^SY00136: .* has not answered within 1 s$/])
  t.match((await locate('read k; head -c 70000 /dev/zero | tr "\\\\0" x; exec sleep 20', '/x')).logged,
    [/^SY00136: .* has answered more than 65536 bytes without an end of line$/])
  t.strictSame(wordsOfCommand('/bin/a "b c" \'d"e\' f\\ g'), ['/bin/a', 'b c', 'd"e', 'f g'])
})
