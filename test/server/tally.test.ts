// What a thread writes into its row: bytes of the request line, never a password, counts that go on where others stopped.
import fc from 'fast-check'
import t from 'tap'
import { Scoreboard } from '../../core/server/scoreboard.ts'
import { Tally, type Shown, type TallyOptions } from '../../core/server/tally.ts'

const board = (): Scoreboard => new Scoreboard(new ArrayBuffer(Scoreboard.bytes(2, 2)), 2, 2)

function request(line: string, serverName = 'one.example'): Shown {
  const bytes = Buffer.from(`xx${line}\r\nHost: a@b\r\n`, 'latin1')
  return {
    head: { bytes, requestLineStart: 2, requestLineEnd: 2 + line.length }, connection: { clientIp: '192.0.2.7', localPort: 80 },
    server: { get: () => ({ serverName }) }, protocol: 1001, protocolText: 'HTTP/1.1', requestTime: Date.now(),
  } as unknown as Shown
}

function make(options: Partial<TallyOptions> = {}) {
  const row = board().worker(0, 0)
  const tally = new Tally(row, { extended: true, mayBlock: true, tail: false, ...options })
  return { row, tally, conn: { answered: 0, bytesAnswered: 0 } }
}

t.test('the beginning of a request line, or its end, as it came', (t) => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '/', '@', ':', ' ', '\xff', '<'), maxLength: 150 }), fc.boolean(), (line, tail) => {
    const { row, tally } = make({ tail })
    tally.begin(request(line))
    const masked = line.replace(/\/\/[^/@\s]*:[^/@\s]*@/g, '//****:****@')
    t.equal(row.text('request'), tail ? masked.slice(-63) : masked.slice(0, 63))
  }))
  t.end()
})

t.test('a password is masked wherever it stands, also if the line is cut within it', (t) => {
  const { row, tally } = make()
  const shown = (line: string): string => (tally.begin(request(line)), row.text('request'))
  t.equal(shown('GET http://u:secret@h/ HTTP/1.1'), 'GET http://****:****@h/ HTTP/1.1')
  t.equal(shown('GET /?a=ftp://u:p@h&b=//v:q@i HTTP/1.1'), 'GET /?a=ftp://****:****@h&b=//****:****@i HTTP/1.1')
  t.notMatch(shown(`GET http://u:${'secret'.repeat(20)}@h/ HTTP/1.1`), 'secret')
  t.equal(shown('GET /x HTTP/1.1'), 'GET /x HTTP/1.1', 'nothing of the longer one before is left')
  t.end()
})

t.test('what changes is shown, what does not is not forgotten', (t) => {
  const { row, tally } = make()
  tally.begin(request('GET / HTTP/1.1'))
  t.same([row.text('client'), row.text('protocol'), row.text('vhost')], ['192.0.2.7', 'HTTP/1.1', 'one.example:80'])
  tally.begin(request('GET / HTTP/1.1', 'two.example'))
  t.equal(row.text('vhost'), 'two.example:80')
  t.equal(row.text('client'), '192.0.2.7')
  t.end()
})

t.test('counts go on where the thread before has stopped', (t) => {
  const shared = board()
  const row = shared.worker(1, 0)
  for (let life = 1; life <= 3; life++) {
    row.begin(0, 7, 8)
    const tally = new Tally(row, { extended: true, mayBlock: true, tail: false })
    const conn = { answered: 0, bytesAnswered: 0 }
    for (let n = 0; n < 10; n++) tally.end(request('GET / HTTP/1.1'), 100, conn, { readClock: () => performance.now() })
    t.same([row.get('accesses'), row.get('bytes'), row.get('myAccesses'), row.get('myBytes')], [life * 10, life * 1000, 10, 1000])
    t.same([row.get('connAccesses'), row.get('connBytes')], [10, 1000])
    shared.clear(1)
  }
  t.end()
})

t.test('a thread that never blocks writes at the end of its turn; without ExtendedStatus only counts', async (t) => {
  const { row, tally, conn } = make({ mayBlock: false, extended: false })
  for (let n = 0; n < 3; n++) tally.end(request('GET / HTTP/1.1'), 5, conn, { readClock: () => performance.now() })
  t.equal(row.get('accesses'), 0)
  await new Promise((resolve) => setImmediate(resolve))
  t.same([row.get('accesses'), row.get('bytes'), row.get('duration'), row.text('request')], [3, 15, 0, ''])
})
