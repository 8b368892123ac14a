/*
 * event from outside: how connections are counted and admitted, and what becomes of them when a thread is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import type { Client } from '../support/http.ts'
import { until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { WELCOME, type SiteOptions } from '../support/site.ts'

interface Rows {
  readonly connections: number
  readonly waitIo: number
  readonly writing: number
  readonly keepAlive: number
  readonly closing: number
  readonly suspended: number
  readonly notAccepting: number
  /** A letter for each thread of the crew. */
  readonly workers: string
  readonly pid: number
}

const start = async (t: Test, options: Omit<SiteOptions, 'variant'>, variant: 'event' | 'worker' = 'event'): Promise<Server> => {
  const conf = `${HANDLERS}${typeof options.conf === 'string' ? options.conf : ''}`
  const server = await Server.start(t, { modules: [TEST_MODULE], ...options, variant, conf })
  t.teardown(() => { if (!t.passing()) console.error(server.errorLog + server.accessLog) })
  return server
}

const rowsOf = async (client: Client): Promise<Rows> =>
  JSON.parse((await client.get('/rows').response()).text) as Rows

/** Waits until the rows are as they should be; answers them. */
async function rowsLike(client: Client, like: Partial<Rows>): Promise<Rows> {
  let last: Rows | undefined
  return until(`rows like ${JSON.stringify(like)}`, async () => {
    last = await rowsOf(client)
    return Object.entries(like).every(([field, value]) => last![field as keyof Rows] === value) && last
  }, 5000).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; they are ${JSON.stringify(last)}`)
  })
}

const NONE = { waitIo: 0, writing: 0, keepAlive: 0, closing: 0, suspended: 0 }

t.test('connections are counted by what they wait for', async (t) => {
  const files = { 'htdocs/large.bin': Buffer.alloc(16 * 1024 * 1024, 'x') }
  const server = await start(t, { workers: 3, files, conf: 'KeepAliveTimeout 30\nAsyncRequestWorkerFactor 10' })
  const looker = await server.connect()
  await until('all threads', async () => !(await rowsOf(looker)).workers.includes('S'))
  await rowsLike(looker, { connections: 1, ...NONE })
  const [idle, back, silent, half, reader] = await Promise.all(Array.from({ length: 5 }, () => server.connect())) as
    [Client, Client, Client, Client, Client]
  t.equal((await idle.get('/').response()).text, WELCOME)
  t.equal((await back.get('/thread').response()).status, 200, 'given back by the crew')
  half.send('GET / HT')
  reader.socket.pause()
  reader.get('/large.bin')
  await rowsLike(looker, { connections: 6, waitIo: 2, keepAlive: 2, writing: 1, closing: 0, suspended: 0 })
  const suspended = back.get('/async').response()
  const { workers } = await rowsLike(looker, { connections: 6, keepAlive: 1, suspended: 1 })
  t.match(workers, /^[_W]{3}$/)
  t.match(workers, /_.*_/, 'a handler that awaits occupies no thread')
  t.equal((await suspended).status, 200)
  await rowsLike(looker, { connections: 6, keepAlive: 2, suspended: 0 })
  t.equal((await half.send('TP/1.1\r\nHost: h\r\n\r\n').response()).text, WELCOME)
  for (const client of [idle, back, silent, half, reader]) client.close()
  await rowsLike(looker, { connections: 1, ...NONE })
})

t.test('AsyncRequestWorkerFactor: a child takes so many connections, and others again when there is room', async (t) => {
  const server = await start(t, { workers: 2, conf: 'KeepAliveTimeout 30\nAsyncRequestWorkerFactor 1' })
  const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect()))
  // In the middle of a request: none of them idles.
  for (const client of clients) client.send('GET / HTTP/1.1\r\n')
  const waiting = await server.connect()
  const answer = waiting.get('/').response()
  await server.logged(/mpm_event:debug\].*\] Too many open connections \(4\), not accepting new conns in this process/)
  t.equal(await Promise.race([answer, sleep(400, 'none', { ref: false })]), 'none')
  clients[3]!.close()
  clients[2]!.close()
  t.equal((await answer).text, WELCOME)
  await server.logged(/AH00457: Accepting new connections again: [23] active conns \(0 lingering\/0 clogged\/0 suspended\), [12] idle workers/)
  await rowsLike(waiting, { connections: 3, notAccepting: 0 })
})

t.test('where the limit is reached, a connection that idles makes way for a new one', async (t) => {
  const server = await start(t, { workers: 2, conf: 'KeepAliveTimeout 30\nAsyncRequestWorkerFactor 1' })
  const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect()))
  for (const client of clients) t.equal((await client.get('/').response()).text, WELCOME)
  const waiting = await server.connect()
  t.equal((await waiting.get('/').response()).text, WELCOME)
  t.ok(await clients[0]!.endsEmpty(), 'the one that has idled longest')
  t.equal((await clients[3]!.get('/').response()).text, WELCOME)
})

t.test('while all threads are busy a new connection takes the place of an idle one, and no request is lost', async (t) => {
  const server = await start(t, { workers: 1, conf: 'KeepAliveTimeout 30\nAsyncRequestWorkerFactor 1' })
  const [idle, blocked] = await Promise.all([server.connect(), server.connect()])
  t.equal((await idle.get('/').response()).text, WELCOME)
  let over = false
  const block = blocked.get('/block').response().then(({ status }) => ((over = true), status))
  await sleep(100)
  const next = await server.connect()
  t.equal((await next.get('/').response()).text, WELCOME)
  t.ok(await idle.endsEmpty(), 'the idle one made room')
  const answer = next.get('/').response()
  const last = await server.connect()
  t.equal((await last.get('/').response()).text, WELCOME)
  t.equal((await answer).text, WELCOME, 'a request that came at that moment is answered')
  t.notOk(over, 'all of this while the thread was busy')
  t.equal(await block, 200)
})

t.test('a connection that the crew has given back ends after KeepAliveTimeout', async (t) => {
  const server = await start(t, { workers: 1, conf: 'KeepAliveTimeout 300ms' })
  const client = await server.connect()
  t.equal((await client.get('/thread').response()).status, 200)
  t.ok(await client.endsEmpty())
})

for (const variant of ['event', 'worker'] as const) for (const [path, how] of [
  ['/crash', /SY00021: thread \d died of an exception that nobody caught: .*thrown outside of any request/], ['/exit', undefined],
] as const) {
  t.test(`${variant}: a thread that is lost (${path}) takes its own connection with it, and nothing else`, async (t) => {
    const server = await start(t, variant === 'event' ? { workers: 3, conf: 'AsyncRequestWorkerFactor 10' } : { workers: 4 }, variant)
    const [idle, blocked, victim] = await Promise.all(Array.from({ length: 3 }, () => server.connect())) as
      [Client, Client, Client]
    const { pid } = await rowsOf(idle)
    const block = blocked.get('/block').response()
    await sleep(100)
    t.ok(await victim.get(path).endsEmpty(), 'its connection is closed')
    if (how !== undefined) await server.logged(how)
    await rowsLike(idle, { pid, connections: 2, ...NONE })
    t.equal((await block).status, 200, 'another thread was not disturbed')
    for (let n = 0; n < 6; n++) t.equal((await server.get('/thread')).status, 200)
    t.equal((await server.get('/')).text, WELCOME)
  })
}

t.test('MaxConnectionsPerChild: children come and go, and no connection is lost', async (t) => {
  const server = await start(t, { workers: 2, children: 2, conf: 'MaxConnectionsPerChild 8' })
  const pids = new Set<string>()
  for (let round = 0; round < 6; round++) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => server.get('/thread')))
    for (const { status, text } of answers) {
      t.equal(status, 200)
      pids.add(text.replace(/\/.*/s, ''))
    }
  }
  t.ok(pids.size >= 3, `${pids.size} children have served`)
})
