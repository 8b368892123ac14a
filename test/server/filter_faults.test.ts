// Filters, subrequests and error answers when something goes wrong: no byte goes where it does not belong.
import { readdirSync } from 'node:fs'
import t from 'tap'
import { FilterType, type OutputFilter } from '../../core/hook/filter.ts'
import { HANDOVER, OK, type Status } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import { Next } from '../../core/server/mpm.ts'
import { another } from './fake_connection.ts'
import { answer, bodyOf, get, mapped, serve } from './filter_kit.ts'

const { protocol, resource } = FilterType
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}
const heads = (text: string): number => text.match(/HTTP\/1\.1 /g)?.length ?? 0
const onMade = (act: (r: Request) => void) => (r: Request): void => {
  if (r.uri === '/made') act(r)
}

t.test('what a filter holds of a response that failed does not get into the answer to the error', async (t) => {
  const made = serve({
    out: ['SLOW'],
    handler: (r) => {
      void r.write('SECRET'.repeat(20_000))
      return 404
    },
    said: { errorDocuments: { 404: { kind: 'text', value: 'sorry' } } },
  })
  const out = await answer(made, get('/made'))
  t.equal(heads(out), 1)
  t.notMatch(out, /SECRET/)
  t.equal(bodyOf(out), 'sorry')
})

t.test('a filter that flushes late, when its request is with another thread, sends nothing', async (t) => {
  const late: OutputFilter = {
    name: 'LATE', type: resource, quick: true,
    begin: (_, next) => ({ write: async () => { await turns(3); await next.flush() }, flush: () => next.flush(), end: () => next.end() }),
  }
  const made = serve({
    filters: [late], mayBlock: false,
    handler: async (r) => {
      void r.write('a'.repeat(70_000))
      await Promise.resolve()
      return HANDOVER
    },
    more: ({ hooks }) => hooks.insertFilter.add('x', onMade((r) => r.addOutputFilter('LATE')), { quick: true }),
  })
  made.say(get('/made'))
  made.conn.advance()
  await turns(10)
  t.equal(made.socket.outgoing, '')
})

t.test('a filter of the protocol that fails for every response', async (t) => {
  const failing: OutputFilter = { name: 'FAILING', type: protocol, begin: () => { throw new Error('always') } }
  for (const wait of [false, true]) {
    const made = serve({
      filters: [failing], out: ['FAILING'],
      handler: async (r) => {
        if (wait) await turns(2)
        r.write('x')
        return OK
      },
    })
    t.match(await answer(made, get('/made')), /^HTTP\/1\.1 500 /)
    t.equal(heads(made.socket.outgoing), 1)
  }
})

t.test('insert_error_filter: its filter sees the body of the error; if it fails, the error is answered without it', async (t) => {
  const marked = mapped('AROUND', (body) => `[${body}]`, { type: protocol })
  const made = serve({ filters: [marked], more: ({ hooks }) => hooks.insertErrorFilter.add('x', (r) => r.addOutputFilter('AROUND')) })
  t.match(bodyOf(await answer(made, get('/nothing'))), /^\[<!DOCTYPE[^]*\]$/)
  const broken = serve({ more: ({ hooks }) => hooks.insertErrorFilter.add('x', () => Promise.reject(new Error('no'))) })
  t.match(await answer(broken, get('/nothing')), /^HTTP\/1\.1 500 /)
})

t.test('a filter that comes too late is not added, and moves nothing to another thread', async (t) => {
  const made = serve({
    mayBlock: false,
    handler: async (r) => {
      await r.write('a'.repeat(70_000))
      r.addOutputFilter('TWICE')
      r.write('b')
      return OK
    },
  })
  const out = await answer(made, get('/made'))
  t.equal(heads(out), 1)
  t.equal(out.match(/b\r\n0\r\n/g)?.length, 1)
  t.match(made.logged.join(), /SY00096: filter TWICE was not added: the response has begun/)
})

t.test('pieces that are written without waiting are sent once each', async (t) => {
  const made = serve({
    out: ['SLOW'],
    handler: async (r) => {
      for (let i = 0; i < 150; i++) {
        void r.write(`<${i}>`.padEnd(900))
        if (i % 7 === 0) await Promise.resolve()
      }
      return OK
    },
  })
  const out = await answer(made, get('/made'))
  t.same(out.match(/<\d+>/g), Array.from({ length: 150 }, (_, i) => `<${i}>`))
})

t.test('a look-up keeps the head of its request while the thread serves others', async (t) => {
  const seen: unknown[] = []
  const made = serve({
    handler: async (r) => {
      const found = await r.subLookup('/hello') as Request
      await turns(3)
      seen.push(found.headersIn.get('Cookie'), found.method)
      return OK
    },
  })
  made.say(get('/made', 'Cookie: mine\r\n'))
  made.conn.advance()
  const other = another(made)
  made.say('DELETE /other HTTP/1.1\r\nHost: a\r\nCookie: another\r\n\r\n')
  other.advance()
  await turns(6)
  t.same(seen, ['mine', 'GET'])
})

t.test('a subrequest that is redirected stays a part of its page', async (t) => {
  const made = serve({
    handler: async (r) => {
      r.write('(')
      await r.runSubrequest(await r.subLookup('/part'))
      r.write(')')
      return OK
    },
    more: ({ hooks }) => hooks.handler.add('x', (r): Status | Promise<Status> =>
      r.uri === '/part' ? r.internalRedirect('/hello') : -1),
  })
  const out = await answer(made, get('/made') + get('/hello'))
  t.equal(heads(out), 2)
  t.match(out, /\(hello, world\n\)HTTP\/1\.1 200 OK/)
})

t.test('a subrequest that fails lets go of its file', async (t) => {
  const made = serve({
    handler: async (r) => {
      for (let i = 0; i < 20; i++) await r.runSubrequest(await r.subLookup('/part'))
      return OK
    },
    more: ({ hooks }) => hooks.handler.add('x', (r) => {
      if (r.uri !== '/part') return -1
      r.sendFile('/proc/self/status', 0, 10)
      return 404
    }),
  })
  await answer(made, get('/made'))
  const before = readdirSync('/proc/self/fd').length
  await answer(made, get('/made'))
  t.ok(readdirSync('/proc/self/fd').length <= before)
})

t.test('for a client that has left nothing more is read or filtered', async (t) => {
  let filtered = 0
  const counting = mapped('COUNT', (body) => { filtered += body.length; return body })
  const made = serve({ filters: [counting], out: ['COUNT'] })
  made.socket.capacity = 1000
  made.say(get('/large'))
  t.equal(made.conn.advance(), Next.write)
  made.conn.close()
  await turns(10)
  t.ok(filtered < 100_000, `${filtered} bytes`)
})

t.test('an input filter that fails hurts only the request that waits for it', async (t) => {
  const failing = { name: 'FAILS-IN', type: resource, begin: () => { throw new Error('no input') } }
  const made = serve({
    handler: async (r) => {
      r.addInputFilter(failing)
      void r.read()
      await turns(2)
      r.write('fine')
      return OK
    },
  })
  t.equal(bodyOf(await answer(made, 'POST /made HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab')), 'fine')
})

t.test('a filter that fails as it is cancelled keeps no connection open', (t) => {
  const failing: OutputFilter = {
    name: 'STUCK', type: resource,
    begin: (_, next) => ({ write: () => new Promise(() => undefined), flush: () => next.flush(), end: () => next.end(), cancel: () => { throw new Error('stuck') } }),
  }
  const made = serve({ filters: [failing], out: ['STUCK'] })
  made.say(get('/large'))
  t.equal(made.conn.advance(), Next.suspend)
  made.conn.close()
  t.ok(made.socket.closed)
  t.match(made.logged.join(), /SY00099/)
  t.end()
})

t.test('no line of a response ends in the middle', async (t) => {
  const evil = 'x\r\nSet-Cookie: sid=1'
  const ways: readonly ((r: Request) => Status)[] = [
    (r) => { r.headersOut.set('X', evil); r.write('x'); return OK },
    (r) => { r.errHeadersOut.add('X', evil); r.write('x'); return OK },
    (r) => { r.contentType = `text/${evil}`; r.write('x'); return OK },
    (r) => { r.headersOut.set('X', evil); r.write('x'.repeat(70_000)); return OK },
    (r) => { r.headersOut.set('Location', `http://a/?${evil}`); return 302 },
    (r) => { r.headersOut.set('X', 'y'); r.headersOut.merge('X', '\0'); return OK },
  ]
  for (const handler of ways) {
    const made = serve({ handler })
    const out = await answer(made, get('/made'))
    t.match(out, /^HTTP\/1\.1 500 [^]*<title>500 /)
    t.notMatch(out, /^Set-Cookie/m)
    t.match(made.logged.join(), /AH02430: Response header '(X|Location|Content-Type)' value of /)
  }
})

t.test('dots that a module has put together lead around nothing', async (t) => {
  const seen: (string | undefined)[] = []
  const made = serve({ more: ({ hooks }) => {
    hooks.translateName.add('x', (r) => { r.filename = '/a/b/../c/./d..e/.f/..'; return OK })
    hooks.fixups.add('x', (r) => { seen.push(r.filename); return OK })
  } })
  await answer(made, get('/x'))
  t.same(seen, ['/a'])
})
