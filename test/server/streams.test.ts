// Streams that connections give to each other: nobody's bytes come to another, and nobody keeps what it does not use.
import t from 'tap'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { OutBuffer } from '../../core/server/outlet.ts'
import { Streams } from '../../core/server/streams.ts'
import { another, make } from './fake_connection.ts'

const SHARED = 16 * 1024

function streams(): Streams {
  const port = linux(epoll)
  return new Streams(port, port.host.memory(SHARED), new OutBuffer(port.host.memory(SHARED)))
}

t.test('a stream that nobody has keeps nothing of whoever had it', (t) => {
  const all = streams()
  const stream = all.take(1, Buffer.alloc(4 * SHARED))
  stream.input.preface = () => 0
  t.ok(all.end(stream))
  t.equal(stream.input.bytes.length, SHARED)
  t.equal(stream.input.preface, undefined)
  t.end()
})

t.test('that of connections that have ended is nobody else\'s, however often one is let go of', (t) => {
  const made = make()
  made.conn.advance()
  made.conn.close()
  made.conn.release()
  another(made).advance()
  another(made).advance()
  t.ok((made.conn as unknown as { aborted: boolean }).aborted)
  t.end()
})
