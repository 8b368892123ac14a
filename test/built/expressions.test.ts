// Expressions where a server uses them: what <If> decides, and on event what may block is handed over.
import t from 'tap'
import { Server } from '../support/server.ts'
import type { Site } from '../support/site.ts'

const CONF = `
ErrorDocument 404 "base"
<If "%{req:X-To} =~ /s/">
  ErrorDocument 404 "server-if"
  <If "%{req:X-To} =~ /n/">
    ErrorDocument 404 "nested"
  </If>
  <Else>
    ErrorDocument 404 "nested-else"
  </Else>
</If>
<ElseIf "%{req:X-To} =~ /e/">
  ErrorDocument 404 "elseif"
</ElseIf>
<Location /l>
  ErrorDocument 404 "loc = %{REQUEST_URI} %{SERVER_SOFTWARE}"
  <If "%{req:X-To} =~ /l/">
    ErrorDocument 404 "loc-if"
  </If>
</Location>
<Location /blocks>
  <If "file('/etc/passwd') =~ /^([a-z]+):/ && -n '$1'">
    Redirect "/moved/%{REQUEST_METHOD}"
  </If>
</Location>
<Location /looks>
  <If "-U '/index.html' && ! -U '/secret'">
    Redirect gone
  </If>
</Location>
<Location /secret>
  Require expr "%{req:X-To} == 'me'"
</Location>
`

t.test('event decides conditions for each request', async (t) => {
  const server = await Server.start(t, { variant: 'event', conf: CONF })
  const ask = async (path: string, to = ''): Promise<string> => {
    const { status, text, headers } = await server.get(path, `X-To: ${to}\r\n`)
    return `${status} ${headers.location ?? text}`
  }
  for (const [path, to, expected] of [
    ['/no', '', '404 base'], ['/no', 's', '404 nested-else'], ['/no', 'sn', '404 nested'], ['/no', 'e', '404 elseif'],
    ['/no', 'sn', '404 nested'], ['/l/no', 'l', '404 loc-if'], ['/l/no', 'sl', '404 loc-if'],
    ['/l/no', 's', '404 nested-else'],
  ] as const) t.equal(await ask(path, to), expected, `${path} ${to}`)
  t.match(await ask('/l/a%20b'), /^404 loc = \/l\/a b \S+\/\S+/)
  t.match(await ask('/blocks'), /^302 http:\/\/[^/]+\/moved\/GET$/)
  t.match(await ask('/looks'), /^410 /)
  t.match(await ask('/secret', 'you'), /^403 /)
  t.match(await ask('/secret', 'me'), /^404 /)
})

const FILES = {
  'pub/f.txt': 'public\n', 'secret/f.txt': 'SECRET\n', 'denier.txt': 'secret\n', 'htdocs/guarded/f.txt': 'guarded\n',
  'htdocs/u/f.txt': 'u\n', 'htdocs/u/inner': 'refused\n', 'htdocs/plain/f.txt': 'plain\n', 'htdocs/f/f.txt': 'f\n',
}

const LOOK_UPS = ({ root }: Site): string => `
<Directory "${root}">
  Require all granted
</Directory>
<Directory "${root}/secret">
  Require all denied
</Directory>
<Location /guarded>
  Require expr -U '/middle'
</Location>
<Location /middle>
  <If "! -U '/inner'">
    Require all denied
  </If>
</Location>
<LocationMatch "^/(u/)?inner">
  <If "file('${root}/denier.txt') =~ /secret/">
    Require all denied
  </If>
</LocationMatch>
<Location /u>
  Require expr -U '%{QUERY_STRING}'
</Location>
<Location /asked>
  Require expr "%{QUERY_STRING} == 'yes'"
</Location>
<Location /f>
  Require expr -F '${root}/%{QUERY_STRING}'
</Location>
<Location /told>
  ErrorDocument 404 "It says %{file:${root}/denier.txt}"
</Location>
`

t.test('event decides on look-ups as a request for them would be', async (t) => {
  const server = await Server.start(t, { variant: 'event', conf: LOOK_UPS, files: FILES })
  const status = async (path: string): Promise<number> => (await server.get(path)).status
  t.equal(await status('/guarded/f.txt'), 403, 'what the look-up of a look-up meets moves all of them')
  for (const uri of ['/plain/f.txt', '/pl%61in/f.txt', '/plain/f.txt?x', '/asked?yes', '../plain/f.txt'])
    t.equal(await status(`/u/f.txt?${uri}`), 200, uri)
  for (const uri of ['/inner', '/inner?x', '/inn%65r', '/plain/../inner', '/./inner', '//inner', 'inner', '../inner', '/%zz', '/asked', '/asked?no',
    '/pub/..%2fsecret/f.txt', '/../../etc/passwd', '/plain/f.txt%00b', '/a/../..'])
    t.equal(await status(`/u/f.txt?${uri}`), 403, uri)
  t.equal(await status('/f/f.txt?pub/f.txt'), 200)
  t.equal(await status('/f/f.txt?secret/../pub//f.txt'), 200)
  for (const path of ['secret/f.txt', 'pub/../secret/f.txt', 'pub//..//./secret/f.txt', '../'.repeat(20)])
    t.equal(await status(`/f/f.txt?${path}`), 403, path)
  t.equal((await server.get('/told/x')).text, 'It says secret\n')
})
