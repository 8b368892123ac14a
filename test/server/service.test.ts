// Service managers: what they hand over in the environment, and what they are told, on a simulated clock.
import fc from 'fast-check'
import t from 'tap'
import { OrphanReaper } from '../../core/server/orphans.ts'
import { PassedListeners } from '../../core/server/passed_listeners.ts'
import { Scoreboard, Status } from '../../core/server/scoreboard.ts'
import { figuresOf } from '../../core/server/service_figures.ts'
import {
  openNotifier, passedSocketsVariable, reportingForServer, SOCKETS_VARIABLE, takePassedSockets, takeReporting,
} from '../../core/server/service_manager.ts'
import { ServiceNotifier, statusText } from '../../core/server/service_notifier.ts'
import { SystemError, type Endpoint, type Service } from '../../core/port/port.ts'

const SECOND = 1_000_000

function notifier(watchdog = 0) {
  const told: string[] = []
  const clock = { now: 5 * SECOND }
  const manager = { hasRoom: true }
  const send = (text: string) => {
    if (manager.hasRoom) told.push(text)
    return manager.hasRoom
  }
  const made = new ServiceNotifier({ send, pid: 77, clock: () => clock.now, watchdog })
  return { told, clock, made, manager, take: () => told.splice(0) }
}
const FIGURES = { requests: 1234, bytes: 5_000_000, idle: 70, busy: 5 }

t.test('the life of a server, in the words of sd_notify', (t) => {
  const { made, take, clock } = notifier()
  made.ready()
  t.same(take(), ['READY=1\nMAINPID=77\nSTATUS=Running\n'])
  made.ready()
  t.same(take(), [], 'each child says so, once is told')
  clock.now = 9_876_543
  made.reloading()
  t.same(take(), ['RELOADING=1\nMONOTONIC_USEC=9876543\nSTATUS=Reading the configuration\n'])
  made.ready()
  t.match(take(), [/^READY=1\n/])
  made.stopping()
  t.match(take(), [/^STOPPING=1\n/])
  made.stopping()
  made.ready()
  made.reloading()
  t.same(take(), [], 'nothing comes after the end')
  t.end()
})

t.test('a manager that has no room for a message hears of every state later', (t) => {
  const { made, take, manager } = notifier(SECOND)
  manager.hasRoom = false
  made.ready()
  made.tick(() => FIGURES)
  t.same(take(), [])
  made.reloading()
  manager.hasRoom = true
  made.tick(() => FIGURES)
  t.match(take(), [/^READY=1\n/, /^RELOADING=1\n/], 'in order; a sign of life that is too late is not repeated')
  manager.hasRoom = false
  made.ready()
  manager.hasRoom = true
  made.stopping()
  t.match(take(), [/^READY=1\n/, /^STOPPING=1\n/])
  t.end()
})

t.test('a line about the load every ten seconds while it serves', (t) => {
  const { made, take, clock } = notifier()
  let looks = 0
  const pass = (seconds: number): string[] => {
    for (let i = 0; i < seconds; i++) {
      clock.now += SECOND
      made.tick(() => (looks++, FIGURES))
    }
    return take()
  }
  t.same(pass(30), [], 'not before it serves')
  made.ready()
  take()
  const lines = pass(30)
  t.equal(lines.length, 3)
  t.equal(looks, 3, 'figures are asked for only when they are due')
  t.match(lines[0], /^STATUS=Total requests: 1234; Idle\/Busy workers 70\/5; Requests\/sec: [\d.]+; Bytes served\/sec: \d+KB\/sec\n$/)
  made.stopping()
  take()
  t.same(pass(30), [])
  t.end()
})

t.test('the watchdog is fed twice in its time', (t) => {
  fc.assert(fc.property(fc.integer({ min: 4000, max: 60 * SECOND }), (watchdog) => {
    const { made, take, clock } = notifier(watchdog)
    let [last, longest] = [clock.now, 0]
    while (clock.now < 5 * SECOND + 4 * watchdog) {
      clock.now += made.interval * 1000
      made.tick(() => FIGURES)
      if (!take().some((text) => text === 'WATCHDOG=1\n')) continue
      longest = Math.max(longest, clock.now - last)
      last = clock.now
    }
    return longest > 0 && longest < watchdog
  }), { numRuns: 30 })
  t.equal(notifier(0).made.interval, 1000)
  const nobody = new ServiceNotifier({ send: undefined, pid: 1, clock: () => 0, watchdog: 0 })
  t.equal(nobody.interval, 0, 'nobody listens: no timer')
  nobody.ready()
  t.end()
})

t.test('statusText()', (t) => {
  const rows: readonly (readonly [bytes: number | undefined, text: string])[] = [
    [0, '0B/sec'], [9720, '972B/sec'], [10_000, '1.0KB/sec'], [102_400, '10KB/sec'], [9 * 1024 * 1024, '922KB/sec'],
    [10 * 1024 ** 3, '1.0GB/sec'],
  ]
  for (const [bytes, text] of rows) {
    t.equal(statusText({ requests: 25, bytes, idle: 1, busy: 2 }, 10),
      `Total requests: 25; Idle/Busy workers 1/2; Requests/sec: 2.5; Bytes served/sec: ${text}`)
  }
  t.equal(statusText({ requests: 1, bytes: undefined, idle: 0, busy: 0 }, 3), 'Total requests: 1; Idle/Busy workers 0/0; Requests/sec: 0.333',
    'no word about bytes that nobody counts')
  t.match(statusText({ requests: 5, bytes: 5, idle: 0, busy: 0 }, 0), /Requests\/sec: 0;/, 'at once')
  t.end()
})

t.test('figuresOf()', (t) => {
  const board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(3, 4)), 3, 4)
  t.same(figuresOf(board), { requests: 0, bytes: 0, idle: 0, busy: 0 })
  t.same(figuresOf(undefined), { requests: 0, bytes: 0, idle: 0, busy: 0 })
  const put = (slot: number, ...states: number[]) => states.forEach((status, i) => {
    const row = board.worker(slot, i)
    row.status = status
    row.set('accesses', 1)
    row.set('bytes', 100)
  })
  put(0, Status.ready, Status.write, Status.keepalive, Status.starting)
  put(2, Status.ready, Status.dead)
  put(1, Status.dead, Status.dead)
  board.use(23, 4)
  put(23, Status.ready)
  t.same(figuresOf(board), { requests: 9, bytes: 900, idle: 3, busy: 2 }, 'workers that are gone count their past only')
  t.end()
})

t.test('takePassedSockets()', (t) => {
  const env = { LISTEN_PID: '77', LISTEN_FDS: '3', LISTEN_FDNAMES: 'web:api', PATH: '/bin' }
  t.same(takePassedSockets(env, 77), [{ fd: 3, name: 'web' }, { fd: 4, name: 'api' }, { fd: 5, name: 'unknown' }])
  t.same(env, { PATH: '/bin' }, 'taken out')
  t.same(takePassedSockets(env, 77), [])
  t.same(takePassedSockets({ LISTEN_PID: '78', LISTEN_FDS: '3' }, 77), [], "another process's")
  for (const fds of ['', '-1', 'x', '1e3', '99999']) t.same(takePassedSockets({ LISTEN_PID: '77', LISTEN_FDS: fds }, 77), [], fds)
  const sockets = [{ fd: 3, name: 'web' }, { fd: 9, name: 'api' }]
  const passed = passedSocketsVariable(4, sockets)
  t.same(takePassedSockets(passed, 99), [{ fd: 4, name: 'web' }, { fd: 5, name: 'api' }], 'passed on to the detached server')
  t.same(passedSocketsVariable(4, []), {})
  t.equal(SOCKETS_VARIABLE, 'HTTPD_SOCKETS')
  t.end()
})

t.test('takeReporting()', (t) => {
  const env = { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '77', PATH: '/bin' }
  t.same(reportingForServer(env, 77), { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', PATH: '/bin' },
    'the watchdog goes over to the server')
  t.same(reportingForServer(env, 78), env)
  t.same(takeReporting({ ...env }, 77), { address: '/run/n', watchdog: 30_000_000 })
  t.same(takeReporting({ ...env }, 78), { address: '/run/n', watchdog: 0 }, 'another process is watched')
  t.same(takeReporting({ NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '5' }, 1), { address: '@n', watchdog: 5 })
  for (const address of ['', '@', 'relative', 'vsock:2:1'])
    t.same(takeReporting({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '5' }, 1), { address: undefined, watchdog: 0 }, address)
  takeReporting(env, 77)
  t.same(env, { PATH: '/bin' })
  t.end()
})

t.test('an address that nobody listens at is a warning', (t) => {
  const warnings: string[] = []
  const service = { datagram: () => { throw new SystemError('connect', 111) } } as unknown as Service
  const made = openNotifier({ address: '/none', watchdog: 0 }, () => service, (text) => warnings.push(text))
  t.equal(made.interval, 0)
  made.ready()
  t.same(warnings, ['SY00050: Cannot report to the service manager at "/none": connect: Connection refused'])
  openNotifier({ address: undefined, watchdog: 0 }, () => { throw new Error('not asked') }, () => t.fail())
  t.end()
})

t.test('PassedListeners', (t) => {
  const at: Readonly<Record<number, Endpoint>> = {
    3: { address: '0.0.0.0', port: 80 }, 4: { address: '::', port: 80 }, 5: { address: '::1', port: 81 },
    6: { address: '0.0.0.0', port: 82 },
  }
  const prepared: number[] = []
  const service = { listeningAt: (fd: number) => at[fd], prepareInherited: (fd: number) => prepared.push(fd) } as unknown as Service
  const passed = new PassedListeners([3, 4, 5, 6, 7].map((fd) => ({ fd, name: `s${fd}` })), () => service)
  t.same(prepared, [3, 4, 5, 6, 7], 'programs that the server starts get none of them')
  t.same(passed.take(undefined, 80), { fd: 4, address: '::' }, 'every address: IPv6 first')
  t.same(passed.take(undefined, 82), { fd: 6, address: '0.0.0.0' })
  t.same(passed.take('0:0::1', 81), { fd: 5, address: '::1' }, 'in any spelling')
  t.equal(passed.take('127.0.0.1', 80), undefined, 'an address of its own is another socket')
  t.equal(passed.take(undefined, 83), undefined)
  t.ok(passed.has(3))
  t.notOk(passed.has(8))
  t.same(passed.unusedWarnings(), [
    'SY00051: the socket "s3" (descriptor 3) that was passed to the server listens at 0.0.0.0:80, which no Listen directive names: it is not used',
    'SY00051: the socket "s7" (descriptor 7) that was passed to the server does not listen for TCP connections: it is not used',
  ])
  t.same(passed.unusedWarnings(), [], 'said once')
  t.end()
})

t.test('OrphanReaper takes what was there at the look before', (t) => {
  let zombies: number[] = []
  const reaped: number[] = []
  const reaper = new OrphanReaper({ zombies: () => zombies, reap: (pid) => (reaped.push(pid), pid === 9 ? -10 : pid) })
  t.equal(reaper.look(), 0)
  zombies = [5]
  t.equal(reaper.look(), 0, 'it may be one of ours, which libuv is about to reap')
  zombies = [5, 6]
  t.equal(reaper.look(), 1)
  t.same(reaped, [5])
  zombies = [6, 9]
  t.equal(reaper.look(), 1)
  t.equal(reaper.look(), 0, 'one that is not ours after all')
  t.same(reaped.filter((pid) => pid === 6), [6], 'each once')
  t.end()
})
