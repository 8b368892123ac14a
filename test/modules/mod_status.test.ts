// mod_status from a scoreboard made by hand to the three texts: numbers add up, formats are exact, nothing gets out of its quotes.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import type { Population, Traits } from '../../core/server/mpm.ts'
import { setRunning, type Running } from '../../core/server/running.ts'
import { Scoreboard, Status } from '../../core/server/scoreboard.ts'
import { module as status, refreshOf } from '../../modules/mod_status.ts'
import { autoText } from '../../modules/status/auto.ts'
import { bytesText, general, kilobytesText, timeText, uptimeText } from '../../modules/status/format.ts'
import { METRICS, metricsText } from '../../modules/status/metrics.ts'
import { pageHtml } from '../../modules/status/page.ts'
import { parseCpu, parseKilobytes, procfs, type ProcessFacts } from '../../modules/status/proc.ts'
import { letterOf, scoreboardText, takeSnapshot, type Snapshot } from '../../modules/status/snapshot.ts'
import { collectd, munin, parseAuto, parseMetrics } from '../support/monitoring.ts'
import { configure, fakeRequest } from './harness.ts'

const EVENT: Traits = { name: 'event', processes: 'dynamic', threads: 'fixed', async: true }
const PREFORK: Traits = { name: 'prefork', processes: 'dynamic', threads: 'none', async: false }
const NOW = Date.UTC(2026, 10, 20, 9, 20, 54)
const HOUR = 3_600_000

interface Made { readonly board: Scoreboard; readonly running: Running }

function make(traits: Traits, { maxServers = 4, threadsPerChild = 3, extended = true } = {}): Made {
  const population: Population = {
    startServers: 1, serverLimit: 5, threadLimit: 4, threadsPerChild, maxServers, minSpare: 1, maxSpare: 9, buckets: 1,
  }
  const board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(5, 4)), 5, 4)
  board.describe(0)
  const running = {
    board, traits, population, extended, description: 'Switchyard/0.1.0 (Unix)', built: 'Nov 20 2026 09:00:00', slot: 0, thread: 0,
  }
  return { board, running }
}

/** A child whose workers have these states. */
function child({ board }: Made, slot: number, states: readonly number[], generation = 0): void {
  board.use(slot, states.length)
  board.slot(slot).begin(1000 + slot, generation, 0)
  states.forEach((state, thread) => {
    const row = board.worker(slot, thread)
    row.begin(generation, 1000 + slot, 2000 + 10 * slot + thread)
    row.status = state
  })
}

const NO_FACTS: ProcessFacts = { cpu: () => undefined, threadCpu: () => undefined, memory: () => undefined }

const look = ({ running }: Made, facts = NO_FACTS, now = Date.now()): Snapshot => takeSnapshot(running, {
  name: 'www.example.org', localIp: '192.0.2.1', now, load: [1, 0.5, 0.25], facts,
}, { requests: true, memory: true })

/** Exactly between two numbers of 3 or of 6 digits: C takes the even one, we the larger one. */
const isHalfway = (value: number): boolean => [3, 6].some((digits) =>
  /^50*$/.test(value.toExponential(40).replace(/[-.]|e.*/g, '').slice(digits)))

t.test('%g is C\'s', (t) => {
  const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }), fc.double({ min: 0, max: 1e-3, noNaN: true }), fc.integer({ min: 0, max: 10_000_000 }))
  fc.assert(fc.property(fc.array(number, { minLength: 50, maxLength: 100 }), (numbers) => {
    const values = numbers.map((value) => (Object.is(value, -0) ? 0 : value)).filter((value) => !isHalfway(value) && (value === 0 || Math.abs(value) > 1e-300))
    const said = execFileSync('printf', ['%.6g %.3g\n', ...values.flatMap((value) => [String(value), String(value)])], { encoding: 'latin1', env: { LC_ALL: 'C', PATH: process.env.PATH } })
    t.same(values.map((value) => `${general(value)} ${general(value, 3)}`), said.trimEnd().split('\n'))
  }), { numRuns: 10 })
  t.end()
})

t.test('sizes, durations and times', (t) => {
  for (const [bytes, text] of [[0, '0 B'], [5119, '5119 B'], [5120, '5.0 kB'], [524287, '512.0 kB'], [524288, '0.5 MB'], [536870911, '512.0 MB'], [536870912, '0.5 GB']] as const)
    t.equal(bytesText(bytes), text)
  for (const [kib, text] of [[0, '0 kB'], [1023, '1023 kB'], [1024, '1.0 MB'], [1048575, '1024.0 MB'], [1048576, '1.0 GB']] as const)
    t.equal(kilobytesText(kib), text)
  for (const [seconds, text] of [[0, ''], [1, ' 1 second'], [61, ' 1 minute 1 second'], [7322, ' 2 hours 2 minutes 2 seconds'], [86400, ' 1 day'], [180000, ' 2 days 2 hours']] as const)
    t.equal(uptimeText(seconds), text)
  t.match(timeText(NOW), /^Friday, 20-Nov-2026 \d\d:20:54 \S+$/)
  t.end()
})

t.test('refresh', (t) => {
  for (const [args, seconds] of [['', undefined], ['auto', undefined], ['refresh', 10], ['refresh=', 10], ['refresh=x', 10], ['refresh=0', 10], ['refresh=-3', 10], ['refresh=7', 7], ['a=1&refresh=30&notable', 30], ['norefresh=5s', 5]] as const)
    t.equal(refreshOf(args), seconds, args)
  t.end()
})

t.test('a worker of a child that is to finish is G while it works, I while it does not', (t) => {
  const letters = (stopping: boolean) => Object.values(Status).map((state) => letterOf(state, stopping)).join('')
  t.equal(letters(false), '.S_RWKLDCGI')
  t.equal(letters(true), '.SIGGGGGGGI')
  t.end()
})

t.test('letters and numbers of workers say the same, whatever the scoreboard has', (t) => {
  const state = fc.integer({ min: 0, max: 10 })
  const children = fc.array(fc.record({
    slot: fc.integer({ min: 0, max: 39 }), states: fc.array(state, { minLength: 1, maxLength: 4 }), stops: fc.boolean(),
  }), { maxLength: 8 })
  fc.assert(fc.property(children, fc.boolean(), (all, async) => {
    const made = make(async ? EVENT : PREFORK)
    for (const { slot, states, stops } of all) {
      child(made, slot, states)
      if (stops) made.board.slot(slot).finish('graceful restart')
    }
    const snapshot = look(made)
    const text = autoText(snapshot)
    const auto = parseAuto(text)
    const count = (letters: string): number => [...auto.scoreboard].filter((letter) => letters.includes(letter)).length
    t.equal(auto.number('BusyWorkers'), count('RWKLDC'))
    t.equal(auto.number('GracefulWorkers'), snapshot.threads.graceful)
    t.equal(count('G'), snapshot.threads.graceful)
    t.equal(auto.number('IdleWorkers'), count('_'))
    t.ok(auto.scoreboard.length >= 12, 'all that may be')
    t.equal(collectd(text).get('BusyWorkers:'), auto.number('BusyWorkers'))
    t.equal(collectd(text).get('_') ?? 0, auto.number('IdleWorkers'))
    t.equal(munin(text).free, count('.'))
    const byState = parseMetrics(metricsText(snapshot)).get('httpd_workers_by_state')!.samples
    t.equal(byState.get('{state="waiting"}'), count('_'))
    t.equal(byState.get('{state="idle_cleanup"}'), count('I'))
  }), { numRuns: 40 })
  t.end()
})

t.test('slots that may not be are not printed unless somebody is there', (t) => {
  const made = make(EVENT)
  child(made, 0, [Status.ready, Status.write, Status.ready])
  t.equal(scoreboardText(look(made)), '_W_.........')
  child(made, 1, [Status.ready, Status.read, Status.starting, Status.keepalive])
  t.equal(scoreboardText(look(made)), '_W__RSK......', 'more threads, from before a restart')
  child(made, 20, [Status.write, Status.dead])
  made.board.slot(20).finish('graceful restart')
  t.equal(scoreboardText(look(made)), '_W__RSK......G', 'an old child above ServerLimit')
  made.board.clear(20)
  t.equal(scoreboardText(look(made)), '_W__RSK......')
  t.end()
})

const KEYS = ['ServerVersion', 'ServerMPM', 'Server Built', 'CurrentTime', 'RestartTime', 'ParentServerConfigGeneration',
  'ParentServerMPMGeneration', 'ServerUptimeSeconds', 'ServerUptime', 'Load1', 'Load5', 'Load15']
const EXTENDED = ['Total Accesses', 'Total kBytes', 'Total Duration', 'CPUUser', 'CPUSystem', 'CPUChildrenUser',
  'CPUChildrenSystem', 'CPULoad', 'Uptime', 'ReqPerSec', 'BytesPerSec', 'BytesPerReq', 'DurationPerReq']
const WORKERS = ['BusyWorkers', 'GracefulWorkers', 'IdleWorkers']
const ASYNC = ['Processes', 'Stopping', 'ConnsTotal', 'ConnsAsyncWaitIO', 'ConnsAsyncWriting', 'ConnsAsyncKeepAlive', 'ConnsAsyncClosing']

const FACTS: ProcessFacts = {
  cpu: (pid) => pid === process.pid ? { user: 0.5, system: 0.25, childrenUser: 3, childrenSystem: 1.5 } : { user: 1, system: 0.1, childrenUser: 0, childrenSystem: 0 },
  threadCpu: () => 0.42, memory: () => ({ resident: 3 * 1024 * 1024, proportional: 1024 * 1024 }),
}

t.test('?auto, line by line', (t) => {
  const made = make(EVENT)
  child(made, 0, [Status.write, Status.ready, Status.ready])
  const [worker, listener] = [made.board.worker(0, 0), made.board.worker(0, -1)]
  for (const [field, value] of [['accesses', 3], ['bytes', 5000], ['duration', 90.5]] as const) worker.set(field, value)
  for (const [field, value] of [['accesses', 97], ['bytes', 98_000], ['duration', 9.6]] as const) listener.set(field, value)
  made.board.process(0).set('connections', 9)
  made.board.process(0).set('keepAlive', 7)
  const snapshot = look(made, FACTS, made.board.startTime + 2 * HOUR + 100)
  const auto = parseAuto(autoText(snapshot))
  t.equal(auto.name, 'www.example.org')
  t.same(auto.keys, [...KEYS, ...EXTENDED, ...WORKERS, ...ASYNC, 'Scoreboard'])
  for (const [key, value] of Object.entries({
    'ServerMPM': 'event', 'ServerUptimeSeconds': '7200', 'ServerUptime': '2 hours', 'Load5': '0.50', 'Total Accesses': '100',
    'Total kBytes': '100', 'Total Duration': '100', 'CPUUser': '1.5', 'CPUSystem': '0.35', 'CPUChildrenUser': '3',
    'CPUChildrenSystem': '1.5', 'CPULoad': '0.0881944', 'Uptime': '7200', 'ReqPerSec': '0.0138889',
    'BytesPerSec': '14.2222', 'BytesPerReq': '1024', 'DurationPerReq': '1.001', 'BusyWorkers': '1', 'IdleWorkers': '2',
    'Processes': '1', 'ConnsTotal': '9', 'ConnsAsyncKeepAlive': '7', 'ParentServerConfigGeneration': '1',
  })) t.equal(auto.values.get(key), value, key)
  t.same(munin(autoText(snapshot)), { busy: 1, idle: 2, free: 9, accesses: 100, kilobytes: 100 })

  const early = parseAuto(autoText({ ...look(make(PREFORK)), now: made.board.startTime, startTime: made.board.startTime, load: undefined }))
  t.same(early.keys, [...KEYS, ...EXTENDED.filter((key) => !/Load|Per/.test(key)), ...WORKERS, 'Scoreboard'], 'what cannot be divided is left out')
  t.equal(early.values.get('ServerUptime'), '', 'nothing at all for 0 s')
  t.equal(early.values.get('Load1'), '-1.00')
  t.same(parseAuto(autoText(look(make(PREFORK, { extended: false })))).keys, [...KEYS, ...WORKERS, 'Scoreboard'])
  t.end()
})

t.test('a child accepts if somebody is there to serve, and nothing says that it does not', (t) => {
  const accepts = (traits: Traits, states: number[], change: (made: Made) => void = () => undefined): boolean => {
    const made = make(traits)
    child(made, 0, states)
    change(made)
    return look(made).children[0]!.accepting
  }
  t.equal(accepts(EVENT, [Status.starting, Status.starting]), false, 'nobody serves yet')
  t.equal(accepts(EVENT, [Status.write, Status.write]), true, 'the listener accepts')
  t.equal(accepts(PREFORK, [Status.write]), false, 'its connection is all that it can have')
  t.equal(accepts(PREFORK, [Status.ready]), true)
  t.equal(accepts(EVENT, [Status.ready], ({ board }) => void board.process(0).set('notAccepting', 1)), false)
  t.equal(accepts(EVENT, [Status.ready], ({ board }) => void board.process(0).set('quiescing', 1)), false)
  t.end()
})

t.test('counters of a child that is gone stay', (t) => {
  const made = make(EVENT)
  child(made, 1, [Status.ready])
  made.board.worker(1, 0).set('accesses', 5)
  made.board.worker(1, -1).set('accesses', 4)
  made.board.clear(1)
  const snapshot = look(made)
  t.equal(snapshot.totals.accesses, 9)
  t.same(snapshot.children, [])
  t.same(snapshot.threads, { busy: 0, graceful: 0, idle: 0, starting: 0 })
  t.end()
})

t.test('CPU time is read again if a child was waited for meanwhile', (t) => {
  const made = make(EVENT)
  child(made, 0, [Status.ready])
  let ended = false
  const facts: ProcessFacts = {
    ...NO_FACTS,
    cpu(pid) {
      if (pid === process.pid) return { user: 1, system: 1, childrenUser: ended ? 5 : 0, childrenSystem: 0 }
      if (!ended) {
        ended = true // After the control process was looked at: what the child had is nowhere.
        return undefined
      }
      return undefined
    },
  }
  t.equal(takeSnapshot(made.running, { name: '', localIp: '', now: NOW, load: undefined, facts }, { requests: false, memory: false }).cpu.childrenUser, 5)
  t.end()
})

/** Tags of a document with their attributes' names. @throws Error at something that is none */
function tagsOf(html: string): string[] {
  const body = html.replace(/<style>[^<]*<\/style>/, '').replace(/^<!DOCTYPE html>/, '')
  return [...body.matchAll(/<([^>]*)>?/g)].map(([all]) => {
    if (!/^<\/?[a-z][a-z0-9]*(\s+[a-z-]+(="[^"<>]*")?)*\s*\/?>$/i.test(all)) throw new Error(`Not a tag: ${all}`)
    return all.replace(/="[^"]*"/g, '').trim()
  })
}

function withRequest(text: string): Snapshot {
  const made = make(EVENT)
  child(made, 0, [Status.write, Status.ready, Status.ready])
  const row = made.board.worker(0, 0)
  row.set('accesses', 1)
  row.set('startTime', Date.now() - 1500)
  for (const field of ['client', 'request', 'vhost', 'protocol'] as const) row.setText(field, text)
  return look(made, FACTS)
}

t.test('whatever a client sends stays text', (t) => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '\' onmouseover=x', '&lt;b&gt;', '</title></pre>', '\x00\x01\x7f\x80\x9f', '<!--', ']]>'),
  )
  const tags = { true: tagsOf(pageHtml(withRequest('x'), true)), false: tagsOf(pageHtml(withRequest('x'), false)) }
  fc.assert(fc.property(hostile, fc.boolean(), (text, tables) => {
    const page = pageHtml(withRequest(text), tables)
    t.same(tagsOf(page), tags[`${tables}`], JSON.stringify(text))
    t.notMatch(page, /[^\n\x20-\x7e\xa0-\xff]/, 'no control bytes, nothing beyond a byte')
  }), { numRuns: 60 })
  t.match(pageHtml(withRequest('GET /<b> "&'), true), 'GET /&lt;b&gt; &quot;&amp;')
  t.end()
})

t.test('the page has what people and scrapers look for, and asks for nothing from elsewhere', (t) => {
  const page = pageHtml(withRequest('GET /long HTTP/1.1'), true)
  const text = page.replace(/<style>[^<]*<\/style>/, '').replace(/<[^>]*>/g, '')
  for (const part of ['Apache Status', 'Apache Server Status for www.example.org (via 192.0.2.1)', 'Server Version: Switchyard/0.1.0 (Unix)', 'Server MPM: event', 'Server Built: ', 'Current Time: ', 'Restart Time: ', 'Parent Server Config. Generation: 1', 'Parent Server MPM Generation: 0', 'Server uptime: ', 'Server load: 1.00 0.50 0.25', 'Total accesses: 1 - Total Traffic: 0 kB - Total Duration: 0', 'CPU Usage: u1.5 s0.35 cu3 cs1.5', '1 requests currently being processed, 0 workers gracefully restarting, 2 idle workers', 'Waiting for Connection', 'GET /long HTTP/1.1'])
    t.ok(text.includes(part), part)
  t.match(page, /<title>Apache Status<\/title>/)
  t.notMatch(page, /<script|<link|<img|@import|url\(|src=|https?:/)
  t.match(page, /title="thread 0: Sending Reply&#10;GET \/long HTTP\/1.1 from GET/, 'a tooltip says what a worker does')
  const off = pageHtml(look(make(PREFORK, { extended: false })), true)
  t.match(off, 'To obtain a full report with current status information you need to use the <code>ExtendedStatus On</code> directive.')
  t.notMatch(off, 'Total accesses')
  const plain = pageHtml(withRequest('GET /long HTTP/1.1'), false)
  t.notMatch(plain, '<table')
  t.match(plain, '<h2>Server Details</h2>')
  t.match(plain, /<b>Server 0-0<\/b> \(1000\): 0\|0\|1 \[<b>Write<\/b>\] u1 s0\.1 cu0 cs0/)
  t.end()
})

t.test('metrics: a strict reader understands them, the documentation has all of them', (t) => {
  const made = make(EVENT)
  child(made, 0, [Status.write, Status.ready, Status.ready], 0)
  made.board.describe(1)
  child(made, 1, [Status.ready, Status.ready, Status.ready], 1)
  made.board.slot(0).finish('graceful restart')
  made.board.process(1).set('connections', 5)
  made.board.process(1).set('keepAlive', 3)
  made.board.setGlobal('crashes', 2)
  const snapshot = look(made, FACTS)
  const metrics = parseMetrics(metricsText({ ...snapshot, description: 'a "b" \\ c\nd' }))
  t.same([...metrics.keys()], METRICS.map(({ name }) => name), 'all of them are there')
  const value = (name: string, labels = '') => metrics.get(name)!.samples.get(labels)
  t.match([...metrics.get('httpd_build_info')!.samples.keys()][0], 'version="a \\"b\\" \\\\ c\\nd"')
  t.equal(value('httpd_workers_max'), 12)
  t.equal(value('httpd_workers', '{state="graceful"}'), 1)
  t.equal(value('httpd_workers', '{state="idle"}'), 3)
  t.equal(value('httpd_process_workers', '{slot="1",state="idle"}'), 3)
  t.equal(value('httpd_connections', '{state="keepalive"}'), 3)
  t.equal(value('httpd_connections', '{state="processing"}'), 2)
  t.equal(value('httpd_child_crashes_total'), 2)
  t.equal(value('httpd_generation'), 1)
  t.equal(value('httpd_generation_processes', '{generation="0"}'), 1)
  t.equal(value('httpd_processes_finishing', '{reason="graceful restart"}'), 1)
  t.equal(value('httpd_cpu_seconds_total', '{mode="user"}'), 5.5)
  t.equal(value('httpd_process_resident_memory_bytes', '{slot="control"}'), 3 * 1024 * 1024)
  t.same([...parseMetrics(metricsText(look(make(PREFORK, { extended: false })))).keys()],
    METRICS.map(({ name }) => name).filter((name) => !/request_duration|process_(conn|workers|info|age|cpu|resident|prop)|generation_age/.test(name)))
  const page = readFileSync('docs/monitoring.md', 'utf8')
  for (const { name, type, help } of METRICS) t.ok(page.includes(`| \`${name}\` | ${type} | ${help} |`), `docs/monitoring.md has ${name}`)
  t.end()
})

t.test('/proc', (t) => {
  t.same(parseCpu('77 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 150 25 300 5 20 0'), { user: 1.5, system: 0.25, childrenUser: 3, childrenSystem: 0.05 })
  t.equal(parseCpu(''), undefined)
  t.equal(parseCpu('1 (x) S 1 2'), undefined)
  t.equal(parseKilobytes('Name:\tx\nVmRSS:\t   12 kB\n', 'VmRSS'), 12 * 1024)
  t.equal(parseKilobytes('VmRSS:\t   12 kB\n', 'Pss'), undefined)
  t.ok(procfs.cpu(process.pid)!.user > 0)
  t.ok(procfs.memory(process.pid)!.resident > 1024 * 1024)
  t.ok(procfs.threadCpu(process.pid, process.pid)! > 0)
  t.same([procfs.cpu(0), procfs.memory(0), procfs.threadCpu(0, 0)], [undefined, undefined, undefined], 'nobody')
  t.end()
})

t.test('the handlers', async (t) => {
  const made = make(EVENT)
  child(made, 0, [Status.write])
  setRunning(made.running)
  const conf = configure([status], '')
  const ask = async (name: string, wanted: Parameters<typeof fakeRequest>[1]) => {
    let body = ''
    const r = fakeRequest(conf, { handler: name, write: (data) => void (body += Buffer.from(data as string).toString('latin1')), ...wanted })
    const answer = await conf.modules.hooks.handler.walk(conf.modules.hooks.handler.chain((link) => link.place.handler === name), r)
    return { answer, body, type: r.contentType, refresh: r.headersOut.get('Refresh') }
  }
  t.match(await ask('server-status', { args: 'auto' }), { answer: 0, type: 'text/plain; charset=ISO-8859-1', refresh: undefined })
  t.match((await ask('server-status', { args: 'auto' })).body, /^asked\.example\nServerVersion: /)
  t.match(await ask('server-status', { args: 'refresh=3&notable' }), { answer: 0, type: 'text/html; charset=ISO-8859-1', refresh: '3' })
  t.match(await ask('server-status', { isHead: true, method: 'HEAD' }), { answer: 0, body: '', type: 'text/html; charset=ISO-8859-1' })
  t.match(await ask('server-status', { method: 'POST' }), { answer: -1, body: '' })
  t.match(await ask('server-metrics', {}), { answer: 0, type: 'text/plain; version=0.0.4; charset=utf-8' })
  t.match(await ask('server-metrics', { method: 'PUT' }), { answer: -1, body: '' })
})
