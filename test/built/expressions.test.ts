// Expressions where a server uses them: what <If> decides, and on event what may block is handed over.
import t from 'tap'
import { Server } from '../support/server.ts'

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
