/*
 * What an MPM promises, looked at from outside of built servers: who waits, who is delayed by whom, and what
 * a crash costs. Statements are about order and about processes, not about times.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import type { Client } from '../support/http.ts'
import { isAlive, threadNames, until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { WELCOME, type SiteOptions } from '../support/site.ts'
import { STATIC, type StaticVariant } from '../support/variants.ts'

type Options = Omit<SiteOptions, 'variant'>

const start = (t: Test, variant: StaticVariant, options: Options = {}): Promise<Server> => {
  const conf = `${HANDLERS}${typeof options.conf === 'string' ? options.conf : ''}`
  return Server.start(t, { modules: [TEST_MODULE], ...options, variant, conf })
}

const NOT_YET = Symbol('not yet')

/** The answer of a promise if it comes within `ms`, else NOT_YET. */
const within = <T>(ms: number, promise: Promise<T>): Promise<T | typeof NOT_YET> =>
  Promise.race([promise, sleep(ms, NOT_YET, { ref: false })])

const connections = (server: Server, count: number): Promise<Client[]> =>
  Promise.all(Array.from({ length: count }, () => server.connect()))

for (const variant of ['event', 'worker'] as const) {
  t.test(`${variant}: ThreadsPerChild 7 starts seven threads in each child`, async (t) => {
    const server = await start(t, variant, { workers: 7, children: 2 })
    const children = await until('two children', () => {
      const pids = server.children()
      return pids.length === 2 && pids.every((pid) => crew(pid).length === 7) && pids
    })
    for (const pid of children)
      t.same(crew(pid), Array.from({ length: 7 }, (_, n) => `httpd/${n}`), 'named after their numbers')
    // Which thread is woken is the kernel's affair, but no other than these serve.
    const served = new Set<string>()
    for (let n = 0; n < 30; n++) served.add((await server.get('/thread')).text.trim())
    for (const place of served) t.match(place, new RegExp(`^(${children.join('|')})/[1-9]`), place)
  })
}

const crew = (pid: number): string[] => threadNames(pid).filter((name) => /^httpd\/\d+$/.test(name)).sort()

t.test('prefork: a process has no crew', async (t) => {
  const server = await start(t, 'prefork', { workers: 2 })
  const children = await until('two children', () => {
    const pids = server.children()
    return pids.length === 2 && pids
  })
  for (const pid of children) t.same(crew(pid), [])
  t.match((await server.get('/thread')).text, new RegExp(`^(${children.join('|')})/0\n$`))
})

for (const variant of STATIC) {
  t.test(`${variant}: a blocking request delays nobody while a worker is idle`, async (t) => {
    const server = await start(t, variant, { workers: 4 })
    await until('all workers', () =>
      variant === 'prefork' ? server.children().length === 4 : crew(server.children()[0]!).length === 4)
    const order: string[] = []
    const clients = await connections(server, 3)
    const blocked = clients.map(async (client, n) => {
      const { text } = await client.get('/block').response()
      order.push(`block ${n}`)
      return text
    })
    await sleep(100)
    for (let n = 0; n < 5; n++) {
      t.equal((await server.get('/')).text, WELCOME)
      t.equal((await server.get('/thread')).status, 200)
      order.push('quick')
    }
    const texts = await Promise.all(blocked)
    t.same(order.slice(0, 5), Array(5).fill('quick'), 'all quick ones were answered first')
    t.equal(new Set(texts).size, 3, 'three workers were blocked at the same time')
  })

  t.test(`${variant}: awaiting and failing handlers`, async (t) => {
    const server = await start(t, variant, { workers: 2 })
    const before = server.children()
    const answers = await Promise.all(Array.from({ length: 4 }, () => server.get('/async')))
    for (const { text } of answers) t.match(text, /^awaited \d+\/\d+\n$/)
    for (let n = 0; n < 4; n++) t.equal((await server.get('/throw')).status, 500)
    t.equal((await server.get('/')).text, WELCOME)
    t.same(server.children(), before, 'nobody died')
  })

  t.test(`${variant}: a killed child is replaced`, async (t) => {
    // prefork makes good what is below MinSpareServers.
    const conf = variant === 'prefork' ? 'MinSpareServers 4' : ''
    const server = await start(t, variant, { workers: 2, children: 2, conf })
    const count = variant === 'prefork' ? 4 : 2
    await until('all children', () => server.children().length === count)
    for (const signal of ['SIGKILL', 'SIGSEGV']) {
      const [victim, ...others] = server.children()
      process.kill(victim!, signal)
      await until('the end of the child', () => !isAlive(victim!))
      t.equal((await server.get('/')).text, WELCOME, 'the others serve on')
      const after = await until('a new child', () => {
        const now = server.children()
        return now.length === count && now
      })
      t.notOk(after.includes(victim!))
      for (const pid of others) t.ok(after.includes(pid), `${pid} is still there`)
      t.equal((await server.get('/thread')).status, 200)
      if (signal === 'SIGKILL') t.notMatch(server.errorLog, `child pid ${victim}`, 'not worth a word')
      else await server.logged(new RegExp(`AH0005[12]: child pid ${victim} exit signal Segmentation fault \\(11\\)`))
    }
  })
}

t.test('prefork: a process has one connection at a time', async (t) => {
  const server = await start(t, 'prefork', { workers: 1, conf: 'KeepAliveTimeout 30' })
  const [first, second] = await connections(server, 2) as [Client, Client]
  t.equal((await first.get('/').response()).text, WELCOME)
  const waiting = second.get('/').response()
  t.equal(await within(300, waiting), NOT_YET, 'the second waits while the first is open')
  t.equal((await first.get('/').response()).text, WELCOME, 'the first goes on')
  first.close()
  t.equal((await waiting).text, WELCOME, 'then it is the second\'s turn')
})

t.test('worker: an idle connection occupies its thread', async (t) => {
  const server = await start(t, 'worker', { workers: 2, conf: 'KeepAliveTimeout 30' })
  const clients = await connections(server, 2)
  for (const client of clients) t.equal((await client.get('/').response()).text, WELCOME)
  const third = await server.connect()
  const waiting = third.get('/').response()
  t.equal(await within(300, waiting), NOT_YET, 'no thread is left')
  clients[0]!.close()
  t.equal((await waiting).text, WELCOME)
})

t.test('event: idle connections occupy no thread', async (t) => {
  const server = await start(t, 'event', { workers: 2, conf: 'KeepAliveTimeout 30\nAsyncRequestWorkerFactor 40' })
  const idle = await connections(server, 60)
  for (const [n, client] of idle.entries()) {
    const { status } = await client.get(n % 2 === 0 ? '/' : '/thread').response()
    t.equal(status, 200)
  }
  t.equal((await server.get('/')).text, WELCOME, 'the listener answers')
  t.match((await server.get('/thread')).text, /^\d+\/[1-9]/, 'the crew answers')
  const again = await Promise.all(idle.map((client) => client.get('/thread').response()))
  t.ok(again.every(({ text }) => /^\d+\/[1-9]\d*\n$/.test(text)), 'all of them at once, by two threads')
  t.equal(new Set(again.map(({ text }) => text)).size <= 2, true)
  for (const client of idle) t.equal((await client.get('/').response()).text, WELCOME, 'given back by the crew')
})

t.test('event: the listener answers while the whole crew is blocked', async (t) => {
  const server = await start(t, 'event', { workers: 2 })
  let blocked = 2
  const blocking = (await connections(server, 2)).map((client) =>
    client.get('/block').response().then(({ status }) => (blocked--, status)))
  await sleep(100)
  const waiting = server.get('/thread')
  t.equal((await server.get('/')).text, WELCOME)
  t.equal((await server.get('/missing')).status, 404)
  t.equal(blocked, 2, 'before any of the blocked ones')
  t.same(await Promise.all(blocking), [200, 200])
  t.equal((await waiting).status, 200, 'what waited for a thread gets one')
})
