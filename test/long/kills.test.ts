/*
 * Children killed with SIGKILL under load, one after the other. A child is stopped first, so that what it holds is
 * known exactly: the requests on those connections may be lost, all others are answered. Each time the population is
 * whole again soon, and in the end nothing of the dead is left.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { isAlive, until } from '../support/processes.ts'
import type { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import type { StaticVariant } from '../support/variants.ts'
import { Ledger } from '../support/trial/ledger.ts'
import { readSlowly, ride, type Asked, type Load } from '../support/trial/load.ts'
import { clientPortsOf, descriptorsOf, freeze } from '../support/trial/proc.ts'
import {
  figure, isWhole, quantile, scaled, scoreboardOf, startServer, untilWhole, variants, wholeScoreboard, type Wanted,
} from '../support/trial/trial.ts'

const KILLS = scaled(100, 5)
/** What the population takes to be whole again (ms): wanted, and what a machine under load may make of it. */
const SOON = 2000
const SURELY = 10 * SOON
const CHILDREN = 4
const THREADS = 3

const large = Buffer.alloc(2_000_000, 'large file ')
const files = { 'htdocs/large.bin': large, 'htdocs/page.txt': 'page '.repeat(400) }
const page: Asked = { path: '/page.txt', status: 200, body: Buffer.from(files['htdocs/page.txt']) }
const thread: Asked = { path: '/thread', status: 200, body: (text) => /^\d+\/\d+\n$/.test(text) }
const where: Asked = { path: '/where', status: 200, body: (text) => /^\d+\/\d+\n$/.test(text) }
const awaited: Asked = { path: '/async', status: 200, body: (text) => text.startsWith('awaited ') }

// The spare limits want all there may be: whoever dies is replaced, however few are busy.
const start = (t: Test, variant: StaticVariant): Promise<Server> => startServer(t, {
  variant, files, workers: variant === 'prefork' ? 2 * CHILDREN : THREADS, children: variant === 'prefork' ? 1 : CHILDREN,
  conf: variant === 'prefork' ? `MinSpareServers ${2 * CHILDREN}\n` : `MinSpareThreads ${CHILDREN * THREADS}\n`,
})

const wantedOf = (variant: StaticVariant): Wanted => variant === 'prefork'
  ? { variant, children: 2 * CHILDREN, threads: 1 } : { variant, children: CHILDREN, threads: THREADS }

for (const variant of variants('prefork')) {
  t.test(`${variant}: ${KILLS} children killed under load`, async (t) => {
    const server = await start(t, variant)
    const wanted = wantedOf(variant)
    await untilWhole(server, wanted)
    const before = descriptorsOf(server.pid)
    const load: Load = { ledger: new Ledger(), address: server.site, over: false }
    const served = new Map<number, number>()
    const heard = (port: number, { path }: Asked, text: string): void => {
      if (path === '/where') served.set(port, Number.parseInt(text, 10))
    }
    const clients = Promise.all([
      ride(load, { asks: [where, page, thread], heard }),
      ride(load, { asks: [where, page, awaited, page], pause: () => Math.random() * 100, heard }),
      ride(load, { asks: [where], each: 1, heard }),
      readSlowly(load, '/large.bin', large, large.length),
    ])
    const dead = new Map<number, { ports: ReadonlySet<number>; at: number }>()
    const took: number[] = []
    for (let n = 0; n < KILLS; n++) {
      await sleep(100 + Math.random() * 100)
      const children = server.children()
      const victim = children[Math.floor(Math.random() * children.length)]!
      freeze(victim)
      const ports = new Set(clientPortsOf(victim))
      const at = performance.now()
      process.kill(victim, 'SIGKILL')
      dead.set(victim, { ports, at })
      await until('the end of the child', () => !isAlive(victim))
      await until('the whole population', () => isWhole(server, wanted), SURELY)
      took.push(performance.now() - at)
    }
    await sleep(200)
    load.over = true
    await clients
    const { ledger } = load
    // A port may serve one connection after another: the kill must fall into the time of the request.
    const unexplained = ledger.faults.filter(({ outcome, port, connected, seen }) =>
      !(outcome === 'lost' || outcome === 'cut') ||
      ![...dead.values()].some(({ ports, at }) => ports.has(port) && connected <= at && seen >= at))
    t.same(unexplained, [], `of ${ledger.sent} requests only ${ledger.faults.length} of killed processes are lost`)
    t.equal(ledger.open, 0, 'every request is accounted for')
    const slow = took.filter((ms) => ms > SOON).length
    figure(t, 'kills', `${variant}: ${KILLS} kills, ${ledger.toString()}; whole again after ${quantile(took, 0.5).toFixed(0)} ms ` +
      `(median), ${Math.max(...took).toFixed(0)} ms (longest), ${slow} times after more than ${SOON} ms`)
    t.ok(quantile(took, 0.5) < SURELY, 'the population recovers')
    await until('the control process to have what it had', () =>
      JSON.stringify(descriptorsOf(server.pid)) === JSON.stringify(before)).catch(() => undefined)
    t.same(descriptorsOf(server.pid), before, 'the control process has the descriptors that it had')
    t.notOk([...dead.keys()].some(isAlive), 'none of the killed is left')
    t.same(await scoreboardOf(server), wholeScoreboard(wanted), 'the scoreboard has no row of the dead')
    t.equal((await server.get('/')).text, WELCOME)
    for (const [port, pid] of served) {
      const victim = dead.get(pid)
      if (victim?.ports.has(port)) t.pass(`connection ${port} was that of ${pid}`)
    }
    t.notMatch(server.errorLog, /:(crit|alert|emerg)\]|SY00001/, 'nothing grave in the log')
  })
}
