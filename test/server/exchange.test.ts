// What one connection exchanges besides requests and answers: trailers; and when answers leave.
import t from 'tap'
import { OK } from '../../core/hook/hook.ts'
import { serverCore, type ServerCore } from '../../core/server/core_settings.ts'
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
