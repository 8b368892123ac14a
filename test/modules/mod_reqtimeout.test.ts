// mod_reqtimeout: what RequestReadTimeout means, and what becomes of a client that is too slow.
import t from 'tap'
import { Next } from '../../core/server/mpm.ts'
import { ReadPace } from '../../core/server/read_pace.ts'
import { limitIn, limitsOf, module } from '../../modules/mod_reqtimeout.ts'
import { make } from '../server/fake_connection.ts'
import { configure, fakeServer, refusal } from './harness.ts'

const limits = (conf: string) => limitsOf(fakeServer(configure([module], conf).conf))

t.test('limits', (t) => {
  t.match(limits(''), { header: { timeout: 20_000, most: 40_000, rate: 500 }, body: { timeout: 20_000, most: 0, rate: 500 } })
  t.match(limits('RequestReadTimeout header=5 BODY=7-9,minrate=3'),
    { header: { timeout: 5000, most: 0, rate: 0 }, body: { timeout: 7000, most: 9000, rate: 3 } })
  t.equal(limits('RequestReadTimeout header=0 body=0'), undefined)
  t.strictSame(limitIn('99999999999'), { timeout: 0x7fffffff, most: 0, rate: 0 })
  t.end()
})

t.test('bytes earn time', (t) => {
  const pace = new ReadPace()
  const limit = { timeout: 1000, most: 3000, rate: 100 }
  t.equal(pace.left(limit, 5000, 40), 1000, 'counted from now')
  t.equal(pace.left(limit, 5500, 90), 1000, '50 bytes are half a second')
  t.equal(pace.left(limit, 7000, 10_000), 1000, 'no more than the most')
  t.equal(pace.left(limit, 8000, 20_000), 0)
  pace.restart()
  t.equal(pace.left({ timeout: 1000, most: 0, rate: 0 }, 8000, 0), 1000)
  t.end()
})

t.test('refusals', (t) => {
  const is = (words: string, message: string) => t.equal(refusal([module], `RequestReadTimeout ${words}`), message, words)
  const form = "Invalid RequestReadTimeout parameter. Parameter must be in the form 'key=value'"
  is('header', form)
  is('header=5 garbage', form)
  for (const [words, reason] of [
    ['x=1', 'Unknown RequestReadTimeout parameter'],
    ['header=', "Value '' not numerical"],
    ['header=a', "Value 'a' not numerical"],
    ['header=5-10', 'Must set MinRate option if using timeout range'],
    ['header=5,MinRate=0', 'Minimum data rate must be larger than 0'],
    ['header=5,MinRate=x', "Value 'x' not numerical"],
    ['header=5-10,minrate=5x', "Cannot parse 'x'"],
    ['header=5,foo=3', "Cannot parse ',foo=3'"],
    ['header=5,MinRate=-1', 'Value must be non-negative'],
    ['header=5-5,MinRate=1', 'Maximum timeout must be larger than initial timeout'],
  ] as const) is(words, `RequestReadTimeout: ${words}: ${reason}`)
  t.end()
})

t.test('a head that comes byte by byte is too late all the same', (t) => {
  const { conf } = configure([module], 'RequestReadTimeout header=1')
  const { socket, conn, engine, say, logged } = make((list) => void list.add({ module, symbol: module.name, linkage: 'static' }), {}, conf)
  let now = 1000
  Object.defineProperty(engine, 'now', { value: () => now })
  say('GET /hello HTTP/1.1\r\nHost: a\r\nX: ')
  t.equal(conn.advance(), Next.read)
  t.equal(conn.patience, 1000)
  for (let i = 0; i < 4; i++) {
    now += 200
    say('x')
    t.equal(conn.advance(), Next.read)
  }
  t.equal(conn.patience, 200)
  now += 300
  say('x')
  conn.advance()
  t.match(socket.outgoing, /^HTTP\/1\.1 408 /)
  t.ok(logged.includes('AH01382: Request header read timeout'))
  t.end()
})
