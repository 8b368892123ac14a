// Two connections of one thread: a handler of one that writes to, or reads from, the other's request (a chat, say).
import { join } from 'node:path'
import t from 'tap'
import { DECLINED, OK } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import { dirCore } from '../../core/server/core_settings.ts'
import type { ServerConf } from '../../core/config/server_conf.ts'
import { another, answers, make, plainConf, root, type Made } from './fake_connection.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

/**
 * A client (descriptor 900) hears what others say: it has been answered in part. Another (901) asks for /say, whose
 * handler gets both requests.
 */
function chat(say: (own: Request, heard: Request) => unknown, conf: ServerConf = plainConf()): Made & { ask(text: string): void } {
  let heard: Request | undefined
  const made = make((modules) => modules.hooks.handler.add('chat_module', (r) => {
    if (r.uri === '/say') return Promise.resolve(say(r, heard!)).then(() => OK)
    if (r.uri !== '/hear') return DECLINED
    heard = r
    r.write('-'.repeat(70_000))
    return new Promise(() => undefined)
  }), {}, conf)
  made.say(get('/hear'))
  made.conn.advance()
  made.socket.sentTo.delete(900)
  const other = another(made)
  return { ...made, ask: (text) => { made.say(text); other.advance() } }
}

/** What is in the chunks of a response's body, from where a chunk begins. */
const chunks = (text: string): string => text.replace(/[0-9a-f]+\r\n([^\r]*)\r\n/g, '$1')

t.test('what a handler has written to its own client stays its client\'s when it writes to another', async (t) => {
  const { socket, ask } = chat((own, heard) => {
    own.write('SECRET'.repeat(15_000))
    heard.write('[news]')
  })
  ask(get('/say'))
  await turns()
  t.equal(chunks(socket.sentTo.get(900)!), '[news]')
  const [, body = ''] = socket.sentTo.get(901)!.split('\r\n\r\n')
  t.equal(body.match(/SECRET/g)?.length, 15_000)
})

t.test('so do answers to the requests before it', async (t) => {
  const { socket, ask } = chat((own, heard) => {
    heard.write('[news]')
    own.write('said')
  })
  ask(get('/nothing') + get('/say'))
  await turns()
  t.equal(chunks(socket.sentTo.get(900)!), '[news]')
  t.match(socket.sentTo.get(901), /^HTTP\/1\.1 404 [\s\S]*HTTP\/1\.1 200 [\s\S]*said$/)
})

t.test('so does 100 Continue', (t) => {
  const { socket, ask } = chat((own, heard) => {
    void own.read()
    heard.write('[news]')
  })
  ask('POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
  t.equal(chunks(socket.sentTo.get(900)!), '[news]')
  t.same(answers(socket.sentTo.get(901)!), ['100'])
  t.end()
})

t.test('a file that is copied to another client does not overwrite what waits in the buffer', async (t) => {
  const conf = plainConf()
  conf.defaults.said(dirCore).enableSendfile = false
  const { socket, ask } = chat((own, heard) => {
    heard.sendFile(join(root, 'large'), 0, 100_000)
    heard.write('.')
    own.write('said')
  }, conf)
  ask(get('/nothing') + get('/say'))
  await turns()
  t.equal(chunks(socket.sentTo.get(900)!), 'x'.repeat(100_000) + '.')
  t.match(socket.sentTo.get(901), /^HTTP\/1\.1 404 [\s\S]*HTTP\/1\.1 200 [\s\S]*said$/)
})

/** A handler keeps its own head while it, or what it does, reads a body that arrives at this very moment. */
function reader(look: (own: Request, uploading: Request | undefined) => Promise<unknown>) {
  let uploading: Request | undefined
  const seen: string[] = []
  const pieces: unknown[] = []
  const made = make((modules) => modules.hooks.handler.add('reader_module', (r) => {
    if (r.uri === '/upload') {
      uploading = r
      return new Promise(() => undefined)
    }
    const piece = look(r, uploading).then((answer) => pieces.push(String(answer)))
    seen.push(r.requestLine, r.headersIn.get('Cookie') ?? 'none')
    return piece.then(() => OK)
  }))
  return { made, seen, pieces }
}

t.test('reading the body of another request leaves the head of one\'s own alone', async (t) => {
  const { made, seen, pieces } = reader((_own, uploading) => uploading!.read())
  made.say('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n')
  made.conn.advance()
  const other = another(made)
  made.say('GET /look HTTP/1.1\r\nHost: b\r\nCookie: mine\r\n\r\n')
  made.say('EVIL'.repeat(100))
  other.advance()
  t.same(seen, ['GET /look HTTP/1.1', 'mine'])
  await turns()
  t.same(pieces, ['EVIL'.repeat(100)], 'and the body comes as soon as the other turn is over')
  other.advance()
  t.match(made.socket.sentTo.get(901), /^HTTP\/1\.1 200 /)
})

t.test('so does reading one\'s own', async (t) => {
  const { made, seen, pieces } = reader((own) => own.read())
  made.say('POST /look HTTP/1.1\r\nHost: b\r\nCookie: mine\r\nContent-Length: 400\r\n\r\n')
  made.say('EVIL'.repeat(100))
  made.conn.advance()
  t.same(seen, ['POST /look HTTP/1.1', 'mine'])
  await turns()
  t.same(pieces, ['EVIL'.repeat(100)])
})

t.test('a socket that is full is waited for after the turn, once', async (t) => {
  const { socket, resumed, ask } = chat((own, heard) => {
    socket.capacity = 0
    for (let i = 0; i < 9; i++) heard.write('[news]')
    own.write('said')
  })
  const before = resumed()
  ask(get('/say'))
  t.equal(resumed(), before, 'not in the other connection\'s turn')
  await turns()
  t.equal(resumed(), before + 1)
})
