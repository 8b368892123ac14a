// Filters at work on a connection: order, lengths, ranges, errors, and a client that reads slowly.
import t from 'tap'
import type { OutputFilter } from '../../core/hook/filter.ts'
import { OK, type Status } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import { Next } from '../../core/server/mpm.ts'
import { answer, bodyOf, contentSet, get, mapped, resource, serve, whole } from './filter_kit.ts'

t.test('a file goes through a filter', async (t) => {
  const out = await answer(serve({ out: ['UPPER'] }), get('/hello'))
  t.equal(bodyOf(out), 'HELLO, WORLD\n')
  t.match(out, /Content-Length: 13\r\n/)
})

t.test('filters run by type, whatever the order of their names; a length that changes is told anew', async (t) => {
  const out = await answer(serve({ out: ['mark', 'TWICE', 'upper'] }), get('/hello'))
  t.equal(bodyOf(out), '<HELLO, WORLD\nHELLO, WORLD\n>')
  t.match(out, /Content-Length: 28\r\n/)
  t.equal(out.match(/Content-Length/g)?.length, 1)
})

t.test('of one type they run in the order in which they were named', async (t) => {
  const again = mapped('AGAIN', (body) => `${body}a`)
  const once = mapped('ONCE', (body) => `${body}o`)
  const handler = (r: Request): Status => {
    for (const filter of [once, again]) r.addOutputFilter(filter)
    r.write('x')
    return OK
  }
  t.equal(bodyOf(await answer(serve({ handler }), get('/made'))), 'xoa')
})

t.test('one that steps aside changes nothing', async (t) => {
  const out = await answer(serve({ out: ['ASIDE'] }), get('/hello'))
  t.equal(bodyOf(out), 'hello, world\n')
  t.match(out, /Content-Length: 13\r\n/)
})

t.test('a filter sees what the handler has said, and what the filters before it have made of it', async (t) => {
  const seen: (string | undefined)[] = []
  const first: OutputFilter = { name: 'A', type: resource, begin: (r, next) => { seen.push(r.contentType); r.contentType = 'text/a'; return next } }
  const second: OutputFilter = { name: 'B', type: contentSet, begin: (r) => { seen.push(r.contentType); return undefined } }
  const handler = (r: Request): Status => {
    r.addOutputFilter(second)
    r.addOutputFilter(first)
    r.write('x')
    r.contentType = 'text/late'
    return OK
  }
  const out = await answer(serve({ handler }), get('/made'))
  t.same(seen, ['text/late', 'text/a'])
  t.match(out, /Content-Type: text\/a\r\n/)
})

t.test('parts are cut out of what the filters have made', async (t) => {
  const made = serve({ out: ['TWICE', 'UPPER'] })
  const one = await answer(made, get('/hello', 'Range: bytes=11-15\r\n'))
  t.match(one, /^HTTP\/1\.1 206 [\s\S]*Content-Range: bytes 11-15\/26\r\nContent-Length: 5\r\n/)
  t.equal(bodyOf(one), 'D\nHEL')
  t.match(await answer(made, get('/hello', 'Range: bytes=0-0,20-21\r\n')), /Content-range: bytes 20-21\/26\r\n\r\nWO\r\n/)
  t.match(await answer(made, get('/hello', 'Range: bytes=26-\r\n')), /^HTTP\/1\.1 416 /)
})

t.test('ranges of a body that a handler wrote', async (t) => {
  const handler = (r: Request): Status => { for (const c of 'abcdef') r.write(c); return OK }
  const out = await answer(serve({ handler }), get('/made', 'Range: bytes=2-3\r\n'))
  t.match(out, /^HTTP\/1\.1 206 /)
  t.equal(bodyOf(out), 'cd')
})

t.test('a large file waits for the client, and is never whole in memory', async (t) => {
  for (const out of [['UPPER'], ['UPPER', 'SLOW'], ['SLOW', 'TWICE']]) {
    const made = serve({ out })
    made.say(get('/large'))
    let most = 0
    for (let i = 0, next = made.conn.advance(); i < 400 && next !== Next.idle; i++) {
      made.socket.capacity = 7001
      const before = made.socket.outgoing.length
      await new Promise(setImmediate)
      next = made.conn.advance()
      most = Math.max(most, made.socket.outgoing.length - before)
    }
    t.ok(most <= 7001 * 2, 'a piece at a time')
    t.equal(whole(made.socket.outgoing).length, out.includes('TWICE') ? 200_000 : 100_000, out.join())
  }
})

t.test('writing waits for the client through filters', async (t) => {
  let waited = 0
  const handler = async (r: Request): Promise<Status> => {
    for (let i = 0; i < 8; i++) {
      const wait = r.write(Buffer.alloc(50_000, 'y'))
      if (wait !== undefined) { waited++; await wait }
    }
    return OK
  }
  const made = serve({ handler, out: ['UPPER'] })
  made.socket.capacity = 60_000
  made.say(get('/made'))
  for (let i = 0, next = made.conn.advance(); i < 400 && next !== Next.idle; i++) {
    await new Promise(setImmediate)
    made.socket.capacity = 30_000
    next = made.conn.advance()
  }
  t.ok(waited >= 3)
  t.equal(made.socket.outgoing.match(/Y/g)?.length, 400_000)
  t.ok(made.socket.outgoing.endsWith('\r\n0\r\n\r\n'))
})

t.test('what is written without waiting comes in order and whole', async (t) => {
  const handler = (r: Request): Status => {
    for (let i = 0; i < 10; i++) void r.write(String(i).repeat(40_000))
    return OK
  }
  const made = serve({ handler, out: ['SLOW'] })
  const out = await answer(made, get('/made'))
  t.equal(whole(out).replace(/(\d)\1{39999}/g, '$1'), '0123456789')
})

t.test('a filter that fails is a 500, and the connection lives', async (t) => {
  const made = serve({ out: ['BROKEN'] })
  t.match(await answer(made, get('/hello')), /^HTTP\/1\.1 500 /)
  t.match(made.logged.join(), /SY00002: fault in a module while serving GET \/hello: Error: cannot filter/)
})

t.test('what the server says of an error goes through filters of the protocol only', async (t) => {
  const out = await answer(serve({ out: ['UPPER', 'MARK', 'BROKEN'] }), get('/nothing'))
  t.match(out, /^HTTP\/1\.1 404 /)
  t.match(bodyOf(out), /^<<!DOCTYPE HTML[\s\S]*was not found[\s\S]*>$/)
})

t.test('an unknown filter is said and left out', async (t) => {
  const made = serve({ out: ['NOWHERE', 'UPPER'], in: ['NIX'] })
  t.equal(bodyOf(await answer(made, get('/hello'))), 'HELLO, WORLD\n')
  t.same(made.logged, ['AH00082: an unknown filter was not added: NOWHERE', 'AH00082: an unknown filter was not added: NIX'])
})

t.test('HEAD and 304 carry no body', async (t) => {
  const made = serve({ out: ['UPPER'] })
  t.match(await answer(made, get('/hello').replace('GET', 'HEAD')), /Content-Length: 13\r\n\r\n$/)
  const etag = /ETag: (.*)\r\n/.exec(made.socket.outgoing)![1]!
  t.match(await answer(made, get('/hello', `If-None-Match: ${etag}\r\n`)), /^HTTP\/1\.1 304 [^]*\r\n\r\n$/)
})

t.test('input filters change what a handler reads', async (t) => {
  const handler = async (r: Request): Promise<Status> => {
    for (let piece = await r.read(); piece !== null; piece = await r.read()) await r.write(piece)
    return OK
  }
  const made = serve({ handler, in: ['rot', 'ROT', 'Rot'] })
  t.equal(bodyOf(await answer(made, 'POST /made HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nuryyb!')), 'hello!')
})

t.test('a subrequest answers into the body of another', async (t) => {
  const handler = async (r: Request): Promise<Status> => {
    r.contentType = 'text/html'
    r.write('[')
    t.equal(await r.runSubrequest(await r.subLookup('/hello')), OK)
    r.write(']')
    t.equal(await r.runSubrequest(await r.subLookup('/nothing')), 404)
    return OK
  }
  const made = serve({ handler })
  const out = await answer(made, get('/made', 'If-None-Match: *\r\n'))
  t.equal(bodyOf(out), '[hello, world\n]')
  t.match(out, /^HTTP\/1\.1 200 [^]*Content-Length: 15\r\n[^]*Content-Type: text\/html\r\n/)
  t.notMatch(out, /Last-Modified|ETag/)
})

t.test('event hands a request over before a filter that may block; a quick one it runs itself', async (t) => {
  const made = serve({ out: ['TWICE'], mayBlock: false })
  made.say(get('/hello'))
  t.equal(made.conn.advance(), Next.handover)
  t.equal(made.socket.outgoing, '')
  t.equal(bodyOf(await answer(serve({ out: ['UPPER'], mayBlock: false }), get('/hello'))), 'HELLO, WORLD\n')
})

t.test('a response that is given up lets its filters know', async (t) => {
  let cancelled = 0
  const holding: OutputFilter = {
    name: 'HOLD', type: resource,
    begin: (_, next) => ({ write: () => undefined, flush: () => undefined, end: () => next.end(), cancel: () => { cancelled++ } }),
  }
  const handler = async (r: Request): Promise<Status> => {
    r.addOutputFilter(holding)
    await r.write(Buffer.alloc(70_000))
    throw new Error('no further')
  }
  const made = serve({ handler })
  t.match(await answer(made, get('/made')), /^HTTP\/1\.1 500 /)
  t.equal(cancelled, 1)
})
