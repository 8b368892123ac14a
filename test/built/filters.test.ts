/* Filters of a built server, in every MPM: files, bodies that handlers write, request bodies, and slow clients. */
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import { Server } from '../support/server.ts'
import { STATIC } from '../support/variants.ts'

const FILTERS = 'test/support/modules/mod_test_filter.ts'
const large = Buffer.from(Array.from({ length: 700_000 }, (_, i) => 97 + (i * 7 + (i >> 9)) % 26))
const upper = (bytes: Buffer): string => bytes.toString('latin1').toUpperCase()
const digest = (bytes: Buffer | string): string => `${bytes.length} ${Buffer.from(bytes).subarray(0, 40).toString('latin1')}`

const conf = `${HANDLERS}
<Directory htdocs/up>
  SetOutputFilter TEST-UPPER
</Directory>
<Directory htdocs/both>
  SetOutputFilter TEST-GZIP;TEST-UPPER
</Directory>
<Location /echo>
  SetInputFilter TEST-UPPER-IN
  SetOutputFilter TEST-GZIP
</Location>
<Location /stream>
  SetOutputFilter TEST-UPPER
</Location>`

for (const variant of STATIC) t.test(`filters in ${variant}`, async (t) => {
  const files = { 'htdocs/up/a.txt': 'hello', 'htdocs/up/large.txt': large, 'htdocs/both/large.txt': large, 'htdocs/plain.txt': large }
  const server = await Server.start(t, {
    variant, modules: [TEST_MODULE, FILTERS], files,
    conf: ({ root }) => conf.replaceAll('htdocs/', `${root}/htdocs/`),
  })
  const client = await server.connect()
  t.equal((await client.get('/up/a.txt').response()).text, 'HELLO')
  t.match(await client.get('/up/a.txt', 'Range: bytes=1-2\r\n').response(), { status: 206, text: 'EL' })
  t.equal(digest((await client.get('/up/large.txt').response()).body), digest(upper(large)))

  const slow = await server.connect()
  slow.get('/both/large.txt')
  slow.socket.pause()
  const posted = await client.send('POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\n, y\r\n0\r\n\r\n').response()
  t.equal(gunzipSync(posted.body).toString(), 'HELLO, Y', 'others are served meanwhile')
  t.equal(posted.headers['content-encoding'], 'gzip')
  slow.socket.resume()
  const whole = await slow.response()
  t.equal(digest(gunzipSync(whole.body)), digest(upper(large)))
  t.equal((await slow.get('/plain.txt').response()).body.equals(large), true, 'and the connection goes on')
  t.notMatch(server.errorLog, /fault in|SY0/)
})
