// mod_limits: the rate on a simulated clock, counts that survive whoever is killed, keys, and what requests get.
import fc from 'fast-check'
import t from 'tap'
import { registerExpressions } from '../../core/expr/lookup.ts'
import { serverExpressions } from '../../core/server/server_expressions.ts'
import { DECLINED, HANDOVER } from '../../core/hook/hook.ts'
import type { Ending, Request } from '../../core/hook/types.ts'
import { clientKeys } from '../../modules/limits/client_key.ts'
import { Holds } from '../../modules/limits/holds.ts'
import { judge, type Limits } from '../../modules/limits/judge.ts'
import { admit, giveBack, take } from '../../modules/limits/rate.ts'
import { limits } from '../../modules/limits/settings.ts'
import { bytesFor, hash, LimitsMemory, VALUE } from '../../modules/limits/table.ts'
import { module } from '../../modules/mod_limits.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

registerExpressions(serverExpressions)

const START = 1_700_000_000_000
const CAPACITY = 1024

function memory(): LimitsMemory {
  const buffer = new ArrayBuffer(bytesFor(CAPACITY))
  LimitsMemory.prepare(buffer, START, [12345, -678])
  return new LimitsMemory(buffer, CAPACITY)
}

t.test('no span of time has more requests than its rate and burst allow, and none that is slow enough is refused', (t) => {
  const arbitrary = fc.record({
    interval: fc.constantFrom(0.1, 1, 100, 333.3, 1000, 60_000, 3_600_000), burst: fc.nat(50),
    gaps: fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 1, maxLength: 200 }),
  })
  fc.assert(fc.property(arbitrary, ({ interval, burst, gaps }) => {
    const shared = memory()
    const key = () => hash(shared, 7, '192.0.2.1')
    let now = START
    const admitted: number[] = []
    for (const gap of gaps) {
      now += gap * interval
      const { admitted: is, early } = take(shared, key(), { interval, burst }, now)
      if (is) admitted.push(now)
      else if (!(early > 0 && early <= 1.01)) return false
      if (!is && gap >= 1.01) return false
    }
    return admitted.every((from, i) => admitted.slice(i).every((to, more) =>
      more + 1 <= burst + 1 + (to - from) / interval + 0.02 * (more + 1)))
  }), { numRuns: 200 })
  t.end()
})

t.test('a burst, its refusal, and when it is over', (t) => {
  const shared = memory()
  const ask = (after: number) => ({ ...take(shared, hash(shared, 1, 'a'), { interval: 100, burst: 2 }, START + after) })
  t.strictSame([0, 0, 0, 0].map((at) => ask(at).admitted), [true, true, true, false])
  t.equal(ask(0).early, 1, 'one interval to wait')
  t.equal(ask(100).admitted, true)
  t.equal(ask(100).admitted, false)
  giveBack(shared, ask(100).entry)
  t.equal(ask(100).admitted, true, 'what is given back is there again')
  t.equal(take(shared, hash(shared, 1, 'b'), { interval: 100, burst: 0 }, START).admitted, true, 'another key')
  t.equal(take(shared, hash(shared, 2, 'a'), { interval: 100, burst: 0 }, START + 100).admitted, true, 'another rule')
  t.end()
})

t.test('a clock that is set back refuses nobody for long; numbers go around', (t) => {
  t.equal(admit(0x7fffff00 | 0, 0, 2), 256, 'further ahead than it can have come to')
  t.equal(admit((0x7fffffff + 200) | 0, 0x7fffffff, 2), 456, 'across the sign')
  const shared = memory()
  const ask = (now: number) => take(shared, hash(shared, 1, 'a'), { interval: 1000, burst: 0 }, now).admitted
  t.equal(ask(START + 10_000_000), true)
  t.equal(ask(START), true)
  t.equal(ask(START - 1e12), true, 'before the memory was made')
  t.end()
})

t.test('more keys than there is room for: the one that was not used for longest is forgotten', (t) => {
  const shared = memory()
  const ask = (text: string, at: number) => take(shared, hash(shared, 1, text), { interval: 1000, burst: 0 }, START + at)
  ask('the offender', 0)
  for (let i = 0; i < 50 * CAPACITY; i++) {
    ask(`other ${i}`, 1000)
    if (i % 100 === 0 && ask('the offender', 999 + i / 1000).admitted && i > 1100) break
  }
  t.ok(shared.counted('forgotten') > 0)
  t.equal(shared.counted('uncounted'), 0)
  t.end()
})

t.test('an offender is logged once in a while, by one of all that see it', (t) => {
  const shared = memory()
  const { entry } = take(shared, hash(shared, 1, 'a'), { interval: 1000, burst: 0 }, START)
  t.strictSame([0, 0, 59, 60, 61, 120, 5].map((at) => shared.mayLog(entry, at, 60)), [true, false, false, true, false, true, true])
  t.end()
})

t.test('what threads count in they count out; what the dead have left is counted out once', (t) => {
  const step = fc.oneof(
    fc.record({ act: fc.constant('hold' as const), thread: fc.nat(3), key: fc.nat(2) }),
    fc.record({ act: fc.constant('release' as const), thread: fc.nat(3), key: fc.nat(5) }),
    fc.record({ act: fc.constant('kill' as const), thread: fc.nat(3), key: fc.constant(0) }),
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const shared = memory()
    const tids = [1, 2, 3, 4]
    let last = 4
    const isAlive = ({ seat, tid }: { seat: number; tid: number }) => tids[seat - 1] === tid
    const begin = (thread: number) => ({
      holds: new Holds(shared, { seat: thread + 1, tid: tids[thread]! }, isAlive), held: [] as { row: number; key: number }[],
    })
    const threads = tids.map((_, thread) => begin(thread))
    const under = (key: number) => threads.reduce((sum, { held }) => sum + held.filter((each) => each.key === key).length, 0)
    let now = START
    for (const { act, thread, key } of steps) {
      const one = threads[thread]!
      now += 100
      if (act === 'hold') {
        const before = under(key)
        const row = one.holds.hold(hash(shared, 1, `key ${key}`), 4, now)
        if ((row >= 0) !== (before < 4)) return false
        if (row >= 0) one.held.push({ row, key })
      } else if (act === 'release') {
        const [gone] = one.held.splice(key, 1)
        if (gone !== undefined) one.holds.release(gone.row)
      } else {
        tids[thread] = ++last
        threads[thread] = begin(thread)
      }
    }
    return true
  }), { numRuns: 100 })
  t.end()
})

t.test('counts that are in use are not forgotten, whatever else comes', (t) => {
  const shared = memory()
  const holds = new Holds(shared, { seat: 1, tid: 1 }, () => true)
  let rows = 0
  for (let i = 0; i < 4 * CAPACITY; i++) if (holds.hold(hash(shared, 1, `client ${i}`), 1, START) >= 0) rows++
  t.ok(rows > CAPACITY / 2 && rows <= CAPACITY, `${rows} of ${CAPACITY}`)
  t.ok(shared.counted('uncounted') > 0, 'the rest is served without being counted')
  t.end()
})

t.test('one client of IPv6 is a network', (t) => {
  const clientKey = (address: string, prefix: number) => clientKeys(prefix)(address)
  const same = (a: string, b: string, prefix = 64) => t.equal(clientKey(a, prefix), clientKey(b, prefix), `${a} ${b}/${prefix}`)
  const other = (a: string, b: string, prefix = 64) => t.not(clientKey(a, prefix), clientKey(b, prefix), `${a} ${b}/${prefix}`)
  same('2001:db8::1', '2001:db8:0:0:ffff::2')
  other('2001:db8::1', '2001:db8:0:1::1')
  same('2001:db8::1', '2001:db8:0:ff::1', 56)
  other('2001:db8:0:100::1', '2001:db8:0:ff::1', 56)
  other('::1', '::2', 128)
  same('fe80::1%eth0', 'fe80::1', 128)
  same('::ffff:192.0.2.1', '::ffff:c000:201', 128)
  other('192.0.2.1', '192.0.2.2')
  fc.assert(fc.property(fc.ipV6(), fc.integer({ min: 1, max: 128 }), (address, prefix) => clientKey(address, prefix).length <= 41))
  t.end()
})

t.test('what a line may say', (t) => {
  const said = (text: string) => configure([module], text).dir.holds(limits)
  t.match(said('RequestRateLimit 10r/s burst=20 delay=5'), { rates: [{ interval: 100, burst: 20, delayAfter: 5 }] })
  t.match(said('RequestRateLimit 30R/M delay'), { rates: [{ interval: 2000, burst: 0, delayAfter: 0 }] })
  t.match(said('RequestRateLimit 1r/h\nConnectionLimit 3 ipv6prefix=48\nLimitsStatus 503\nLimitsDryRun On'),
    { rates: [{ interval: 3_600_000, delayAfter: Infinity }], connections: [{ most: 3 }], status: 503, dryRun: true })
  t.equal(said('ConnectionLimit 3 ipv6prefix=48').connections[0]?.client('2001:db8:1:2::3'), '2001:db8:1:')
  const inner = said('RequestRateLimit 1r/s\nRequestRateLimit 5r/m\nLimitsExempt 10.0.0.0/8\n<Location /a>\nRequestRateLimit 9r/s\nLimitsExempt ::1\n</Location>')
  t.equal(inner.rates.length, 1, 'what is said further in stands alone')
  t.equal(inner.exempt.length, 2, 'who is exempt stays so')
  t.equal(said('RequestRateLimit 1r/s\n<Location /a>\nRequestRateLimit Off\n</Location>').rates.length, 0)
  const ids = (text: string) => said(text).rates.map(({ id }) => id)
  t.equal(new Set(ids('RequestRateLimit 1r/s zone=a\nRequestRateLimit 1r/s zone=a burst=3\nRequestRateLimit 2r/s zone=a\nRequestRateLimit 1r/s\nRequestRateLimit 1r/s')).size, 4,
    'a zone and a rate are counted together, lines without are not')
  t.end()
})

t.test('refusals', (t) => {
  const is = (line: string, message: RegExp | string) => t.match(refusal([module], line), message, line)
  is('RequestRateLimit', 'RequestRateLimit requires at least one argument')
  is('RequestRateLimit 10', /^Cannot use "10": a rate must be a number of requests in a second/)
  is('RequestRateLimit 0r/s', /there must be 1 to 1000000 requests/)
  is('RequestRateLimit 9999999r/s', /there must be 1 to/)
  is('RequestRateLimit 1r/s nodelay', /^Cannot use "nodelay": what follows must be one of burst=, delay=/)
  is('RequestRateLimit 1r/s burst', /^Cannot use "burst": "burst=" must have a value/)
  is('RequestRateLimit 1r/s burst=-1', /^Cannot use "burst=-1": it must be a number from 0/)
  is('RequestRateLimit 1r/s burst=1 burst=2', /"burst" is there twice/)
  is('RequestRateLimit 1r/s key=', /^Cannot use "key="/)
  is('RequestRateLimit 1r/s key=%{nonsense', /^Cannot use "key=/)
  is('RequestRateLimit 1r/s key=%{file:/etc/hostname}', /known without reading files or asking for names/)
  is('ConnectionLimit 0', /^Cannot use "0": it must be a number from 1/)
  is('ConnectionLimit 5 burst=3', /^Cannot use "burst=3"/)
  is('LimitsStatus 200', /a status must be a number from 400 to 599/)
  is('LimitsExempt example.com', /^Cannot use "example.com": it must be an address or a network/)
  is('LimitsTableSize 10', /from 1024 to/)
  t.end()
})

interface Asked { readonly status: unknown; readonly r: ReturnType<typeof fakeRequest>; readonly endings: Ending[] }

/** Requests under one configuration, one server. */
function served(text: string) {
  const conf = configure([module], text)
  const shared = memory()
  const here: Limits = { memory: shared, holds: new Holds(shared, { seat: 1, tid: 1 }, () => true) }
  let now = START
  const ask = (wanted: Wanted = {}): Asked => {
    const endings: Ending[] = []
    const r = fakeRequest(conf, { requestTime: now, onEnd: (ending) => void endings.push(ending), ...wanted })
    return { status: judge(r, r.dir(limits), here), r, endings }
  }
  return { ask, memory: shared, pass: (ms: number) => void (now += ms) }
}

t.test('too many: 429, when to come again, one line in the log, a variable', (t) => {
  const { ask, pass, memory } = served('RequestRateLimit 6r/m burst=1')
  t.equal(ask().status, DECLINED)
  t.equal(ask().r.env.size, 0, 'who passes has no variable')
  const { status, r } = ask()
  t.equal(status, 429)
  t.equal(r.errHeadersOut.get('Retry-After'), '10')
  t.equal(r.env.get('LIMITS_STATUS'), 'REFUSED')
  t.match(r.logged, [{ level: 'warn', module: 'limits', message: /^SY00195: request refused by RequestRateLimit 6r\/m burst=1;/ }])
  t.strictSame(ask().r.logged, [])
  t.equal(ask({ clientIp: '192.0.2.8' }).status, DECLINED, 'another client')
  pass(10_000)
  t.equal(ask().status, DECLINED)
  t.equal(ask().status, 429)
  t.equal(memory.counted('rateRefused'), 3)
  t.end()
})

t.test('what begins anew elsewhere, or is refused by another limit, has not come', (t) => {
  const { ask } = served('RequestRateLimit 1r/h\nConnectionLimit 1')
  for (let i = 0; i < 3; i++) {
    const { status, endings } = ask({ mayBlock: false })
    t.equal(status, DECLINED)
    for (const ending of endings) ending.over(true)
  }
  const first = ask()
  t.equal(first.status, DECLINED)
  t.equal(ask().r.errHeadersOut.get('Retry-After'), '1', 'the count of those under way comes first')
  for (const ending of first.endings) ending.over(false)
  t.equal(ask().r.errHeadersOut.get('Retry-After'), '3600')
  t.end()
})

t.test('a zone with bursts of different size: the smaller one does not forget what the larger one has let come', (t) => {
  const shared = memory()
  const rule = (burst: number) => configure([module], `RequestRateLimit 1r/h zone=both burst=${burst}`).dir.holds(limits).rates[0]!
  const [small, large] = [rule(2), rule(20)]
  const ask = (one: typeof small, now = START) => ({ ...take(shared, hash(shared, one.id, 'a'), one, now) })
  t.equal(Array.from({ length: 30 }, () => ask(large).admitted).filter((is) => is).length, 21)
  t.match(ask(small), { admitted: false, early: 19 })
  t.equal(ask(large).admitted, false, 'nor is there room for more')
  t.equal(ask(small, START + 19 * 3_600_000).admitted, true)
  t.end()
})

t.test('keys, exemptions, a trial run', (t) => {
  const keyed = served('RequestRateLimit 1r/h key=%{HTTP:X-Key}')
  t.strictSame(['a', 'a', 'b'].map((key) => keyed.ask({ headers: { 'X-Key': key } }).status), [DECLINED, 429, DECLINED])
  t.strictSame([keyed.ask().status, keyed.ask().status], [DECLINED, DECLINED], 'without a key nothing is counted')
  const exempt = served('RequestRateLimit 1r/h\nLimitsExempt 192.0.2.0/24')
  t.strictSame([exempt.ask().status, exempt.ask().status], [DECLINED, DECLINED])
  const trial = served('RequestRateLimit 1r/h\nLimitsDryRun On')
  t.strictSame([trial.ask().status, trial.ask().status], [DECLINED, DECLINED])
  t.equal(trial.ask().r.env.get('LIMITS_STATUS'), 'REFUSED_DRY_RUN')
  t.equal(trial.memory.counted('wouldRefuse'), 2)
  t.end()
})

t.test('a request that was redirected is one, and so is the page of its refusal', (t) => {
  const { ask } = served('RequestRateLimit 1r/h')
  const { r } = ask()
  t.equal(ask({ prev: r as Request }).status, DECLINED)
  const refused = ask()
  t.equal(refused.status, 429)
  t.equal(ask({ prev: refused.r as Request, status: 429 }).status, DECLINED)
  t.end()
})

t.test('a delay: never on a thread that must not wait, nor for longer than a minute', async (t) => {
  const { ask, memory } = served('RequestRateLimit 100r/s burst=2 delay=1')
  t.equal(ask().status, DECLINED)
  t.equal(ask().status, DECLINED, 'the first that comes early need not wait')
  const { status } = ask({ mayBlock: false })
  t.equal(status, HANDOVER)
  const waiting = ask()
  t.ok(waiting.status instanceof Promise)
  t.equal(waiting.r.env.get('LIMITS_STATUS'), 'DELAYED')
  t.equal(await waiting.status, DECLINED)
  t.equal(ask().status, 429)
  t.equal(memory.counted('delayed'), 1)
  const slow = served('RequestRateLimit 1r/h burst=5 delay')
  slow.ask()
  const tooLong = slow.ask()
  t.equal(tooLong.status, 429)
  t.equal(tooLong.r.errHeadersOut.get('Retry-After'), '3540')
})

t.test('texts of any kind have entries of their own', (t) => {
  const shared = memory()
  const seen = new Map<string, string>()
  for (let i = 0; i < 20_000; i++) {
    const text = `10.0.${i >> 8}.${i & 255}`
    const { place, tag } = hash(shared, 1, text)
    const name = `${place & 1023} ${tag}`
    seen.set(name, text)
  }
  t.equal(seen.size, 20_000)
  t.equal(take(shared, hash(shared, 1, 'x'), { interval: 1, burst: 1 }, START).entry % 4, 0)
  t.not(shared.words[shared.ratesAt + VALUE], undefined)
  t.end()
})
