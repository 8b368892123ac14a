/** mod_watchdog: who runs what, and what becomes of tasks that fail or take long. */
import t from 'tap'
import { SharedLocks, watch, type WatchdogState } from 'httpd'
import { module, Watch } from '../../modules/mod_watchdog.ts'
import { configure, fakeServer, fakeStartup, holdsOf, refusal, type Logged } from './harness.ts'

t.test('a task begins once, runs one at a time, and goes on after a fault', async (t) => {
  const log: Logged[] = []
  const server = fakeServer(configure([], '').conf, log)
  const states: WatchdogState[] = []
  let mine = false
  let finish: () => void = () => undefined
  const running = new Watch({
    name: 'one', singleton: true,
    run(state): Promise<void> | undefined {
      states.push(state)
      if (states.length === 2) return new Promise((done) => { finish = done })
      if (states.length === 3) throw new Error('broken')
      return undefined
    },
  }, server, () => mine)
  running.stop()
  await running.tick()
  t.same(states, [])
  mine = true
  const first = running.tick()
  await new Promise(setImmediate)
  await running.tick()
  t.same(states, ['starting', 'running'], 'not twice at once')
  finish()
  await first
  await running.tick()
  t.match(log, [{ level: 'error', message: 'SY00179: fault in the task one (running): Error: broken' }])
  await running.tick()
  running.stop()
  t.same(states, ['starting', 'running', 'running', 'running', 'stopping'])
})

t.test('one child of all has a singleton, until it is gone', (t) => {
  const words = new Int32Array(4)
  const living = new Set([1, 2])
  const child = (id: number) => new SharedLocks(words, { self: () => id, alive: (other) => living.has(other) })
  t.equal(child(1).claim(3), true)
  t.equal(child(2).claim(3), false)
  living.delete(1)
  t.equal(child(2).claim(3), true)
  t.equal(words[3], 2)
  t.end()
})

t.test('who asks is told whether there is a watchdog', (t) => {
  const task = { name: 'x', singleton: true, run: () => undefined }
  t.equal(watch(task), false)
  const configured = configure([module], 'WatchdogInterval 250ms')
  const startup = fakeStartup(fakeServer(configured.conf))
  t.equal(configured.modules.hooks.preConfig.run(startup), 0)
  t.equal(watch(task), true)
  t.equal(configured.modules.hooks.postConfig.run(startup), 0)
  t.equal(holdsOf(configured, module.settings[0]!)['interval'], 250)
  t.equal(holdsOf(configure([module], 'WatchdogInterval 1000h'), module.settings[0]!)['interval'], 2 ** 31 - 1, 'what a timer can wait')
  t.end()
})

t.test('what bad configuration gets', (t) => {
  t.equal(refusal([module], 'WatchdogInterval x'), 'Unparse-able WatchdogInterval setting')
  t.equal(refusal([module], 'WatchdogInterval 0'), 'Invalid WatchdogInterval: minimal value 100ms')
  t.equal(refusal([module], 'WatchdogInterval 50ms'), 'Invalid WatchdogInterval: minimal value 100ms')
  t.equal(refusal([module], 'WatchdogInterval'), 'WatchdogInterval takes one argument, Watchdog interval in seconds')
  t.end()
})
