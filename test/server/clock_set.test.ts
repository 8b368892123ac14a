// A clock that was set while nobody asked for the time: requests, and the durations that logs and headers show.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { followClock, timeOfDay } from '../../core/base/clock.ts'
import { OK } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import { parseValue } from '../../modules/headers/value.ts'
import { elapsedItem, timeItem } from '../../modules/log_config/times.ts'
import { commonTime } from '../../mpms/event/share.ts'
import { GET, make } from './fake_connection.ts'

const HOUR = 3_600_000
const real = Date.now

t.afterEach(() => {
  Date.now = real
  followClock()
})

for (const step of [HOUR, -HOUR]) {
  t.test(`the first request after a step of ${step} ms begins at the new time`, async (t) => {
    const began: number[] = []
    const { conn, say } = make((modules) => modules.hooks.handler.add('x', (r) => (began.push(r.requestTime), OK)))
    // The dates that are made now are good for one millisecond.
    Date.now = () => Math.floor(real() / 1000) * 1000 + 999
    say(GET)
    conn.advance()
    await sleep(5)
    Date.now = () => real() + step
    say(GET)
    conn.advance()
    t.ok(Math.abs(began[1]! - Date.now()) < 60_000, `${began[1]! - Date.now()} ms off`)
  })

  t.test(`durations are right after a step of ${step} ms`, (t) => {
    Date.now = () => real() + step
    followClock()
    const begun = (): Request => ({ requestTime: timeOfDay() - 10 }) as Request
    const log = elapsedItem('ms').of(begun())
    t.ok(Number(log) >= 10 && Number(log) < 60_000, `%D of the log: ${log} ms`)
    const header = Number(parseValue('%D', {} as never).pieces[0]!(begun()).slice(2)) / 1000
    t.ok(header >= 10 && header < 60_000, `%D of a header: ${header} ms`)
    const ended = Number(timeItem('end:msec').of(begun()))
    t.ok(Math.abs(ended - Date.now()) < 60_000, '%{end:msec}t')
    t.end()
  })
}

t.test('threads of which one began before the clock was set mean the same by their common time', (t) => {
  const before = commonTime(0)
  const { timeOrigin } = performance
  Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + HOUR, configurable: true })
  t.equal(commonTime(0), before)
  Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin, configurable: true })
  t.end()
})
