/*
 * Connections to built servers with each MPM: how long they are kept, pipelining, request bodies, and responses
 * that are made piece by piece.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { HANDLERS, streamed, TEST_MODULE } from '../support/handlers.ts'
import { Client } from '../support/http.ts'
import { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

const files = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`htdocs/${n}.txt`, `file ${n} `.repeat(n * 50)]))
const conf = `${HANDLERS}
KeepAliveTimeout 2
`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

for (const variant of STATIC) {
  t.test(`${variant} keeps and ends connections`, async (t) => {
    const server = await Server.start(t, { variant, conf, files, modules: [TEST_MODULE], workers: 3 })

    await t.test('keep-alive', async (t) => {
      const client = await server.connect()
      for (let n = 0; n < 5; n++) {
        const got = await client.get(`/${n}.txt`).response()
        t.equal(got.text, files[`htdocs/${n}.txt`])
        t.notOk('connection' in got.headers, 'HTTP/1.1 is persistent without saying so')
      }
      const asked = await client.get('/', 'Connection: keep-alive\r\n').response()
      t.equal(asked.headers['connection'], 'Keep-Alive')
      t.equal(asked.headers['keep-alive'], 'timeout=2, max=95', 'five of a hundred are used up')
      const last = await client.get('/', 'Connection: close\r\n').response()
      t.equal(last.headers['connection'], 'close')
      t.ok(await client.endsEmpty(), 'the connection ends')
      client.close()
    })

    await t.test('HTTP/1.0 and HTTP/0.9', async (t) => {
      const once = await server.connect()
      const answer = await once.get('/', '', '1.0').response()
      t.match(answer, { status: 200, statusLine: 'HTTP/1.1 200 OK', headers: { connection: 'close' }, text: WELCOME })
      t.ok(await once.endsEmpty())
      once.close()
      const kept = await server.connect()
      const first = await kept.get('/', 'Connection: keep-alive\r\n', '1.0').response()
      t.match(first.headers, { connection: 'Keep-Alive', 'keep-alive': 'timeout=2, max=100' })
      t.equal((await kept.get('/', '', '1.0').response()).text, WELCOME)
      t.ok(await kept.endsEmpty())
      kept.close()
      const old = await server.connect()
      t.equal((await old.send('GET /\r\n').toEnd()).toString(), WELCOME, 'HTTP/0.9: the body alone')
      old.close()
    })

    await t.test('an idle connection ends after KeepAliveTimeout', async (t) => {
      const client = await server.connect()
      await client.get('/').response()
      const begin = performance.now()
      t.ok(await client.endsEmpty())
      const waited = performance.now() - begin
      t.ok(waited > 1800 && waited < 5000, `after ${Math.round(waited)} ms of 2000`)
      client.close()
    })

    await t.test('twenty pipelined requests are answered in order', async (t) => {
      const client = await server.connect()
      for (let n = 0; n < 20; n++) client.get(`/${n}.txt`)
      const all = await client.responses(20)
      t.same(all.map(({ text }) => text), Array.from({ length: 20 }, (_, n) => files[`htdocs/${n}.txt`]))
      const echo = `POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n`
      client.send(`HEAD /3.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\n` +
        `${echo}abcGET /async HTTP/1.1\r\nHost: h\r\n\r\n${echo}defGET /4.txt HTTP/1.1\r\nHost: h\r\n\r\n`)
      t.match(await client.response('HEAD'), { status: 200, headers: { 'content-length': '1050' } })
      t.equal((await client.response()).status, 404)
      t.equal((await client.response()).text, 'abc')
      t.match((await client.response()).text, /^awaited /)
      t.equal((await client.response()).text, 'def')
      t.equal((await client.response()).text, files['htdocs/4.txt'])
      client.close()
    })

    await t.test('a request in single bytes', async (t) => {
      const client = await server.connect()
      for (const byte of 'GET /1.txt HTTP/1.1\r\nHost: localhost\r\n\r\n') {
        client.send(byte)
        await sleep(1)
      }
      t.equal((await client.response()).text, files['htdocs/1.txt'])
      client.close()
    })

    await t.test('bodies with a length and in chunks', async (t) => {
      const client = await server.connect()
      const post = (headers: string) => client.send(`POST /echo HTTP/1.1\r\nHost: h\r\n${headers}\r\n`)
      const long = Buffer.alloc(300_000, 'long body ')
      post(`Content-Length: ${long.length}\r\n`).send(long)
      t.ok((await client.response()).body.equals(long), '300000 bytes with Content-Length')
      post(CHUNKED).send(`${chunk('one')}${chunk('two')}4;name="value"\r\nfour\r\n`)
      await sleep(20)
      client.send(chunk('five').slice(0, 5))
      await sleep(20)
      client.send(`${chunk('five').slice(5)}0\r\nTrailer: x\r\n\r\n`)
      t.equal((await client.response()).text, 'onetwofourfive', 'chunks with extension and trailer, in pieces')
      post(CHUNKED)
      for (let at = 0; at < long.length; at += 10_000) client.send(chunk(long.toString('latin1', at, at + 10_000)))
      client.send('0\r\n\r\n')
      t.ok((await client.response()).body.equals(long), '300000 bytes in chunks')
      post('Content-Length: 0\r\n')
      t.equal((await client.response()).text, '')
      post(CHUNKED).send('0\r\n\r\n')
      t.equal((await client.response()).text, '')
      t.equal((await client.get('/2.txt').response()).text, files['htdocs/2.txt'], 'the connection is still good')
      client.close()
    })

    await t.test('a body that nobody reads is thrown away', async (t) => {
      const client = await server.connect()
      client.send(`POST /3.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`)
      t.equal((await client.response()).text, files['htdocs/3.txt'])
      client.send(`POST /3.txt HTTP/1.1\r\nHost: h\r\n${CHUNKED}\r\n${chunk('abc')}0\r\n\r\n`).get('/4.txt')
      t.equal((await client.response()).text, files['htdocs/3.txt'])
      t.equal((await client.response()).text, files['htdocs/4.txt'])
      client.close()
    })

    await t.test('Expect: 100-continue', async (t) => {
      const client = await server.connect()
      client.send('POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
      const interim = await client.response()
      t.equal(interim.statusLine, 'HTTP/1.1 100 Continue')
      t.equal((await client.send('hello').response()).text, 'hello')
      client.send('POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n')
      t.equal((await client.response()).status, 200, 'not for a request without a body')
      client.close()
    })

    await t.test('a response without a length', async (t) => {
      const whole = streamed()
      const chunked = await server.get('/stream')
      t.equal(chunked.headers['transfer-encoding'], 'chunked')
      t.ok(chunked.body.equals(whole), 'chunked for HTTP/1.1')
      const client = await server.connect()
      const old = await client.get('/stream', 'Connection: keep-alive\r\n', '1.0').response()
      t.notOk('transfer-encoding' in old.headers)
      t.equal(old.headers['connection'], 'close')
      t.ok(old.body.equals(whole), 'ended by the connection for HTTP/1.0')
      client.close()
      const slow = await server.connect()
      slow.socket.pause()
      slow.get('/stream')
      await sleep(300)
      slow.socket.resume()
      t.ok((await slow.response()).body.equals(whole), 'a client that does not read for a while')
      t.match((await slow.get('/async').response()).text, /^awaited /)
      slow.close()
    })

    await t.test('what fails in a handler is a 500, and the server goes on', async (t) => {
      for (const [path, text] of [
        ['/throw', 'thrown by test-throw'], ['/reject', 'rejected by test-reject'],
      ] as const) {
        const from = server.errorLog.length
        const before = server.children()
        const answer = await server.get(path)
        t.match(answer, { status: 500, headers: { connection: 'close' }, text: '<title>500 Internal Server Error<' })
        t.notOk(answer.text.includes(text), 'the client is not told')
        t.match((await server.logged(new RegExp(`:error\\].*${text}`), from))[0], /\[client 127\.0\.0\.1:\d+\]/)
        t.same(server.children(), before, 'nobody died')
      }
      t.equal((await server.get('/')).text, WELCOME)
    })
  })

  t.test(`${variant} ends a connection after MaxKeepAliveRequests, and at once with KeepAlive Off`, async (t) => {
    const conf = ({ otherPort }: { otherPort: number }) => `MaxKeepAliveRequests 2
RegisterHttpMethod FROB
Listen 127.0.0.1:${otherPort}
<VirtualHost *:${otherPort}>
KeepAlive Off
</VirtualHost>`
    const server = await Server.start(t, { variant, conf })
    const client = await server.connect()
    client.get('/', 'Connection: keep-alive\r\n')
    t.equal((await client.response()).headers['keep-alive'], 'timeout=5, max=2')
    client.get('/', 'Connection: keep-alive\r\n')
    t.equal((await client.response()).headers['keep-alive'], 'timeout=5, max=1')
    client.get('/', 'Connection: keep-alive\r\n')
    t.match((await client.response()).headers, { connection: 'close' })
    t.ok(await client.endsEmpty())
    client.close()
    const status = async (method: string) => (await server.ask(`${method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)).status
    t.equal(await status('FROB'), 405, 'a method that was registered is known, if not allowed')
    t.equal(await status('FRIB'), 501)
    const off = await Client.open({ port: server.site.otherPort })
    t.match((await off.get('/').response()).headers, { connection: 'close' })
    t.ok(await off.endsEmpty())
    off.close()
  })
}
