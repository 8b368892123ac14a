// What event's listener must not decide or evaluate: the whole request moves to a thread that may block.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { parseStringExpression } from '../../core/expr/expression.ts'
import { registerExpressions } from '../../core/expr/lookup.ts'
import { after, HANDOVER, OK, type Answer, type Status } from '../../core/hook/hook.ts'
import type { ModuleList } from '../../core/hook/modules.ts'
import type { Request } from '../../core/hook/types.ts'
import { Next } from '../../core/server/mpm.ts'
import { dirCore } from '../../core/server/core_settings.ts'
import { serverExpressions } from '../../core/server/server_expressions.ts'
import { GET, make, plainConf, root } from './fake_connection.ts'

registerExpressions(serverExpressions)
const turns = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await new Promise(setImmediate)
}

/** /hello wants to find /middle, which wants not to find /inner, about which only another thread can tell. */
const chained = (late: boolean) => ({ hooks }: ModuleList): void => {
  const look = (r: Request, path: string): Answer<boolean> => {
    const found = after(r.subLookup(path), ({ status }) => status < 400)
    return late ? Promise.resolve(found) : found
  }
  const check = (r: Request): Answer<Status> => {
    if (r.uri === '/inner') return HANDOVER
    if (r.uri === '/middle') return after(look(r, '/inner'), (isThere) => isThere ? OK : 403)
    return after(look(r, '/middle'), (isThere) => isThere ? OK : 403)
  }
  hooks.fixups.add('m', check, { quick: true })
}

for (const late of [false, true]) {
  t.test(`nothing is decided on a look-up of a look-up that only another thread can make, ${late ? 'later' : 'at once'}`, async (t) => {
    const { socket, conn, say } = make(chained(late), { mayBlock: false })
    say(GET)
    let next = conn.advance()
    await turns()
    if (late) next = conn.advance()
    t.equal(next, Next.handover)
    t.equal(socket.outgoing, '')
    t.equal(Buffer.from(conn.unread()).toString('latin1'), GET)
  })
}

const source = { file: 'test.conf', line: 1, htaccess: false }

function withDocument(text: string, mayBlock: boolean, status = 404) {
  const conf = plainConf()
  const value = parseStringExpression(text, source, '')
  conf.defaults.said(dirCore).errorDocuments = { [status]: { kind: 'text', value } }
  return make(({ hooks }) => {
    hooks.fixups.add('m', (r) => r.uri === '/elsewhere' ? HANDOVER : OK, { quick: true })
  }, { mayBlock }, conf)
}

const MISSING = GET.replace('hello', 'missing')

t.test('an ErrorDocument that may take long, or looks at what does, is evaluated elsewhere', async (t) => {
  execFileSync('mkfifo', [join(root, 'pipe')])
  for (const text of [`it says %{file:${root}/pipe}`, "it is %{:-U '/elsewhere':}"]) {
    const listener = withDocument(text, false)
    listener.say(MISSING)
    let next = listener.conn.advance()
    await turns()
    if (next !== Next.handover) next = listener.conn.advance()
    t.equal(next, Next.handover, text)
    t.equal(listener.socket.outgoing, '')
  }
  const crew = withDocument(`it says %{file:${root}/pipe}.`, true)
  crew.say(MISSING)
  crew.conn.advance()
  t.match(crew.socket.outgoing, /^HTTP\/1\.1 404 [\s\S]*\r\n\r\nit says \.$/)
})

t.test('what cannot begin anew gets the standard page instead of one that takes long', async (t) => {
  for (const text of [`it says %{file:${root}/hello}`, "it is %{:-U '/elsewhere':}"]) {
    const { socket, conn, say } = withDocument(text, false, 408)
    say('GET /hello HTTP/1.1\r\n')
    conn.advance()
    conn.timedOut()
    await turns()
    conn.advance()
    t.match(socket.outgoing, /^HTTP\/1\.1 408 [\s\S]*<title>408 Request Timeout<\/title>/, text)
  }
  t.end()
})

t.test('a handler of its own name that may block: the request moves before anything else is found out', (t) => {
  for (const quick of [false, true]) {
    const conf = plainConf()
    conf.defaults.said(dirCore).setHandler = 'mine'
    let looked = 0
    const { conn, say, socket } = make(({ hooks }) => {
      hooks.translateName.add('m', () => (looked++, -1), { quick: true })
      hooks.handler.add('m', (r) => (void r.write('x'), OK), { handler: 'mine', quick })
    }, { mayBlock: false }, conf)
    say(GET)
    t.equal(conn.advance(), quick ? Next.idle : Next.handover)
    t.equal(looked, quick ? 1 : 0)
    t.equal(Buffer.from(conn.unread()).toString(), quick ? '' : GET)
    t.match(socket.outgoing, quick ? /200 OK/ : /^$/)
  }
  t.end()
})
