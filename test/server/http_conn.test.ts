// A connection as a machine, on a socket made of two lists: no descriptor, no clock, every split of the input.
import { join } from 'node:path'
import t from 'tap'
import { OK } from '../../core/hook/hook.ts'
import type { ModuleList } from '../../core/hook/modules.ts'
import type { Request } from '../../core/hook/types.ts'
import { dirCore, serverCore } from '../../core/server/core_settings.ts'
import { Next } from '../../core/server/mpm.ts'
import { another, answers, GET, make, plainConf, root } from './fake_connection.ts'

t.test('a request that comes byte by byte waits, then is answered once', (t) => {
  const { socket, conn, say } = make()
  t.equal(conn.advance(), Next.idle, 'nothing has come: it idles')
  for (const byte of GET.slice(0, -1)) {
    say(byte)
    t.equal(conn.advance(), Next.read)
  }
  say('\n')
  t.equal(conn.advance(), Next.idle)
  t.match(socket.outgoing, /^HTTP\/1\.1 200 OK\r\nDate: .*\r\nServer: Test\r\n/)
  t.ok(socket.outgoing.endsWith('\r\n\r\nhello, world\n'))
  t.equal(conn.unread().length, 0)
  t.end()
})

t.test('pipelined requests are answered in order, however they are cut', async (t) => {
  const text = GET + 'GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n' + 'POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde' + GET
  for (let size = 1; size < text.length; size += 7) {
    const { socket, conn, say } = make()
    for (let at = 0; at < text.length; at += size) say(text.slice(at, at + size))
    let next = conn.advance()
    for (let i = 0; i < text.length && (socket.incoming.length > 0 || next === Next.suspend); i++) {
      await new Promise(setImmediate)
      next = conn.advance()
    }
    t.equal(next, Next.idle)
    t.same(answers(socket.outgoing), ['200', '404', '200', '200'], `pieces of ${size}`)
  }
})

t.test('a full socket makes it wait for room; every byte arrives in order', (t) => {
  const { socket, conn, say } = make()
  socket.capacity = 1000
  say('GET /large HTTP/1.1\r\nHost: a\r\n\r\n' + GET)
  let turns = 0
  while (conn.advance() === Next.write) {
    turns++
    socket.capacity = 30_011
  }
  t.ok(turns >= 3)
  const [, first = '', rest = ''] = /^([\s\S]*?\r\n\r\n)([\s\S]*)$/.exec(socket.outgoing) ?? []
  t.match(first, /Content-Length: 100000/)
  t.equal(rest.slice(0, 100_000), 'x'.repeat(100_000))
  t.ok(rest.slice(100_000).startsWith('HTTP/1.1 200 OK'))
  t.end()
})

t.test('what a blocked connection has not used yet survives the turns of others', (t) => {
  const made = make()
  const { socket, conn, say } = made
  socket.capacity = 1000
  say('GET /large HTTP/1.1\r\nHost: a\r\n\r\n' + GET)
  t.equal(conn.advance(), Next.write)
  const other = another(made)
  say('GET /this-is-another-clients-request HTTP/1.1\r\nHost: b\r\n\r\n')
  other.advance()
  socket.capacity = Infinity
  t.equal(conn.advance(), Next.idle)
  t.same(answers(socket.outgoing), ['200', '200'])
  t.equal(socket.outgoing.match(/hello, world/g)?.length, 1, 'the pipelined request was answered, and only it')
  t.notMatch(socket.outgoing, /HTTP\/1\.1 400/)
  t.end()
})

t.test('a client that leaves in the middle of a file does not take the file from others', (t) => {
  const made = make()
  const { socket, conn, say } = made
  for (let round = 0; round < 3; round++) {
    const leaver = another(made)
    socket.capacity = 1000
    say('GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
    t.equal(leaver.advance(), Next.write)
    socket.capacity = Infinity
    socket.gone.add(901)
    t.equal(leaver.advance(), Next.close)
    leaver.close()
    socket.gone.clear()
  }
  say('GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal(conn.advance(), Next.idle)
  t.ok(socket.sentTo.get(900)!.endsWith('\r\n\r\n' + 'x'.repeat(100_000)))
  t.end()
})

t.test('a request that met a promise and then something that may block moves to another thread, whole', async (t) => {
  const { socket, conn, say } = make((modules) => {
    modules.hooks.fixups.add('wait_module', async (r) => { if (r.uri === '/slow') r.handler = 'slow'; await Promise.resolve(); return OK }, { quick: true })
    modules.hooks.handler.add('slow_module', () => OK, { handler: 'slow' })
  }, { mayBlock: false })
  const slow = 'POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
  say(slow + GET)
  t.equal(conn.advance(), Next.suspend)
  await new Promise(setImmediate)
  t.equal(conn.advance(), Next.handover)
  t.equal(Buffer.from(conn.unread()).toString(), slow + GET)
  t.equal(conn.keepalives, 0)
  t.equal(socket.outgoing, '')
})

t.test('an index is found behind a check that waits', async (t) => {
  const { socket, conn, say } = make((modules) => {
    modules.hooks.accessChecker.add('wait_module', async () => { await Promise.resolve(); return OK })
    modules.hooks.fixups.add('index_module', async (r) => {
      if (r.uri !== '/') return OK
      const found = await r.subLookup('/hello')
      if (found.status === 200) r.fastRedirect(found)
      return OK
    })
  })
  say('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  conn.advance()
  for (let i = 0; i < 3; i++) await new Promise(setImmediate)
  conn.advance()
  t.match(socket.outgoing, /^HTTP\/1\.1 200 [\s\S]*hello, world/)
})

t.test('a malformed request is answered, and the connection lingers before it is closed', (t) => {
  const { socket, conn, say } = make()
  say('GET /hello HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\nmore')
  t.equal(conn.advance(), Next.linger)
  t.match(socket.outgoing, /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*Connection: close\r\n/)
  t.ok(socket.shut)
  socket.ended = true
  t.equal(conn.advance(), Next.close)
  t.end()
})

t.test('the ErrorDocument of a request that was not understood may be made elsewhere: its bytes go there, whole', (t) => {
  const conf = plainConf()
  conf.defaults.said(dirCore).errorDocuments = { 400: { kind: 'path', value: '/slow' } }
  const register = (modules: ModuleList) => void modules.hooks.handler.add('slow_module', (r) => { r.write('sorry'); return OK })
  const listener = make(register, { mayBlock: false }, conf)
  listener.say('GET /hello HTTP/1.1\r\n\r\n')
  t.equal(listener.conn.advance(), Next.handover)
  t.equal(Buffer.from(listener.conn.unread()).toString(), 'GET /hello HTTP/1.1\r\n\r\n')
  t.equal(listener.socket.outgoing, '')
  const crew = make(register, {}, conf)
  crew.say('GET /hello HTTP/1.1\r\n\r\n')
  t.equal(crew.conn.advance(), Next.linger)
  t.match(crew.socket.outgoing, /^HTTP\/1\.1 400 [\s\S]*Connection: close[\s\S]*\r\n\r\nsorry$/)
  t.end()
})

t.test('Connection: close closes at once when nothing else was sent', (t) => {
  const { socket, conn, say } = make()
  say('GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.equal(conn.advance(), Next.close)
  t.match(socket.outgoing, /Connection: close\r\n/)
  conn.close()
  t.ok(socket.closed)
  t.end()
})

t.test('time-outs: silence closes, half a line too, half a head is answered with 408', (t) => {
  const silent = make()
  t.equal(silent.conn.advance(), Next.idle)
  t.equal(silent.conn.patience, serverCore.defaults.timeout)
  t.equal(silent.conn.timedOut(), Next.close)
  t.equal(silent.socket.outgoing, '')
  const half = make()
  half.say('GET /hel')
  t.equal(half.conn.advance(), Next.read)
  t.equal(half.conn.timedOut(), Next.linger)
  t.equal(half.socket.outgoing, '')
  const head = make()
  head.say('GET /hello HTTP/1.1\r\nHost: a')
  t.equal(head.conn.advance(), Next.read)
  t.equal(head.conn.timedOut(), Next.linger)
  t.match(head.socket.outgoing, /^HTTP\/1\.1 408 Request Timeout/)
  t.end()
})

t.test('time-outs: what came in time is seen even if the thread had no time to look', (t) => {
  const kept = make()
  kept.say(GET)
  t.equal(kept.conn.advance(), Next.idle)
  kept.say(GET)
  t.equal(kept.conn.timedOut(), Next.idle, 'a request on a kept connection')
  t.same(answers(kept.socket.outgoing), ['200', '200'])
  t.equal(kept.conn.timedOut(), Next.linger, 'and only once')
  const half = make()
  half.say(GET.slice(0, 20))
  t.equal(half.conn.advance(), Next.read)
  half.say(GET.slice(20, 30))
  t.equal(half.conn.timedOut(), Next.read, 'more of a head: it waits again')
  half.say(GET.slice(30))
  t.equal(half.conn.timedOut(), Next.idle, 'the rest of it')
  t.same(answers(half.socket.outgoing), ['200'])
  const gone = make()
  gone.say('GET /hel')
  t.equal(gone.conn.advance(), Next.read)
  gone.socket.ended = true
  t.equal(gone.conn.timedOut(), Next.close, 'a client that has left is not told that it was slow')
  t.equal(gone.socket.outgoing, '')
  t.end()
})

t.test('between requests the patience is KeepAliveTimeout, and MaxKeepAliveRequests is kept', (t) => {
  const conf = plainConf()
  conf.vector.said(serverCore).maxKeepAliveRequests = 2
  const { socket, conn, say } = make(undefined, {}, conf)
  say('GET /hello HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
  t.equal(conn.advance(), Next.idle)
  t.equal(conn.patience, serverCore.defaults.keepAliveTimeout)
  t.match(socket.outgoing, /Keep-Alive: timeout=5, max=2\r\nConnection: Keep-Alive\r\n/)
  say(GET)
  t.equal(conn.advance(), Next.idle)
  say(GET)
  t.equal(conn.advance(), Next.linger, 'as in Apache, the first request does not count')
  t.end()
})

t.test('KeepAliveTimeout 0: no keep-alive; Timeout 0: over at once, not never', (t) => {
  const conf = plainConf()
  conf.vector.said(serverCore).keepAliveTimeout = 0
  const once = make(undefined, {}, conf)
  once.say('GET /hello HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
  t.equal(once.conn.advance(), Next.linger)
  t.match(once.socket.outgoing, /Connection: close\r\n/)
  t.notMatch(once.socket.outgoing, /Keep-Alive/)
  const hasty = plainConf()
  hasty.vector.said(serverCore).timeout = 0
  const { conn, say } = make(undefined, {}, hasty)
  t.equal(conn.advance(), Next.idle)
  t.equal(conn.patience, 1)
  say('GET /hel')
  t.equal(conn.advance(), Next.read)
  t.equal(conn.patience, 1)
  t.end()
})

t.test('on a thread that must not block, a request for a handler that may is handed over untouched', (t) => {
  const { socket, conn, say } = make((modules) => {
    modules.hooks.handler.add('slow_module', () => OK, { handler: 'slow' })
    modules.hooks.fixups.add('slow_module', (r) => { if (r.uri === '/slow') r.handler = 'slow'; return OK }, { quick: true })
  }, { mayBlock: false })
  const slow = 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'
  say('GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n' + slow + GET)
  t.equal(conn.advance(), Next.handover)
  t.same(answers(socket.outgoing), ['404'], 'what came before is answered')
  t.equal(Buffer.from(conn.unread()).toString(), slow + GET)
  t.equal(conn.keepalives, 1)
  t.end()
})

t.test('what comes before a request whose handler may block has left when that handler begins', (t) => {
  let left = ''
  const { socket, conn, say } = make(({ hooks }) => {
    hooks.fixups.add('slow_module', (r) => { if (r.uri === '/slow') r.handler = 'slow'; return OK })
    hooks.handler.add('slow_module', () => { left = socket.outgoing; return OK }, { handler: 'slow' })
  })
  const slow = 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'
  say('GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n' + slow)
  t.equal(conn.advance(), Next.idle)
  t.same(answers(left), ['404'])
  t.same(answers(socket.outgoing), ['404', '200'])
  t.end()
})

t.test('a handler may wait, read the body in pieces and write in pieces', async (t) => {
  const echo = async (r: Request) => {
    for (let piece = await r.read(); piece !== null; piece = await r.read()) await r.write(Buffer.from(piece).toString().toUpperCase())
    return OK
  }
  const { socket, conn, say } = make((modules) => modules.hooks.handler.add('echo_module', echo))
  say('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  t.equal(conn.advance(), Next.suspend)
  await new Promise(setImmediate)
  t.equal(conn.advance(), Next.read, 'it waits for more of the body')
  say('2;x=y\r\nde\r\n0\r\n\r\n' + GET)
  conn.advance()
  await new Promise(setImmediate)
  conn.advance()
  t.match(socket.outgoing, /Content-Length: 5\r\n\r\nABCDE/)
  t.same(answers(socket.outgoing).length, 2, 'and the next request is served behind it')
})

t.test('a handler that goes on after its connection was closed touches nobody else', async (t) => {
  let goOn: () => void = () => undefined
  let late: unknown = 'nothing'
  const made = make((modules) => modules.hooks.handler.add('late_module', async (r) => {
    if (r.uri !== '/late') return -1
    await new Promise<void>((resolve) => { goOn = resolve })
    late = await r.read().catch((error: unknown) => error)
    await r.write('x'.repeat(100_000))
    r.sendFile(join(root, 'hello'), 0, 5)
    return OK
  }))
  const { socket, conn, say } = made
  say('POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
  t.equal(conn.advance(), Next.suspend)
  conn.close()
  // The kernel gives the same descriptor to the next client.
  const other = another(made)
  socket.incoming.push(Buffer.from('GET /nothing HTTP/1.1\r\nHost: b\r\n\r\n'))
  goOn()
  for (let i = 0; i < 5; i++) await new Promise(setImmediate)
  t.ok(late instanceof Error, 'reading fails')
  t.equal(socket.outgoing, '', 'nothing was written')
  other.advance()
  await new Promise(setImmediate)
  other.advance()
  t.match(socket.outgoing, /^HTTP\/1\.1 404 /, 'the next client gets its own answer first')
  t.same(answers(socket.outgoing), ['404'], 'and nothing else')
})

t.test('answers that are ready in the same moment go each to its own client', async (t) => {
  const opened: (() => void)[] = []
  const made = make((modules) => modules.hooks.handler.add('gate_module', async (r) => {
    await new Promise<void>((resolve) => opened.push(resolve))
    r.write(`for ${r.uri}`)
    return OK
  }))
  made.say('GET /one HTTP/1.1\r\nHost: a\r\n\r\n')
  made.conn.advance()
  const other = another(made)
  made.say('GET /two HTTP/1.1\r\nHost: a\r\n\r\n')
  other.advance()
  for (const open of opened) open()
  for (let i = 0; i < 3; i++) await new Promise(setImmediate)
  made.conn.advance()
  other.advance()
  t.match(made.socket.sentTo.get(900), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nfor \/one$/)
  t.match(made.socket.sentTo.get(901), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nfor \/two$/)
})

t.test('a request that waits behind an internal redirect keeps its own head', async (t) => {
  let open: () => void = () => undefined
  const made = make((modules) => modules.hooks.handler.add('redirect_module', (r) => {
    if (r.uri === '/from') return r.internalRedirect('/to')
    if (r.uri !== '/to') return -1
    return new Promise<void>((resolve) => { open = resolve }).then(() => {
      r.write(`agent ${r.headersIn.get('User-Agent') ?? 'none'}`)
      return OK
    })
  }))
  made.say('GET /from HTTP/1.1\r\nHost: a\r\nUser-Agent: mine\r\n\r\n')
  t.equal(made.conn.advance(), Next.suspend)
  const other = another(made)
  made.say('GET /nothing HTTP/1.1\r\nHost: b\r\nUser-Agent: theirs, and long\r\n\r\n')
  other.advance()
  open()
  for (let i = 0; i < 3; i++) await new Promise(setImmediate)
  t.match(made.socket.sentTo.get(900), /\r\n\r\nagent mine$/)
})

t.test('a handler that throws or rejects costs its request only', async (t) => {
  const { socket, conn, say, logged } = make((modules) => {
    modules.hooks.handler.add('bad_module', (r) => {
      if (r.uri === '/throws') throw new Error('on purpose')
      if (r.uri === '/rejects') return Promise.reject(new Error('on purpose, later'))
      return -1
    })
  })
  say('GET /throws HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal(conn.advance(), Next.linger)
  t.match(socket.outgoing, /^HTTP\/1\.1 500 /)
  t.match(logged.join('\n'), /fault in a module while serving GET \/throws: Error: on purpose/)
  const other = make((modules) => modules.hooks.handler.add('bad_module', () => Promise.reject(new Error('later'))))
  other.say(GET)
  t.equal(other.conn.advance(), Next.suspend)
  await new Promise(setImmediate)
  t.match(other.socket.outgoing, /^HTTP\/1\.1 500 /)
})

t.test('a client that leaves while its body is read is no fault of the module', async (t) => {
  const { socket, conn, say, logged } = make((modules) => modules.hooks.handler.add('x', async (r) => {
    await r.read()
    return OK
  }))
  say('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n')
  t.equal(conn.advance(), Next.read)
  socket.ended = true
  conn.advance()
  await new Promise(setImmediate)
  t.notMatch(logged.join('\n'), /fault in a module/)
  t.match(logged.join('\n'), /the client closed the connection while its request body was read/)
})

t.test('more than LimitRequestBody is refused before the handler runs', (t) => {
  const conf = plainConf()
  conf.defaults.said(dirCore).limitRequestBody = 10
  const { socket, conn, say } = make((modules) => modules.hooks.handler.add('x', () => { throw new Error('it ran') }), {}, conf)
  say('POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n')
  t.equal(conn.advance(), Next.linger)
  t.match(socket.outgoing, /^HTTP\/1\.1 413 /)
  t.end()
})

t.test('Expect: 100-continue is answered when the body is first read, and only then', async (t) => {
  const reads = async (r: Request) => {
    await r.read()
    return OK
  }
  const { socket, conn, say } = make((modules) => modules.hooks.handler.add('x', reads))
  say('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
  conn.advance()
  t.equal(socket.outgoing, 'HTTP/1.1 100 Continue\r\n\r\n')
  say('abc')
  conn.advance()
  await new Promise(setImmediate)
  t.same(answers(socket.outgoing), ['100', '200'])
  const none = make()
  none.say('GET /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
  t.equal(none.conn.advance(), Next.linger, 'a body that was not asked for may or may not come: the connection ends')
  t.same(answers(none.socket.outgoing), ['404'])
})
