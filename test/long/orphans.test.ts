/*
 * The control process killed with SIGKILL: nobody is there any more who would replace, stop or restart the children.
 * They answer what is under way and end by themselves, so that the server can be started again at once, on the same
 * configuration, over a pid file that nobody has removed.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { isAlive, signal, until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import { Ledger } from '../support/trial/ledger.ts'
import { readSlowly, ride, type Asked, type Load } from '../support/trial/load.ts'
import { figure, isFull, quantile, scaled, startServer, variants } from '../support/trial/trial.ts'

const ROUNDS = scaled(3, 1)
/** Of the server when its control process is killed; the short form takes the first. */
const SITUATIONS = ['under load', 'idle', 'with connections open'] as const
/** Orphans end after five seconds whatever they do (and a machine under load has some more). */
const AT_LAST = 5000
const GENEROUS = 20_000

const large = Buffer.alloc(20_000_000, 'large file ')
const files = { 'htdocs/large.bin': large, 'htdocs/page.txt': 'page '.repeat(400) }
const page: Asked = { path: '/page.txt', status: 200, body: Buffer.from(files['htdocs/page.txt']) }

/** A process of this server answers, and not one that another server has left behind. */
async function serves(server: Server): Promise<boolean> {
  try {
    return server.children().includes(Number.parseInt((await server.get('/where')).text, 10))
  } catch {
    return false
  }
}

/** Starts the same site again until it serves. @returns the server, how long (ms) it took, and how often it was tried */
async function startAgain(test: Test, { site }: Server): Promise<{ again: Server; took: number; tries: number }> {
  const begun = performance.now()
  for (let tries = 1; ; tries++) {
    try {
      const again = await Server.startOn(test, site)
      await until('it to serve by itself', async () => !again.running || await serves(again), GENEROUS)
      if (again.running) return { again, took: performance.now() - begun, tries }
    } catch (error) {
      if (performance.now() - begun > GENEROUS) throw error
    }
    await sleep(100)
  }
}

for (const variant of variants('worker')) {
  for (const load of isFull ? SITUATIONS : SITUATIONS.slice(0, 1)) {
    t.test(`${variant}, ${load}: the children of a killed control process end`, async (t) => {
      const times: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const server = await startServer(t, { variant, files, workers: 4, conf: 'KeepAliveTimeout 60\n' })
        await until('all children', () => server.children().length === (variant === 'prefork' ? 4 : 1))
        const children = server.children()
        const book: Load = { ledger: new Ledger(), address: server.site, over: false }
        const clients = load !== 'under load' ? [] : [
          ride(book, { asks: [page] }), ride(book, { asks: [page], each: 1 }),
          readSlowly(book, '/large.bin', large, large.length / 3),
        ]
        if (load === 'with connections open') {
          const [kept, waiting] = [await server.connect(), await server.connect()]
          await kept.get('/').response()
          waiting.send('GET / HT')
        }
        if (clients.length > 0) await sleep(500)
        t.teardown(() => children.forEach((pid) => isAlive(pid) && signal(pid, 'SIGKILL')))
        const at = performance.now()
        signal(server.pid, 'SIGKILL')
        book.over = true
        await until('the end of the children', () => !children.some(isAlive), GENEROUS)
        times.push(performance.now() - at)
        await Promise.all(clients)
        if (load !== 'with connections open') t.ok(times.at(-1)! < AT_LAST + GENEROUS / 2, 'soon')
        t.match(server.errorLog, /SY00020: the control process is gone: finishing$/m)
      }
      figure(t, 'orphans', `${variant}, ${load}: children end ${quantile(times, 0.5).toFixed(0)} ms (median), ` +
        `${Math.max(...times).toFixed(0)} ms (longest) after their control process was killed`)
    })
  }

  t.test(`${variant}: a new start on the same configuration`, async (t) => {
    const server = await startServer(t, { variant, files, workers: 4, conf: 'KeepAliveTimeout 60\n' })
    const children = server.children()
    const kept = await server.connect()
    await kept.get('/').response()
    signal(server.pid, 'SIGKILL')
    await until('the end of the control process', () => !isAlive(server.pid))
    t.equal(readFileSync(server.site.pidFile, 'latin1'), `${server.pid}\n`, 'the pid file is left')
    const { again, took, tries } = await startAgain(t, server)
    t.equal((await again.get('/')).text, WELCOME)
    t.match(`${again.stderr}${again.errorLog}`,
      /AH00098: pid file \S+ overwritten -- Unclean shutdown of previous Apache run\?$/m)
    // Not at once: the port is free when the last orphan that has it has ended.
    t.ok(took < GENEROUS, 'in good time')
    figure(t, 'orphans', `${variant}: started again after ${took.toFixed(0)} ms and ${tries} tries`)
    await until('the end of the old children', () => !children.some(isAlive), GENEROUS)
    t.equal((await again.get('/')).text, WELCOME, 'their end is no affair of the new server')
  })
}
