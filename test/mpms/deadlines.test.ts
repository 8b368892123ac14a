import t from 'tap'
import fc from 'fast-check'
import { Deadlines, type Waiting } from '../../mpms/shared/deadlines.ts'

interface Item extends Waiting {
  readonly name: number
}

const item = (name: number): Item => ({ name, deadline: 0, slot: -1, before: undefined, after: undefined })

function clocked() {
  let now = 0
  const late: number[] = []
  const wheel = new Deadlines<Item>(() => now, ({ name }) => late.push(name))
  return { wheel, late, pass(ms: number) { now += ms; wheel.turn() }, get now() { return now } }
}

t.test('a deadline passes once, not before its time', (t) => {
  const { wheel, late, pass } = clocked()
  const one = item(1)
  wheel.set(one, 1000)
  pass(900)
  t.same(late, [])
  pass(200)
  t.same(late, [1])
  pass(5000)
  t.same(late, [1])
  t.end()
})

t.test('a deadline that moves away is kept to', (t) => {
  const { wheel, late, pass } = clocked()
  const one = item(1)
  wheel.set(one, 500)
  for (let i = 0; i < 20; i++) {
    pass(300)
    wheel.set(one, 300 * (i + 1) + 500)
  }
  t.same(late, [])
  pass(700)
  t.same(late, [1])
  t.end()
})

t.test('a deadline that moves nearer is kept to', (t) => {
  const { wheel, late, pass } = clocked()
  const one = item(1)
  wheel.set(one, 60_000)
  wheel.set(one, 500)
  pass(700)
  t.same(late, [1])
  t.end()
})

t.test('cleared deadlines do not pass', (t) => {
  const { wheel, late, pass } = clocked()
  const [one, two] = [item(1), item(2)]
  wheel.set(one, 500)
  wheel.set(two, 500)
  wheel.clear(one)
  pass(1000)
  t.same(late, [2])
  t.end()
})

t.test('the wheel agrees with a list of deadlines, whatever happens to them', (t) => {
  const act = fc.oneof(
    fc.record({ do: fc.constant('set' as const), which: fc.nat(4), ms: fc.integer({ min: 1, max: 200_000 }) }),
    fc.record({ do: fc.constant('clear' as const), which: fc.nat(4), ms: fc.constant(0) }),
    fc.record({ do: fc.constant('pass' as const), which: fc.constant(0), ms: fc.integer({ min: 1, max: 90_000 }) }),
  )
  fc.assert(fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
    const clock = clocked()
    const items = Array.from({ length: 5 }, (_, i) => item(i))
    const due = new Map<number, number>()
    for (const { do: what, which, ms } of acts) {
      if (what === 'set') {
        clock.wheel.set(items[which]!, clock.now + ms)
        due.set(which, clock.now + ms)
      } else if (what === 'clear') {
        clock.wheel.clear(items[which]!)
        due.delete(which)
      } else {
        clock.pass(ms)
        for (const name of clock.late.splice(0)) {
          if ((due.get(name) ?? Infinity) > clock.now) return false
          due.delete(name)
        }
        // Nothing is later than a tick or two.
        if ([...due.values()].some((at) => at < clock.now - 200)) return false
      }
    }
    for (const it of items) clock.wheel.clear(it)
    return true
  }))
  t.end()
})

t.test('whatever is called late may clear others, or set them anew: the rest is called in its time', (t) => {
  const act = fc.record({
    /** Who is called late, what it does then, and to whom. */
    by: fc.nat(4), do: fc.constantFrom('clear' as const, 'set' as const), which: fc.nat(4), ms: fc.integer({ min: 1, max: 150_000 }),
  })
  // Few different times, so that several stand in one slot.
  const starts = fc.array(fc.constantFrom(950, 990, 1050, 5000, 102_400, 103_350), { minLength: 5, maxLength: 5 })
  fc.assert(fc.property(starts, fc.array(act, { maxLength: 8 }), fc.constantFrom(100, 1000, 110_000), (at, acts, step) => {
    let now = 0
    const due = new Map<number, number>(at.map((deadline, name) => [name, deadline]))
    const todo = [...acts]
    let early = false
    const items = Array.from({ length: 5 }, (_, i) => item(i))
    const wheel: Deadlines<Item> = new Deadlines(() => now, ({ name }) => {
      early ||= !(due.get(name)! <= now)
      due.delete(name)
      // Each act once, or two could call each other for ever.
      for (let i = todo.findIndex(({ by }) => by === name); i >= 0; i = todo.findIndex(({ by }) => by === name)) {
        const [{ do: what, which, ms }] = todo.splice(i, 1) as [typeof acts[number]]
        if (what === 'clear') {
          wheel.clear(items[which]!)
          due.delete(which)
        } else {
          wheel.set(items[which]!, now + ms)
          due.set(which, now + ms)
        }
      }
    })
    at.forEach((deadline, name) => wheel.set(items[name]!, deadline))
    let missed = false
    while (now < 600_000) {
      now += step
      wheel.turn()
      missed ||= [...due.values()].some((deadline) => deadline < now - 200)
    }
    for (const it of items) wheel.clear(it)
    return !early && !missed && due.size === 0
  }))
  t.end()
})
