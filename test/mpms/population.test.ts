// The step that keeps the population, against a second telling of the rules (maintenance_table.ts).
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import { FIRST_PACE, RESTARTED_PACE, tend, type Counted, type Pace, type Style, type Wanted } from '../../mpms/shared/population.ts'
import { byTheTable } from './maintenance_table.ts'

const want: Wanted = { minSpare: 5, maxSpare: 10, maxServers: 256, threadsPerChild: 1 }
const now: Counted = { idle: 7, activeWorkers: 10, active: 10, total: 10, slots: 2048 }

const seconds = (style: Style, steps: number, pace: Pace, counted = { ...now, idle: 0 }, wanted = want): number[] => {
  const started: number[] = []
  for (let i = 0; i < steps; i++) {
    const plan = tend(style, counted, wanted, pace)
    started.push(plan.start)
    pace = plan.pace
  }
  return started
}

t.test('while spares are missing, each second starts twice as many, up to 32', (t) => {
  t.same(seconds('prefork', 8, FIRST_PACE), [1, 2, 4, 8, 16, 32, 32, 32])
  t.equal(tend('prefork', now, want, { rate: 16, holdOff: 0 }).pace.rate, 1, 'a second without need begins anew')
  t.end()
})

t.test('after a graceful restart ten steps go by before the rate doubles', (t) => {
  t.same(seconds('event', 13, RESTARTED_PACE), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4])
  t.end()
})

t.test('event waits with stopping a child while others are going and slots are short', (t) => {
  const short = { ...now, idle: 11, total: 12, slots: 20 }
  t.equal(tend('event', short, want, FIRST_PACE).stop, 0)
  t.equal(tend('worker', short, want, FIRST_PACE).stop, 1)
  t.equal(tend('event', { ...short, total: 10 }, want, FIRST_PACE).stop, 1, 'nobody is going')
  t.equal(tend('event', { ...short, slots: 300 }, want, FIRST_PACE).stop, 1, 'slots for a whole set of new ones')
  t.end()
})

t.test('every step is that of the table', (t) => {
  const style = fc.constantFrom<Style>('prefork', 'worker', 'event')
  const small = fc.nat(40)
  const counted = fc.record({ idle: small, activeWorkers: small, active: small, total: small, slots: small })
  const wanted = fc.record({
    minSpare: fc.integer({ min: 1, max: 20 }), maxSpare: fc.integer({ min: 2, max: 40 }),
    maxServers: fc.integer({ min: 1, max: 40 }), threadsPerChild: fc.integer({ min: 1, max: 4 }),
  })
  const pace = fc.record({ rate: fc.integer({ min: 1, max: 32 }), holdOff: fc.nat(3) })
  fc.assert(fc.property(style, counted, wanted, pace, fc.constantFrom(32, 16, 8), (style, now, want, pace, most) => {
    return isDeepStrictEqual(tend(style, now, want, pace, most), byTheTable(style, { now, want, pace, most }))
  }), { numRuns: 3000 })
  t.end()
})

t.test('no step goes over a limit', (t) => {
  const number = fc.nat(300)
  const style = fc.constantFrom<Style>('prefork', 'worker', 'event')
  fc.assert(fc.property(style, number, number, number, fc.integer({ min: 1, max: 32 }), (style, idle, active, finishing, rate) => {
    const counted = { idle, active, activeWorkers: active, total: active + finishing, slots: 300 }
    const { start, stop, pace } = tend(style, counted, want, { rate, holdOff: 0 })
    return start >= 0 && start <= rate && pace.rate <= 32 && (start === 0 || stop === 0)
      && (start === 0 || (active + start <= want.maxServers && counted.total + start <= counted.slots))
  }))
  t.end()
})
