/*
 * Restarts under load. USR1 must lose no request at all: not one that is under way, not one on a connection that was
 * used a moment ago, not one on a new connection. A kept connection that idles may be ended, but only after the last
 * call: the server waits a second for a request that is on its way already. HUP may lose what is in progress, and
 * nothing else. When all is over, nothing of the old generations may be left anywhere.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ask } from '../support/http.ts'
import { childrenOf, isAlive, until } from '../support/processes.ts'
import type { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import type { StaticVariant } from '../support/variants.ts'
import { Ledger, type Fault } from '../support/trial/ledger.ts'
import { readSlowly, ride, type Asked, type Load } from '../support/trial/load.ts'
import {
  descriptorsOf, generationOf, privateBytes, sharedMaps, withoutFiles, type Descriptors,
} from '../support/trial/proc.ts'
import {
  figure, isFull, quantile, scaled, scoreboardOf, startServer, untilWhole, variants, wholeScoreboard, type Wanted,
} from '../support/trial/trial.ts'
import { wrk } from '../support/trial/wrk.ts'

const RESTARTS = scaled(50, 2)
const RESTART_EVERY = 1200
const HUPS = scaled(10, 1)
/** A connection idle for less than this (ms) is never ended: the last call, and room for a slow look at the clock. */
const SURELY_KEPT = 700
/**
 * Starting a thread or a process costs a tenth of a second of a processor: so few that a restart every second leaves
 * some of two processors for serving.
 */
const WORKERS = 6

const large = Buffer.alloc(isFull ? 24_000_000 : 8_000_000)
for (let at = 0; at < large.length; at += 4) large.writeUInt32LE((at * 2654435761) % 4294967296, at)
const files = { 'htdocs/large.bin': large, 'htdocs/page.txt': 'page '.repeat(400) }

const welcome: Asked = { path: '/', status: 200, body: Buffer.from(WELCOME) }
const asks: readonly Asked[] = [
  welcome,
  { path: '/page.txt', status: 200, body: Buffer.from(files['htdocs/page.txt']) },
  { path: '/thread', status: 200, body: (text) => /^\d+\/\d+\n$/.test(text) },
  { path: '/none', status: 404 },
  { path: '/async', status: 200, body: (text) => text.startsWith('awaited ') },
]

// Many generations may be there at the same time: slow readers hold theirs.
const start = (t: Test, variant: StaticVariant): Promise<Server> => startServer(t, {
  variant, files, workers: WORKERS,
  conf: `ServerLimit ${variant === 'prefork' ? 12 * WORKERS : 16}\nKeepAliveTimeout 10\n`,
})

const wantedOf = (variant: StaticVariant): Wanted => variant === 'prefork'
  ? { variant, children: WORKERS, threads: 1 } : { variant, children: 1, threads: WORKERS }

/** Clients that together never hold all workers. */
function begin(server: Server): { load: Load; done: Promise<unknown> } {
  const load: Load = { ledger: new Ledger(), address: server.site, over: false }
  const clients = [
    ride(load, { asks: asks.slice(0, 4), pause: () => 2 }),
    ride(load, { asks, pause: () => Math.random() * 400 }),
    // Longer than the last call: these find their connections ended, and must not be in the middle of a request then.
    ride(load, { asks, pause: () => 1500 + Math.random() * 2000 }),
    ride(load, { asks, each: 1, pause: () => 2 }),
    readSlowly(load, '/large.bin', large, large.length / 4),
  ]
  return { load, done: Promise.all(clients) }
}

/** What the server may do to a client that has been silent for long: end the connection as its request comes. */
const isRace = ({ outcome, idle }: Fault): boolean => outcome === 'lost' && idle >= SURELY_KEPT

interface Held { readonly control: Descriptors; readonly maps: number; readonly child: Descriptors; readonly childMaps: number }

const heldBy = (server: Server): Held => {
  const child = server.children()[0]!
  return {
    control: descriptorsOf(server.pid), maps: sharedMaps(server.pid),
    child: withoutFiles(descriptorsOf(child)), childMaps: sharedMaps(child),
  }
}

/** How often the server has begun to serve a configuration. */
const generations = (server: Server): number => server.errorLog.match(/resuming normal operations$/gm)?.length ?? 0

/** Waits until only the newest generation is left, and all of it serves. */
async function settled(server: Server, variant: StaticVariant): Promise<void> {
  await until('the old generations to end', () =>
    server.children().every((pid) => generationOf(pid) === generations(server) - 1), 60_000)
  await untilWhole(server, wantedOf(variant))
}

async function restart(server: Server, signal: 'SIGUSR1' | 'SIGHUP'): Promise<void> {
  const from = server.errorLog.length
  server.signal(signal)
  await server.logged(/resuming normal operations$/m, from)
}

for (const variant of variants('event')) {
  t.test(`${variant}: ${RESTARTS} graceful restarts under load lose nothing`, async (t) => {
    const server = await start(t, variant)
    await restart(server, 'SIGUSR1')
    await settled(server, variant)
    const [before, memory] = [heldBy(server), privateBytes(server.pid)]
    const seen = new Set<number>()
    const watcher = setInterval(() => childrenOf(server.pid).forEach((pid) => seen.add(pid)), 100)
    t.teardown(() => clearInterval(watcher))
    const { load, done } = begin(server)
    const beside = wrk(`http://127.0.0.1:${server.port}/page.txt`, { connections: 1, seconds: 300 })
    const took: number[] = []
    const begun = performance.now()
    for (let n = 0; n < RESTARTS; n++) {
      await sleep(Math.max(0, begun + n * RESTART_EVERY - performance.now()))
      const at = performance.now()
      await restart(server, 'SIGUSR1')
      took.push(performance.now() - at)
    }
    const seconds = (performance.now() - begun) / 1000
    await sleep(RESTART_EVERY)
    beside.stop()
    load.over = true
    await done
    const sum = await beside.sum
    const { ledger } = load
    figure(t, 'restarts', `${variant} USR1: ${RESTARTS} in ${seconds.toFixed(0)} s, ${ledger.toString()}; wrk: ` +
      (sum === undefined ? 'not there' : `${sum.requests} requests, ${sum.errors} errors, ${sum.bad} bad`) +
      `; a restart took ${quantile(took, 0.5).toFixed(0)} ms (median), ${Math.max(...took).toFixed(0)} ms (longest)`)
    const races = ledger.faults.filter(isRace)
    t.same(ledger.faults.filter((fault) => !isRace(fault)), [], `of ${ledger.sent} requests none is lost`)
    t.equal(ledger.open, 0, 'every request is accounted for')
    t.ok(races.length <= ledger.endedIdle + RESTARTS, `${races.length} requests met the end of an idle connection`)
    // Whether wrk itself was in time for the last call is not known: its errors are a figure only.
    if (sum !== undefined) t.equal(sum.bad, 0, `all of ${sum.requests} requests of wrk were answered well`)

    await settled(server, variant)
    clearInterval(watcher)
    const now = new Set(server.children())
    t.same([...seen].filter((pid) => !now.has(pid) && isAlive(pid)), [], `none of ${seen.size} processes is left over`)
    const after = heldBy(server)
    t.same(after.control, before.control, 'the control process has the descriptors that it had')
    // A generation's text is mapped when it is written; no more than that may be kept of it.
    t.ok(after.maps - before.maps <= RESTARTS, `and ${after.maps - before.maps} mappings more after ${RESTARTS} restarts`)
    t.same(after.child, before.child, 'a child of the last generation has what one of the first had')
    t.equal(after.childMaps, before.childMaps)
    t.same(await scoreboardOf(server), wholeScoreboard(wantedOf(variant)), 'the scoreboard has the last generation and no other')
    const grown = privateBytes(server.pid) - memory
    figure(t, 'restarts', `${variant} USR1: control process ${(memory / 1e6).toFixed(1)} MB private, grown by ` +
      `${(grown / 1e6).toFixed(1)} MB (${(grown / RESTARTS / 1e3).toFixed(0)} kB a restart); ` +
      `${after.maps - before.maps} mappings more, descriptors ${JSON.stringify(after.control)}, of a child ${JSON.stringify(after.child)}`)
    t.notMatch(server.errorLog, /:(crit|alert|emerg)\]|SY00001/, 'nothing grave in the log')
    t.match(await ask(server.site, 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'), { status: 200 })
  })

  // test/built/signals.test.ts has what a short form of the others could tell.
  if (!isFull) continue

  t.test(`${variant}: ${HUPS} restarts with HUP lose what is in progress, and nothing else`, async (t) => {
    const server = await start(t, variant)
    await settled(server, variant)
    const before = descriptorsOf(server.pid)
    const { load, done } = begin(server)
    const cuts: { from: number; to: number }[] = []
    for (let n = 0; n < HUPS; n++) {
      await sleep(1000)
      const old = server.children()
      const from = performance.now()
      await restart(server, 'SIGHUP')
      t.notOk(old.some(isAlive), 'the old children are gone before the new ones come')
      cuts.push({ from, to: performance.now() })
      // While the new children start nobody serves: another HUP too soon would only make that longer.
      await untilWhole(server, wantedOf(variant))
    }
    await sleep(1000)
    load.over = true
    await done
    const { ledger } = load
    // A connection made before the old children ended may have been theirs; none made later can have been.
    const mayBe = ({ outcome, connected, seen }: Fault): boolean =>
      (outcome === 'lost' || outcome === 'cut') && cuts.some(({ from, to }) => connected <= to && seen >= from)
    t.same(ledger.faults.filter((fault) => !mayBe(fault)), [], 'nothing but what a HUP may cut')
    t.equal(ledger.open, 0, 'every request is accounted for')
    figure(t, 'restarts', `${variant} HUP: ${HUPS} restarts, ${ledger.toString()}`)
    t.equal((await server.get('/')).text, WELCOME, 'and the server answers')
    await settled(server, variant)
    t.same(descriptorsOf(server.pid), before, 'the control process has the descriptors that it had')
  })

  t.test(`${variant}: restarts that come faster than children start`, async (t) => {
    const server = await start(t, variant)
    await settled(server, variant)
    const load: Load = { ledger: new Ledger(), address: server.site, over: false }
    const done = ride(load, { asks: [welcome] })
    for (let n = 0; n < scaled(10, 6); n++) {
      server.signal('SIGUSR1')
      await sleep(20 + 15 * n)
    }
    await sleep(1000)
    load.over = true
    await done
    t.same(load.ledger.faults, [], `of ${load.ledger.sent} requests none is lost`)
    await settled(server, variant)
    t.pass('the old generations have ended, all of them')
  })
}
