// The time of day follows a clock that was set; the time since the start does not.
import t from 'tap'
import { followClock, threadTime, timeOfDay } from '../../core/base/clock.ts'

const real = Date.now

t.teardown(() => {
  Date.now = real
  followClock()
})

t.test('a clock that is set is followed, forwards and back', (t) => {
  for (const step of [3_600_000, -86_400_000, 0]) {
    Date.now = () => real() + step
    const before = threadTime()
    followClock()
    t.ok(Math.abs(timeOfDay() - (real() + step)) < 50, `${step} ms`)
    t.ok(threadTime() >= before)
  }
  t.end()
})

t.test('what is between two readings of a clock that was not set stays as it is', (t) => {
  followClock()
  const thread = threadTime()
  const first = timeOfDay(thread)
  for (let n = 0; n < 1000; n++) followClock()
  t.equal(timeOfDay(thread), first)
  t.end()
})
