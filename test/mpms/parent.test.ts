// A control process's life on events made by hand: no process, no clock.
import t from 'tap'
import type { SiteEvent } from '../../core/server/mpm.ts'
import { Status } from '../../core/server/scoreboard.ts'
import { FakeSite, POPULATION, TEXTS } from './fake_site.ts'

const { ready, write } = Status

t.test('StartServers children are started, and spare ones while workers are missing', async (t) => {
  const site = new FakeSite()
  const counts: number[] = []
  const tick = (): SiteEvent => (counts.push(site.children.size), { kind: 'tick' })
  site.tell(() => site.serve(0, write, write)).tell(() => site.serve(1, write, write)).tell(tick).tell(tick)
    .tell(() => (counts.push(site.children.size), { kind: 'asked', asked: 'graceful' }))
  t.equal(await site.run(), 'graceful')
  t.same(counts, [2, 3, 3], 'the third has two starting workers: enough')
})

t.test('one child too many is told to finish, the one with the most idle workers', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 3 })
  site.tell(() => site.serve(0, write, ready)).tell(() => site.serve(1, ready, ready)).tell(() => site.serve(2, ready, ready))
  site.tell(() => ({ kind: 'tick' }))
  await site.run()
  t.same([...site.children.values()].map((child) => child.finishing), [false, false, false], 'five idle are not too many')
  const more = new FakeSite(0, { ...POPULATION, startServers: 4 })
  more.tell(() => more.serve(0, write, ready))
  for (const slot of [1, 2, 3]) more.tell(() => more.serve(slot, ready, ready))
  more.tell(() => ({ kind: 'tick' }))
  await more.run()
  t.equal([...more.children.values()].filter((child) => child.finishing).length, 1)
  t.notOk(more.children.get(0)!.finishing, 'not the busy one')
})

t.test('it says once that all workers are busy, whatever happens in between', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 4 })
  const tick = (): SiteEvent => ({ kind: 'tick' })
  for (const slot of [0, 1, 2, 3]) site.tell(() => site.serve(slot, write, write))
  site.tell(tick).tell(tick)
  await site.run()
  site.tell(tick)
  await site.run()
  t.same(site.logged, ['all are busy'])
})

t.test('a crashed child is replaced at once, but not for the third time in a row', async (t) => {
  const site = new FakeSite()
  const sizes: number[] = []
  const crash = () => {
    sizes.push(site.children.size)
    site.clock += 10_000
    return site.end(0, null, 'SIGSEGV')
  }
  for (let i = 0; i < 3; i++) site.tell(() => site.serve(0, ready, ready)).tell(crash)
  site.tell(() => (sizes.push(site.children.size), { kind: 'asked', asked: 'stop' }))
  await site.run()
  t.same(sizes, [2, 2, 2, 1])
  t.same(site.logged, ['one crash after the other'])
})

t.test('prefork waits for the next second after a crash', async (t) => {
  const site = new FakeSite()
  site.texts = { ...TEXTS, style: 'prefork' }
  delete (site.texts as { successive?: string }).successive
  const sizes: number[] = []
  const size = () => void sizes.push(site.children.size)
  site.tell(() => site.serve(0, write, write)).tell(() => site.serve(1, write, write)).tell(() => site.end(0, null, 'SIGSEGV'))
    .tell(() => (size(), { kind: 'tick' })).tell(() => (size(), { kind: 'asked', asked: 'stop' }))
  await site.run()
  t.same(sizes, [1, 2])
})

t.test('children that end before they serve are started again ever more slowly', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 1, minSpare: 1 })
  site.tell(() => site.serve(0, write, write))
  const starts: number[] = []
  const start = site.start
  site.start = (slot, bucket) => (starts.push(site.clock / 1000), start(slot, bucket))
  for (let second = 1; second <= 60; second++) {
    site.tell(() => {
      site.clock = second * 1000
      return site.children.has(1) ? site.end(1, 3) : { kind: 'tick' }
    })
  }
  await site.run()
  const pauses = starts.slice(2).map((at, i) => at - starts[i + 1]!)
  t.same(pauses.slice(0, 6), [2, 2, 2, 3, 5, 9], 'a second to end, and then 1, 1, 1, 2, 4, 8 seconds of waiting')
  t.match(site.logged.at(-1), /SY00063: \d+ children in a row ended before they served, or soon after: the next one is started in \d+ s/)
})

t.test('when the system makes no process, none is asked for during ten seconds', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 1 })
  const start = site.start
  let tries = 0
  site.start = (slot, bucket) => {
    tries++
    const child = start(slot, bucket)
    if (tries > 1) Object.assign(child, { pid: -1 })
    return child
  }
  site.tell(() => site.serve(0, write, write)).tell(() => ({ kind: 'tick' })).tell(() => site.end(1, 7))
  const counts: number[] = []
  for (let second = 1; second <= 11; second++) {
    site.tell(() => {
      site.clock = second * 1000
      counts.push(tries)
      return { kind: 'tick' }
    })
  }
  await site.run()
  t.same(counts, [...Array<number>(10).fill(2), 3])
})

t.test('a child that asks for it is replaced first, and told to finish when the other one serves', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 1, minSpare: 1 })
  const finishing: boolean[] = []
  const old = () => site.children.get(0)!
  site.tell(() => site.serve(0, ready, ready)).tell(() => {
    old().retiring = 'memory in use'
    return { kind: 'retiring', child: old(), reason: 'memory in use' }
  })
  // The first replacement dies before it serves: another one is started.
  site.tell(() => (finishing.push(old().finishing), site.end(1, 1))).tell(() => ({ kind: 'tick' }))
    .tell(() => (finishing.push(old().finishing), site.serve(1, ready, ready)))
    .tell(() => (finishing.push(old().finishing), { kind: 'tick' }))
  await site.run()
  t.same(finishing, [false, false, true])
  t.same(site.mine.map((child) => child.slot), [0, 1])
})

t.test('where nothing can be started for a while, a child that asks to be replaced serves on', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 1, minSpare: 1 })
  const old = () => site.children.get(0)!
  site.tell(() => site.serve(0, ready, ready)).tell(() => {
    old().retiring = 'age'
    return { kind: 'retiring', child: old(), reason: 'age' }
  })
  for (let second = 1; second < 20; second++) {
    site.tell(() => {
      site.clock = second * 1000
      return site.children.has(1) ? site.end(1, 3) : { kind: 'tick' }
    })
  }
  await site.run()
  t.notOk(old().finishing)
  t.ok(site.logged.some((line) => line.startsWith('SY00063')), 'although its replacements keep failing')
})

t.test('children that die soon after they began to serve are slowed down, those that were killed are not', async (t) => {
  for (const [signal, most] of [['SIGSEGV', 12], ['SIGKILL', 40]] as const) {
    const site = new FakeSite(0, { ...POPULATION, startServers: 1, minSpare: 1 })
    let starts = 0
    const start = site.start
    site.start = (slot, bucket) => (starts++, start(slot, bucket))
    for (let second = 1; second <= 40; second++) {
      site.tell(() => {
        site.clock += 500
        return site.children.has(0) ? site.serve(0, ready, ready) : { kind: 'tick' }
      }).tell(() => {
        site.clock += 500
        return site.children.has(0) ? site.end(0, null, signal) : { kind: 'tick' }
      })
    }
    await site.run()
    t.ok(signal === 'SIGSEGV' ? starts <= most : starts >= most / 2, `${signal}: ${starts} starts in 40 seconds`)
  }
})

t.test('called again after a reload that was refused, it starts nobody', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 3 })
  for (const slot of [0, 1, 2]) site.tell(() => site.serve(slot, ready, ready))
  site.tell(() => site.end(2))
  await site.run()
  t.equal(site.children.size, 2)
  await site.run()
  t.equal(site.children.size, 2)
})

t.test('the old children of a set of sockets finish when that set has a new one', async (t) => {
  const site = new FakeSite(1, { ...POPULATION, serverLimit: 8, maxServers: 8, buckets: 2 })
  const old = [0, 1].map((bucket) => Object.assign(site.startOf(bucket, 0, bucket), { ready: true }))
  const seen: boolean[][] = []
  const look = () => void seen.push(old.map(({ finishing }) => finishing))
  site.tell(() => site.serve(2, ready, ready)).tell(() => (look(), site.serve(3, ready, ready)))
    .tell(() => (look(), { kind: 'asked', asked: 'stop' }))
  await site.run()
  t.same(seen, [[true, false], [true, true]])
})

t.test('each set of listening sockets has its share of the children', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, serverLimit: 8, maxServers: 8, startServers: 4, buckets: 2, minSpare: 4, maxSpare: 10 })
  const buckets = () => site.mine.map((child) => child.bucket)
  for (const slot of [0, 1, 2, 3]) site.tell(() => site.serve(slot, slot % 2 === 0 ? write : ready, slot % 2 === 0 ? write : ready))
  site.tell(() => (t.same(buckets(), [0, 1, 0, 1]), { kind: 'tick' }))
  await site.run()
  t.same(buckets(), [0, 1, 0, 1, 0], 'the set whose workers are busy gets another child')
})

t.test('a child that accepts nothing at the moment has no idle workers', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 1 })
  site.tell(() => {
    site.board.process(0).set('notAccepting', 1)
    return site.serve(0, ready, ready)
  }).tell(() => ({ kind: 'tick' }))
  await site.run()
  t.equal(site.children.size, 2)
})

t.test('a child that has served long enough is replaced at once', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 1 })
  site.tell(() => site.serve(0, ready, ready)).tell(() => {
    site.board.process(0).set('quiescing', 1)
    return { kind: 'retiring', child: site.children.get(0)!, reason: 'MaxConnectionsPerChild' }
  }).tell(() => site.end(0))
  await site.run()
  t.same([...site.children.values()].map((child) => child.slot), [1], 'started while the first one still answered')
})

t.test('an old generation finishes once a child of the new one serves', async (t) => {
  const site = new FakeSite(1)
  const old = site.startOf(0, 0)
  let before = true
  site.tell(() => (before = old.finishing, { kind: 'tick' })).tell(() => (before ||= old.finishing, site.serve(1, ready, ready)))
  await site.run()
  t.notOk(before, 'not while nobody else serves')
  t.ok(old.finishing)
  t.equal(site.mine.length, 2)
})

t.test('without a free slot the old children make room one by one', async (t) => {
  const site = new FakeSite(1, { ...POPULATION, startServers: 4 })
  const old = Array.from({ length: site.board.slots }, (_, slot) => site.startOf(slot, 0))
  const finishing = () => old.filter((child) => child.finishing).length
  const seen: number[] = []
  site.tell(() => (seen.push(finishing()), { kind: 'tick' }))
    .tell(() => (seen.push(finishing()), site.end(0)))
    .tell(() => (seen.push(finishing(), site.mine.length), site.serve(0, ready, ready)))
    .tell(() => (seen.push(finishing()), site.end(1)))
    .tell(() => site.end(2)).tell(() => site.end(3))
  await site.run()
  t.same(seen, [1, 1, 2, 1, site.board.slots], 'one, then one more for the next slot, then all, since a new one serves')
  t.equal(site.mine.length, 4, 'StartServers is reached again')
  t.same(site.logged, [], 'and nothing is said of MaxRequestWorkers')
})

t.test('called again for the same generation it goes on with the children it has', async (t) => {
  const site = new FakeSite()
  await site.run()
  const pids = [...site.children.values()].map((child) => child.pid)
  await site.run()
  t.same([...site.children.values()].map((child) => child.pid), pids)
})
