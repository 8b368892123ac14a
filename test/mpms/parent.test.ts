// A control process's life on events made by hand: no process, no clock.
import t from 'tap'
import type { Asked, ChildHandle, Population, Site, SiteEvent } from '../../core/server/mpm.ts'
import { Scoreboard, Status } from '../../core/server/scoreboard.ts'
import { keepPopulation } from '../../mpms/shared/parent.ts'

const POPULATION: Population = {
  startServers: 2, serverLimit: 4, threadLimit: 2, threadsPerChild: 2, maxServers: 4, minSpare: 2, maxSpare: 5, buckets: 1,
}
const TEXTS = { full: 'it is full', busy: (children: number) => `it is busy: ${children}` }

class FakeChild implements ChildHandle {
  readonly pid: number
  readonly slot: number
  readonly generation: number
  readonly bucket = 0
  ready = false
  finishing = false

  constructor(slot: number, generation: number, pid: number) {
    this.slot = slot
    this.generation = generation
    this.pid = pid
  }

  finish(): void {
    this.finishing = true
  }

  kill(): void { /* not in these stories */ }
}

/** A site whose story is told step by step; each step sees what the one before has led to. */
class FakeSite implements Site {
  readonly server = undefined as never
  readonly children = new Map<number, FakeChild>()
  readonly logged: string[] = []
  readonly board: Scoreboard
  readonly generation: number
  readonly population: Population
  readonly #steps: (() => SiteEvent)[] = []
  #pids = 100

  constructor(generation = 0, population: Population = POPULATION) {
    this.generation = generation
    this.population = population
    const { serverLimit, threadLimit } = population
    this.board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(serverLimit, threadLimit)), serverLimit, threadLimit)
  }

  readonly said = new Set<string>()
  now = (): number => 0
  start = (slot: number): FakeChild => this.startOf(slot, this.generation)
  startOf(slot: number, generation: number): FakeChild {
    const child = new FakeChild(slot, generation, ++this.#pids)
    this.children.set(slot, child)
    return child
  }
  next = (): Promise<SiteEvent> => Promise.resolve(this.#steps.shift()?.() ?? { kind: 'asked', asked: 'stop' })
  log = (_level: string, text: string) => void this.logged.push(text)

  tell(step: () => SiteEvent): this {
    this.#steps.push(step)
    return this
  }

  serve(slot: number, ...statuses: number[]): SiteEvent {
    const child = this.children.get(slot)!
    child.ready = true
    statuses.forEach((status, thread) => { this.board.worker(slot, thread).status = status })
    return { kind: 'ready', child }
  }

  end(slot: number, code: number | null = 0, signal: string | null = null): SiteEvent {
    const child = this.children.get(slot)!
    this.children.delete(slot)
    return { kind: 'ended', child, code, signal }
  }

  run(): Promise<Asked> {
    return keepPopulation(this, TEXTS)
  }

  get mine(): FakeChild[] {
    return [...this.children.values()].filter((child) => child.generation === this.generation)
  }
}

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

t.test('it says once that it is full', async (t) => {
  const site = new FakeSite(0, { ...POPULATION, startServers: 4 })
  for (const slot of [0, 1, 2, 3]) site.tell(() => site.serve(slot, write, write))
  site.tell(() => ({ kind: 'tick' })).tell(() => ({ kind: 'tick' }))
  await site.run()
  t.same(site.logged, ['it is full'])
})

t.test('a crashed child is replaced at once, but not for the third time in a row', async (t) => {
  const site = new FakeSite()
  const sizes: number[] = []
  const crash = () => (sizes.push(site.children.size), site.end(0, null, 'SIGSEGV'))
  site.tell(crash).tell(crash).tell(crash).tell(() => (sizes.push(site.children.size), { kind: 'asked', asked: 'stop' }))
  await site.run()
  t.same(sizes, [2, 2, 2, 1])
  t.same(site.logged, ['children are killed successively!'])
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
