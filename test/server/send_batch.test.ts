// Answers that leave together at the end of a turn: the same bytes as without, whatever the sockets take of them.
import fc from 'fast-check'
import t from 'tap'
import { Next, type Conn } from '../../core/server/mpm.ts'
import type { Net, SendRing } from '../../core/port/port.ts'
import { GET, make, type Made } from './fake_connection.ts'

/** Its answer is made in memory: files that have only just changed are sent by sendfile. */
const NONE = GET.replace('hello', 'none')

/** A ring over the fake socket. */
class Ring implements SendRing {
  readonly size = 4
  readonly results = new Int32Array(4)
  net: Net | undefined
  calls = 0
  #waiting: (() => number)[] = []

  add(...[fd, from, offset, length]: Parameters<SendRing['add']>): void {
    this.#waiting.push(() => this.net!.send(fd, from, offset, length, false))
  }

  submit(): number {
    this.calls++
    const waiting = this.#waiting
    this.#waiting = []
    waiting.forEach((send, i) => { this.results[i] = send() })
    return waiting.length
  }

  close(): void {
    this.#waiting = []
  }
}

interface Seen { readonly conn: Conn; readonly fd: number; next: Next; resumed: number }

function many(count: number, withRing = true): { made: Made; ring: Ring; conns: Seen[] } {
  const ring = new Ring()
  const made = make(undefined, withRing ? { sends: ring } : {})
  ring.net = made.socket.port.net
  const conns = Array.from({ length: count }, (_, i) => {
    const seen = { fd: 1000 + i, next: Next.idle, resumed: 0 } as { -readonly [K in keyof Seen]: Seen[K] }
    const owner = { resume: (conn: Conn) => { seen.resumed++; seen.next = conn.advance() }, status: () => undefined }
    seen.conn = made.engine.connect(seen.fd, { address: '10.0.0.1', port: i }, undefined, owner)
    return seen
  })
  return { made, ring, conns }
}

const ask = ({ made }: { made: Made }, seen: Seen, text = NONE): void => {
  made.say(text)
  seen.next = seen.conn.advance()
}

t.test('nothing leaves before the end of the turn, then all in one call', (t) => {
  const all = many(3)
  for (const seen of all.conns) ask(all, seen)
  t.equal(all.made.socket.outgoing, '')
  t.ok(all.conns.every(({ next }) => next === Next.idle))
  all.made.engine.endTurn()
  t.equal(all.ring.calls, 1)
  const answers = [...all.made.socket.sentTo.values()]
  t.equal(answers.length, 3)
  t.ok(answers.every((answer) => /^HTTP\/1\.1 404[^]*<\/html>\n$/.test(answer)))
  all.made.engine.endTurn()
  t.equal(all.ring.calls, 1)
  t.end()
})

t.test('one alone, and one after which the connection ends, go the ordinary way', (t) => {
  const all = many(2)
  ask(all, all.conns[0]!)
  all.made.engine.endTurn()
  t.match(all.made.socket.sentTo.get(1000), /<\/html>/)
  ask(all, all.conns[1]!, 'GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.match(all.made.socket.sentTo.get(1001), /<\/html>/)
  t.equal(all.ring.calls, 0)
  t.end()
})

t.test('a full ring does not wait for the end of the turn', (t) => {
  const all = many(5)
  for (const seen of all.conns) ask(all, seen)
  t.equal(all.made.socket.sentTo.size, 4)
  all.made.engine.endTurn()
  t.equal(all.made.socket.sentTo.size, 5)
  t.end()
})

t.test('the buffer is used again and again', (t) => {
  const all = many(12)
  for (let turn = 0; turn < 60; turn++) {
    for (const seen of all.conns) ask(all, seen)
    all.made.engine.endTurn()
  }
  for (const answers of all.made.socket.sentTo.values()) t.equal(answers.split('</html>\n').length, 61)
  t.end()
})

t.test('what a socket does not take follows when there is room', (t) => {
  const all = many(2)
  const { socket, engine } = all.made
  for (const seen of all.conns) ask(all, seen)
  socket.capacity = 10
  engine.endTurn()
  t.same(all.conns.map(({ next, resumed }) => [next, resumed]), [[Next.write, 1], [Next.write, 1]])
  socket.capacity = Infinity
  for (const seen of all.conns) seen.next = seen.conn.advance()
  t.ok(all.conns.every(({ next }) => next === Next.idle))
  t.equal(socket.sentTo.get(1000), socket.sentTo.get(1001))
  t.match(socket.sentTo.get(1000), /^HTTP\/1\.1 404[^]*<\/html>\n$/)
  t.end()
})

t.test('a client that is gone costs its connection only', (t) => {
  const all = many(3)
  for (const seen of all.conns) ask(all, seen)
  all.made.socket.gone.add(1001)
  all.made.engine.endTurn()
  t.same(all.conns.map(({ next }) => next), [Next.idle, Next.close, Next.idle])
  t.equal(all.made.socket.sentTo.size, 2)
  t.end()
})

t.test('an answer leaves before its connection is closed', (t) => {
  const all = many(2)
  for (const seen of all.conns) ask(all, seen)
  all.conns[0]!.conn.close()
  t.match(all.made.socket.sentTo.get(1000), /<\/html>/)
  all.made.engine.endTurn()
  t.end()
})

type Step = readonly ['none' | 'hello' | 'large' | 'pipelined', number] | readonly ['capacity', number] | readonly ['end', number]

/** What each client has received in the end, and how many answers it was to get. */
async function play(steps: readonly Step[], withRing: boolean): Promise<{ got: Map<number, string>; asked: Map<number, number> }> {
  const asked = new Map<number, number>()
  const all = many(5, withRing)
  const { socket, engine } = all.made
  const advance = (seen: Seen): void => { seen.next = seen.conn.advance() }
  for (const [what, n] of steps) {
    // What was put off to the end of another connection's turn.
    await Promise.resolve()
    if (what === 'capacity') socket.capacity = n
    else if (what === 'end') engine.endTurn()
    else {
      const text = { none: NONE, hello: GET, large: GET.replace('hello', 'large'), pipelined: NONE + GET + NONE }[what]
      // A client that has not got its answer yet does not ask.
      if (all.conns[n]!.next !== Next.idle) continue
      ask(all, all.conns[n]!, text)
      asked.set(1000 + n, (asked.get(1000 + n) ?? 0) + (what === 'pipelined' ? 3 : 1))
    }
  }
  engine.endTurn()
  await Promise.resolve()
  socket.capacity = Infinity
  for (let i = 0; i < 5; i++) all.conns.filter(({ next }) => next === Next.write).forEach(advance)
  engine.endTurn()
  return { got: socket.sentTo, asked }
}

const step = fc.oneof(
  fc.tuple(fc.constantFrom('none' as const, 'hello' as const, 'large' as const, 'pipelined' as const), fc.nat(4)),
  fc.tuple(fc.constant('capacity' as const), fc.nat(3000)),
  fc.tuple(fc.constant('end' as const), fc.constant(0)),
)

t.test('clients receive whole answers in their order, however little the sockets take', async () => {
  // The ETag of a file that has only just changed is a weak one, for a while.
  const withoutDate = (text: string): string => text.replaceAll(/(Date|ETag): [^\r]*/g, '$1')
  const alone = async (name: 'none' | 'hello' | 'large') => withoutDate([...(await play([[name, 0]], false)).got.values()][0]!)
  const wholes = [await alone('none'), await alone('hello'), await alone('large')]
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const { got, asked } = await play(steps, true)
    return [...asked].every(([fd, count]) =>
      wholes.reduce((rest, whole) => rest.replaceAll(whole, '#'), withoutDate(got.get(fd) ?? '')) === '#'.repeat(count))
  }), { numRuns: 300 })
})

t.test('a client that does not take its answers is given up after one Timeout, whatever it sends', (t) => {
  for (const how of ['posted, and sends on', 'posted, and is silent', 'pipelined']) {
    const ring = new Ring()
    const { socket, conn, engine } = make(undefined, how === 'pipelined' ? {} : { sends: ring })
    ring.net = socket.port.net
    socket.capacity = 0
    socket.incoming.push(Buffer.from(how === 'pipelined' ? `${NONE}G` : NONE))
    engine.beginTurn()
    conn.advance()
    engine.endTurn()
    t.equal(conn.advance(), Next.write, how)
    if (how !== 'posted, and is silent') socket.incoming.push(Buffer.from('ET /'))
    t.equal(conn.timedOut(), Next.close, how)
    t.equal(socket.shut, false, 'what has not left is not closed in front of')
  }
  t.end()
})
