// What a refusal sends, and what it leaves to the log.
import t from 'tap'
import { OK } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import { dirCore, type ErrorDocument } from '../../core/server/core_settings.ts'
import { answers, GET, make, plainConf } from './fake_connection.ts'

const EACCES = -13

const confWith = (status: number, value: string) => {
  const conf = plainConf()
  const document: ErrorDocument = { kind: 'path', value }
  conf.defaults.said(dirCore).errorDocuments = { [status]: document }
  return conf
}

t.test('a file that may not be read answers no conditions', (t) => {
  for (const condition of ['If-None-Match: *', 'If-Match: "x"', 'If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT']) {
    const { socket, conn, say } = make()
    Object.assign(socket.port, { files: { ...socket.port.files, open: () => EACCES } })
    say(`GET /hello HTTP/1.1\r\nHost: a\r\n${condition}\r\n\r\n`)
    conn.advance()
    t.same(answers(socket.outgoing), ['403'], condition)
    t.notMatch(socket.outgoing, /ETag|Last-Modified/)
  }
  t.end()
})

t.test('a status without a name is sent as 500, logged as it is, and the connection goes on', (t) => {
  const logged: number[] = []
  const { socket, conn, say } = make(({ hooks }) => {
    hooks.handler.add('x', (r) => (r.uri === '/odd' ? 418 : OK))
    hooks.logTransaction.add('x', (r) => (logged.push(r.status), OK))
  })
  say(`GET /odd HTTP/1.1\r\nHost: a\r\n\r\n${GET}`)
  conn.advance()
  t.same(answers(socket.outgoing), ['500', '200'])
  t.equal(logged[0], 418)
  t.end()
})

t.test('an ErrorDocument is not refused by the configuration that has refused the request', (t) => {
  const { socket, conn, say } = make(({ hooks }) => void hooks.accessChecker.add('x', () => 403), {}, confWith(403, '/hello'))
  say('GET /other HTTP/1.1\r\nHost: a\r\n\r\n')
  conn.advance()
  t.same(answers(socket.outgoing), ['403'])
  t.match(socket.outgoing, /hello, world\n$/)
  t.end()
})

t.test('a failed ErrorDocument is blamed on the status that it was for; the log has the fault', (t) => {
  let last: Request | undefined
  const { socket, conn, say } = make(({ hooks }) => {
    hooks.handler.add('x', (r) => {
      if (r.uri !== '/document') return 410
      r.headersOut.set('Location', 'http://nowhere.example/')
      last = r
      return 301
    })
  }, {}, confWith(410, '/document'))
  say('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n')
  conn.advance()
  t.same(answers(socket.outgoing), ['410'])
  t.match(socket.outgoing, 'Additionally, a 410 Gone\n')
  t.notMatch(socket.outgoing, 'nowhere.example')
  t.equal(last?.status, 301)
  t.end()
})

t.test("HTML that a module has left for it stands on an error's page", (t) => {
  const { socket, conn, say } = make(({ hooks }) => void hooks.accessChecker.add('x', (r) => {
    r.notes.set('error-notes', '<b>because</b>')
    return 403
  }))
  say(GET)
  conn.advance()
  t.match(socket.outgoing, 'access this resource.<b>because</b></p>')
  t.end()
})
