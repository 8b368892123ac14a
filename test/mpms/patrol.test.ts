import t, { type Test } from 'tap'
import { Pace } from '../../mpms/event/pace.ts'
import { Patrol } from '../../mpms/event/patrol.ts'

t.test('pace: long until many short jobs came, and long again when they take long', (t) => {
  const pace = new Pace(Pace.memory())
  t.notOk(pace.isShort, 'nothing is known')
  pace.took(0.01)
  t.notOk(pace.isShort, 'one says little')
  for (let n = 0; n < 30; n++) pace.took(0.01)
  t.ok(pace.isShort)
  pace.took(1000)
  t.notOk(pace.isShort)
  for (let n = 0; n < 200; n++) pace.took(0)
  t.ok(pace.isShort, 'it is not remembered for ever')
  for (let n = 0; n < 200; n++) pace.took(0.0004)
  t.ok(pace.isShort)
  t.end()
})

interface Crew {
  waiting: number
  progress: number
  awake: number
}

/** A crew of which this much is true, a clock, and how many were woken. */
function make(t: Test, crew: Crew, rest = 100) {
  let now = 0
  let woken = 0
  const patrol = new Patrol({
    get waiting() { return crew.waiting },
    get progress() { return crew.progress },
    get awake() { return crew.awake },
    wake: () => woken < rest && ++woken > 0,
  }, () => now)
  t.teardown(() => { crew.waiting = 0 })
  return { patrol, woken: () => woken, after: (ms: number) => { now += ms; patrol.look() } }
}

t.test('patrol: nobody is woken while jobs are taken', (t) => {
  const crew = { waiting: 3, progress: 0, awake: 1 }
  const { patrol, woken, after } = make(t, crew)
  patrol.begin()
  after(0.5)
  t.equal(woken(), 0, 'not before its round')
  for (let n = 0; n < 10; n++) {
    crew.progress++
    after(1)
  }
  t.equal(woken(), 0)
  t.end()
})

t.test('patrol: where nothing moves, one, two, four …', (t) => {
  const crew = { waiting: 3, progress: 0, awake: 1 }
  const { patrol, woken, after } = make(t, crew, 6)
  patrol.begin()
  const seen = [1, 2, 3, 4].map(() => (after(1), woken()))
  t.same(seen, [1, 3, 6, 6], 'as many as there are')
  crew.progress++
  after(1)
  t.equal(woken(), 6)
  t.end()
})

t.test('patrol: too many for one are divided', (t) => {
  const crew = { waiting: 40, progress: 0, awake: 1 }
  const { patrol, woken, after } = make(t, crew)
  patrol.begin()
  crew.progress++
  after(1)
  t.equal(woken(), 1)
  crew.awake = 3
  crew.progress++
  after(1)
  t.equal(woken(), 1)
  t.end()
})

t.test('patrol: ends when nothing waits, begins anew, and comes by itself', async (t) => {
  const crew = { waiting: 0, progress: 0, awake: 1 }
  const { patrol, woken, after } = make(t, crew)
  patrol.begin()
  after(1)
  crew.waiting = 1
  after(5)
  t.equal(woken(), 0, 'it had ended')
  patrol.begin()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.ok(woken() > 0, 'by its timer')
})
