import t from 'tap'
import fc from 'fast-check'
import { MAX_RATE, tend } from '../../mpms/shared/population.ts'

const want = { minSpare: 5, maxSpare: 10, maxServers: 256 }

t.test('tend() doubles the rate while spares are missing, up to 32', (t) => {
  let rate = 1
  const started: number[] = []
  for (let i = 0; i < 8; i++) {
    const plan = tend({ idle: 0, total: 10, free: 1000 }, want, rate)
    started.push(plan.start)
    rate = plan.rate
  }
  t.same(started, [1, 2, 4, 8, 16, 32, 32, 32])
  t.equal(tend({ idle: 7, total: 10, free: 9 }, want, rate).rate, 1, 'a quiet second resets it')
  t.end()
})

t.test('tend() stops one when there are too many, and never the last', (t) => {
  t.same(tend({ idle: 11, total: 11, free: 0 }, want, 4), { start: 0, stop: 1, rate: 1, full: false })
  t.equal(tend({ idle: 11, total: 1, free: 0 }, want, 1).stop, 0)
  t.end()
})

t.test('tend() says that it is full instead of starting more than allowed', (t) => {
  t.same(tend({ idle: 0, total: 256, free: 10 }, want, 8), { start: 0, stop: 0, rate: 1, full: true })
  t.same(tend({ idle: 0, total: 200, free: 0 }, want, 8), { start: 0, stop: 0, rate: 1, full: true })
  t.equal(tend({ idle: 0, total: 254, free: 10 }, want, 8).start, 2)
  t.end()
})

t.test('tend() keeps every limit whatever it is told', (t) => {
  const number = fc.nat(300)
  fc.assert(fc.property(number, number, number, fc.integer({ min: 1, max: MAX_RATE }), (idle, total, free, rate) => {
    const plan = tend({ idle, total, free }, want, rate)
    return plan.start >= 0 && plan.start <= rate && plan.start <= free && plan.rate <= MAX_RATE
      && (plan.start === 0 || total + plan.start <= want.maxServers) && (plan.start === 0 || plan.stop === 0)
  }))
  t.end()
})
