// What a module does for a request that is complete or given up: nothing of it reaches a client, and nothing is thrown.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { OK } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import { dirCore } from '../../core/server/core_settings.ts'
import { Next } from '../../core/server/mpm.ts'
import { answers, make, plainConf, root, type Made } from './fake_connection.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}
const warnings = ({ logged }: Made): string[] => logged.filter((line) => line.startsWith('SY00068'))

/** Everything that a module may do with a request; answers how many of its promises were rejected. */
async function everything(r: Request): Promise<number> {
  r.write('LATE'.repeat(30_000))
  r.write('LATE')
  r.sendFile(join(root, 'large'), 0, 100_000)
  r.sendFile('/there is no such file', 0, 1)
  let rejected = 0
  for (const answer of [r.read(), r.internalRedirect('/hello')]) await Promise.resolve(answer).catch(() => rejected++)
  return rejected
}

for (const size of [5, 70_000]) t.test(`after a complete response of ${size} bytes nothing more is sent`, async (t) => {
  let kept: Request | undefined
  const made = make((modules) => modules.hooks.handler.add('late_module', (r) => {
    if (r.uri !== '/early') return -1
    kept = r
    r.write('e'.repeat(size))
    return OK
  }))
  made.say(get('/early'))
  t.equal(made.conn.advance(), Next.idle)
  const before = made.socket.outgoing
  t.equal(await everything(kept!), 2, 'what answers a promise says so')
  made.conn.advance()
  t.equal(made.socket.outgoing, before)
  t.same(warnings(made), ['SY00068: a module goes on with a request for /early that is complete: ignored'], 'said once')
  made.say(get('/hello'))
  t.equal(made.conn.advance(), Next.idle, 'the connection is as good as before')
  t.match(made.socket.outgoing.slice(before.length), /^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\nhello, world\n$/)
})

t.test('nor to whoever has the descriptor after another thread got it', (t) => {
  let kept: Request | undefined
  const made = make((modules) => modules.hooks.handler.add('late_module', (r) => { kept = r; return new Promise(() => undefined) }))
  made.say(get('/x'))
  made.conn.advance()
  made.conn.release()
  t.ok(kept!.connection.aborted, 'which shows')
  kept!.write('LATE'.repeat(30_000))
  t.equal(made.socket.outgoing, '')
  t.end()
})

t.test('a request that was redirected is over together with what answered it', async (t) => {
  let kept: Request | undefined
  const made = make((modules) => modules.hooks.handler.add('late_module', (r) => {
    if (r.uri !== '/from') return -1
    kept = r
    return r.internalRedirect('/hello')
  }))
  made.say(get('/from'))
  t.equal(made.conn.advance(), Next.idle)
  const before = made.socket.outgoing
  t.equal(await everything(kept!), 2)
  t.equal(made.socket.outgoing, before)
})

t.test('the body of the next request is not for a reader of the one before', async (t) => {
  const got: unknown[] = []
  let late: Request | undefined
  const made = make((modules) => modules.hooks.handler.add('late_module', async (r) => {
    if (r.uri === '/next') {
      got.push(r.read().then(String))
      got.push(late!.read().catch(() => 'refused'))
      await Promise.all(got)
      return OK
    }
    late = r
    got.push(r.read().then(String, () => 'none'))
    return OK
  }))
  // The first never waits for the body that it has asked for.
  made.say('POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
  made.conn.advance()
  await turns()
  made.say('first' + post('/next', 'SECRET'))
  made.conn.advance()
  await turns()
  made.conn.advance()
  await turns()
  t.same(answers(made.socket.outgoing), ['200', '200'])
  t.same(await Promise.all(got), ['none', 'SECRET', 'refused'])
})

t.test('a request that was given up is over: a timer that writes on throws nothing', async (t) => {
  const conf = plainConf()
  conf.defaults.said(dirCore).handlerTimeout = 1
  let kept: Request | undefined
  const made = make((modules) => modules.hooks.handler.add('late_module', (r) => {
    kept = r
    return new Promise(() => undefined)
  }), {}, conf)
  made.say(get('/x'))
  t.equal(made.conn.advance(), Next.suspend)
  await sleep(5)
  made.conn.timedOut()
  t.same(answers(made.socket.outgoing), ['503'])
  const before = made.socket.outgoing
  t.equal(await everything(kept!), 2)
  made.conn.advance()
  t.equal(made.socket.outgoing, before)
  t.same(warnings(made), ['SY00068: a module goes on with a request for /x that is given up: ignored'])
})

t.test('a filter that reads on when its request was given up asks the client for nothing', async (t) => {
  const conf = plainConf()
  conf.defaults.said(dirCore).handlerTimeout = 1
  let open = (): void => undefined
  const gate = new Promise<void>((resolve) => { open = resolve })
  const { socket, conn, say } = make((modules) => modules.hooks.handler.add('late_module', (r) => {
    r.addInputFilter({
      name: 'SLOW', type: 10,
      begin: (_r, source) => ({ read: async () => { await gate; return await source.read() } }),
    })
    void r.read()
    return new Promise(() => undefined)
  }), {}, conf)
  say('POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
  t.equal(conn.advance(), Next.suspend)
  await sleep(5)
  conn.timedOut()
  t.same(answers(socket.outgoing), ['503'])
  open()
  await turns()
  t.same(answers(socket.outgoing), ['503'])
})
