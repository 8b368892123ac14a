// Requests that take their time while the thread serves others: what they were, what they hold, and what is logged of them.
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HANDOVER, OK } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import { dirCore } from '../../core/server/core_settings.ts'
import { Next } from '../../core/server/mpm.ts'
import { another, GET, make, plainConf, root } from './fake_connection.ts'

const turns = async (count = 8): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

t.test('a file that grows while the body of the request for it comes in: Content-Length is the length of the body', async (t) => {
  writeFileSync(join(root, 'grows'), 'short\n')
  const made = make()
  const { socket, conn, say, engine } = made
  engine.beginTurn()
  say('POST /grows HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab')
  conn.advance()
  appendFileSync(join(root, 'grows'), 'HTTP/1.1 200 OK\r\nX-Forged: 1\r\n\r\n')
  // Another client asks for the same file.
  engine.beginTurn()
  const before = socket.incoming
  socket.incoming = [Buffer.from('HEAD /grows HTTP/1.1\r\nHost: b\r\n\r\n')]
  another(made).advance()
  socket.incoming = before
  engine.beginTurn()
  say('cde')
  conn.advance()
  await turns()
  const mine = socket.sentTo.get(900)!
  const [, head, body] = /^([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(mine)!
  const length = Number(/Content-Length: (\d+)/.exec(head!)?.[1])
  t.equal(body!.length, length, JSON.stringify(mine))
})

for (const body of ['abcde', 'GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n'])
t.test('a request with a body that has not all come, whose ErrorDocument is for the crew, is handed over whole', async (t) => {
  const conf = plainConf()
  conf.defaults.said(dirCore).errorDocuments = { 404: { kind: 'path', value: '/doc' } } as never
  const { socket, conn, say } = make((modules) => modules.hooks.fixups.add('slow', (r) => r.uri === '/doc' ? HANDOVER : OK, { quick: true }),
    { mayBlock: false }, conf)
  const head = `POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`
  say(head + body.slice(0, 2))
  let next = conn.advance()
  await turns()
  say(body.slice(2) + GET)
  for (let i = 0; i < 5; i++) { next = conn.advance(); if (next === Next.handover) break; await turns() }
  t.equal(next, Next.handover)
  t.equal(Buffer.from(conn.unread()).toString('latin1') + Buffer.concat(socket.incoming).toString('latin1'), head + body + GET,
    'nothing that the client sent is lost')
})

t.test('a log hook that fails later does not end the thread', async (t) => {
  const made = make((modules) => modules.hooks.logTransaction.add('m', () => Promise.reject(new Error('log database is gone'))))
  const seen: unknown[] = []
  const note = (error: unknown): void => void seen.push(error)
  process.on('unhandledRejection', note)
  made.say(GET)
  made.conn.advance()
  await turns()
  process.off('unhandledRejection', note)
  t.same(seen.map(String), [], 'no promise is left alone')
})

t.test('files of entries that were given up meanwhile are closed', async (t) => {
  mkdirSync(join(root, 'many'))
  const fds = (): number => readdirSync('/proc/self/fd').length
  const made = make()
  const { socket, engine } = made
  for (let n = 0; n < 20; n++) writeFileSync(join(root, 'many', String(n)), 'x'.repeat(20_000))
  const before = fds()
  for (let round = 0; round < 20; round++) {
    engine.beginTurn()
    const conn = another(made)
    socket.incoming = [Buffer.from(`POST /many/${round} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na`)]
    conn.advance()
    for (let n = 0; n < 5000; n++) engine.files.look(`${root}/nothing/${round}/${n}`)
    socket.incoming = [Buffer.from('b')]
    conn.advance()
    await turns()
    socket.ended = true
    conn.close()
    socket.ended = false
  }
  for (let n = 0; n < 10_000; n++) engine.files.look(`${root}/other/${n}`)
  t.ok(socket.outgoing.includes('HTTP/1.1 200'))
  t.equal(fds() - before, 0, 'no descriptor is left')
})

for (const how of ['ErrorDocument', 'internalRedirect']) t.test(`${how}, a large answer to a slow client`, async (t) => {
  const conf = plainConf()
  conf.defaults.said(dirCore).errorDocuments = { 404: { kind: 'path', value: '/large' } } as never
  const lines: string[] = []
  const made = make((modules) => {
    modules.hooks.handler.add('m', (r) => r.uri === '/mine' && how !== 'ErrorDocument' ? r.internalRedirect('/large') : -1)
    modules.hooks.logTransaction.add('log', (r: Request) => (lines.push(`${r.requestLine} ${r.headersIn.get('User-Agent')}`), OK))
  }, {}, conf)
  const { socket, conn, say } = made
  socket.capacity = 1000
  say('GET /mine HTTP/1.1\r\nHost: a\r\nUser-Agent: mine\r\n\r\n')
  t.equal(conn.advance(), Next.write)
  const other = another(made)
  say('GET /hello?token=secret-of-another HTTP/1.1\r\nHost: b\r\nUser-Agent: another\r\n\r\n')
  socket.capacity = 1_000_000
  other.advance()
  conn.advance()
  await turns()
  t.same(lines.filter((line) => line.includes('/mine')), ['GET /mine HTTP/1.1 mine'], JSON.stringify(lines))
})

t.test('an internal redirect whose body is thrown away afterwards', async (t) => {
  const lines: string[] = []
  const made = make((modules) => {
    modules.hooks.handler.add('m', (r) => r.uri === '/mine' ? r.internalRedirect('/quick') : r.uri === '/quick' ? (r.write('x'), OK) : -1)
    modules.hooks.logTransaction.add('log', (r: Request) => (lines.push(`${r.requestLine} ${r.headersIn.get('User-Agent')}`), OK))
  })
  const { conn, say } = made
  say('POST /mine HTTP/1.1\r\nHost: a\r\nUser-Agent: mine\r\nContent-Length: 5\r\n\r\nab')
  t.equal(conn.advance(), Next.read)
  const other = another(made)
  say('GET /hello?token=secret-of-another HTTP/1.1\r\nHost: b\r\nUser-Agent: another\r\n\r\n')
  other.advance()
  say('cde')
  conn.advance()
  await turns()
  t.same(lines.filter((line) => line.includes('/mine')), ['POST /mine HTTP/1.1 mine'], JSON.stringify(lines))
})
