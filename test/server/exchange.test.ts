// What one connection exchanges besides requests and answers: trailers; and when answers leave.
import t from 'tap'
import { OK } from '../../core/hook/hook.ts'
import { dirCore, serverCore, type DirCore, type ServerCore } from '../../core/server/core_settings.ts'
import { Next } from '../../core/server/mpm.ts'
import { answers, GET, make, plainConf } from './fake_connection.ts'

t.test('trailers are kept beside the head, and with MergeTrailers in it', async (t) => {
  const body = '3\r\nabc\r\n0\r\nX-Sum:  6 \r\nVia: b\r\n\r\n'
  for (const merged of [false, true]) {
    const seen: unknown[] = []
    const conf = plainConf()
    conf.vector.said(serverCore).mergeTrailers = merged
    const { socket, conn, say } = make((modules) => void modules.hooks.handler.add('x', async (r) => {
      const look = () => [r.headersIn.get('X-Sum'), r.headersIn.get('via'), r.trailersIn?.get('x-sum')]
      seen.push(look())
      while (await r.read() !== null) { /* to its end */ }
      seen.push(look())
      return OK
    }), {}, conf)
    say(`POST /x HTTP/1.1\r\nHost: a\r\nVia: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}${GET}`)
    conn.advance()
    for (let i = 0; i < 4; i++) await new Promise(setImmediate)
    t.same(seen.slice(0, 2), [[undefined, 'a', undefined], merged ? ['6', 'a, b', '6'] : [undefined, 'a', '6']])
    t.same(answers(socket.outgoing), ['200', '200'])
  }
})

t.test('pipelined answers leave together, but not more than FlushMaxPipelined and FlushMaxThreshold let', (t) => {
  const sends = (change: Partial<ServerCore>): number => {
    const conf = plainConf()
    Object.assign(conf.vector.said(serverCore), change)
    const { socket, conn, say } = make(undefined, {}, conf)
    let count = 0
    const { send } = socket.port.net
    ;(socket.port.net as { send: typeof send }).send = (...args) => (count++, send(...args))
    // Bodies in memory: a file leaves on its own.
    say('GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(8))
    conn.advance()
    t.same(answers(socket.outgoing).length, 8)
    return count
  }
  const usual = sends({ flushMaxPipelined: -1 })
  t.ok(sends({ flushMaxPipelined: 1 }) > usual)
  t.ok(sends({ flushMaxPipelined: -1, flushMaxThreshold: 1 }) > usual)
  t.end()
})

t.test('an internal redirect passes the environment on, with REDIRECT_ in front', (t) => {
  for (const qualified of [false, true]) {
    const conf = plainConf()
    conf.defaults.said(dirCore).qualifyRedirectUrl = qualified
    const seen: Record<string, string>[] = []
    const { conn, say } = make((modules) => void modules.hooks.handler.add('x', (r) => {
      if (r.uri === '/to') {
        seen.push(Object.fromEntries(r.env))
        return OK
      }
      r.env.set('A', '1')
      return r.internalRedirect('/to')
    }), {}, conf)
    say('GET /from?q HTTP/1.1\r\nHost: b.example:81\r\n\r\n')
    conn.advance()
    t.same(seen, [{
      REDIRECT_A: '1', REDIRECT_STATUS: '200', REDIRECT_QUERY_STRING: 'q',
      REDIRECT_URL: qualified ? 'http://b.example:81/from' : '/from',
    }])
  }
  t.end()
})

t.test('the name and port of URLs of our own', (t) => {
  const url = (change: Partial<DirCore>, head: string, server: Partial<ServerCore> = { serverName: 's.example', serverPort: 90 }) => {
    const conf = plainConf()
    Object.assign(conf.defaults.said(dirCore), change)
    Object.assign(conf.vector.said(serverCore), server)
    let made = ''
    const { conn, say } = make((modules) => void modules.hooks.handler.add('x', (r) => {
      made = r.constructUrl('/x')
      return OK
    }), {}, conf)
    say(`${head}\r\n\r\n`)
    conn.advance()
    return made
  }
  const asked = 'GET /x HTTP/1.1\r\nHost: Asked.example:81'
  t.equal(url({}, asked), 'http://asked.example:81/x')
  t.equal(url({}, 'GET /x HTTP/1.1\r\nHost: asked.example'), 'http://asked.example:90/x', 'no port: that of ServerName')
  t.equal(url({}, 'GET http://there.example:82/x HTTP/1.1\r\nHost: h:1'), 'http://there.example:82/x')
  t.equal(url({}, 'GET /x HTTP/1.0'), 'http://s.example:90/x')
  t.equal(url({ useCanonicalName: 'on' }, asked), 'http://s.example:90/x')
  t.equal(url({ useCanonicalName: 'on' }, asked, { serverName: 's.example' }), 'http://s.example/x')
  t.equal(url({ useCanonicalPhysicalPort: true }, 'GET /x HTTP/1.1\r\nHost: h'), 'http://h/x', 'this connection is at port 80')
  t.equal(url({ useCanonicalName: 'dns' }, asked, { serverName: 's.example' }).replace(/:81/, ''), 'http://s.example/x', 'nobody was asked')
  t.end()
})

t.test('look-ups inside of look-ups end at LimitInternalRecursion', (t) => {
  const conf = plainConf()
  conf.vector.said(serverCore).limitSubrequests = 3
  let depth = 0
  const { conn, say, logged } = make((modules) => void modules.hooks.fixups.add('x', (r) => {
    depth++
    const found = r.subLookup('/hello')
    if ('status' in found && found.status >= 400) return found.status
    return OK
  }), {}, conf)
  say(GET)
  conn.advance()
  t.equal(depth, 4, 'the request and three look-ups')
  t.match(logged.join('\n'), /AH00125: Request exceeded the limit of 3 subrequest nesting levels/)
  t.end()
})

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
for (const [what, head, statuses] of [
  ['with a length', `POST /denied HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, ['403', '200']],
  ['in chunks', `POST /denied HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`, ['403', '200']],
  ['of a path that is refused', `POST /a%2fb HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, ['404', '200']],
  ['that nobody promised', `POST /denied HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, ['403']],
  ['behind an odd expectation', `POST /x HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, ['417']],
  ['with a fault', 'POST /denied HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', ['400']],
] as const) t.test(`a body ${what} is no request, whoever answers before it is read`, async (t) => {
  for (const mayBlock of [true, false]) for (const size of [1, 7, 1000]) {
    const { socket, conn, say } = make((modules) => modules.hooks.accessChecker.add('x', (r) => r.uri === '/denied' ? 403 : OK, { quick: true }), { mayBlock })
    const text = head + GET
    for (let at = 0; at < text.length; at += size) say(text.slice(at, at + size))
    let next: Next = Next.read
    for (let i = 0; i < 2 * text.length && next !== Next.handover; i++) {
      next = conn.advance()
      if (i % 8 === 0) await new Promise(setImmediate)
    }
    if (next === Next.handover) {
      // The listener does not wait for a body: all of the request goes to the crew.
      t.equal(socket.outgoing, '')
      t.equal(Buffer.from(conn.unread()).toString('latin1', 0, 5), 'POST ')
      continue
    }
    t.same(answers(socket.outgoing), statuses, `pieces of ${size}, ${mayBlock ? 'crew' : 'listener'}`)
    t.notMatch(socket.outgoing, /smuggled/)
  }
})

t.test('LimitRequestBody holds for whatever answers', async (t) => {
  for (const body of ['Content-Length: 11\r\n\r\n', `Transfer-Encoding: chunked\r\n\r\nb\r\n${'x'.repeat(11)}\r\n0\r\n\r\n`]) {
    const conf = plainConf()
    conf.defaults.said(dirCore).limitRequestBody = 10
    const { socket, conn, say } = make((modules) => modules.hooks.accessChecker.add('x', () => 403), {}, conf)
    say(`POST /denied HTTP/1.1\r\nHost: a\r\n${body}`)
    conn.advance()
    await new Promise(setImmediate)
    t.match(socket.outgoing, /^HTTP\/1\.1 413 [^]*Connection: close\r\n/)
  }
})
