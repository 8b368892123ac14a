/*
 * HandlerTimeout and RecycleChild on built servers: a handler that never comes back costs nobody but its own request,
 * and a child that has served long enough goes when another one serves.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import { until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { WELCOME, type SiteOptions } from '../support/site.ts'
import { STATIC, type StaticVariant } from '../support/variants.ts'

const start = (t: Test, variant: StaticVariant, conf: string, options: Partial<SiteOptions> = {}): Promise<Server> =>
  Server.start(t, { modules: [TEST_MODULE], workers: 2, ...options, variant, conf: `${HANDLERS}${conf}` })

for (const variant of STATIC) {
  t.test(`${variant}: a handler that awaits for too long is answered for`, async (t) => {
    const server = await start(t, variant, 'HandlerTimeout 300ms')
    const before = server.children()
    for (const path of ['/never', '/late']) {
      const answer = await server.get(path)
      t.equal(answer.status, 503)
      t.match(answer.text, /Service Unavailable/)
      await server.logged(new RegExp(`SY00061: handler test-${path.slice(1)} has not answered GET ${path} HTTP/1.1 within HandlerTimeout`))
    }
    const client = await server.connect()
    t.match((await client.get('/async').response()).text, /^awaited/, 'one in time is not touched')
    await sleep(1500)
    t.equal((await client.get('/').response()).text, WELCOME, 'what the late one says then goes nowhere')
    t.same(server.children(), before, 'nobody had to die for it')
    t.notMatch(server.errorLog, /SY0000[1-3]/)
  })

  t.test(`${variant}: a handler that never comes back is ended, and another takes over`, async (t) => {
    const spare = variant === 'prefork' ? 'MinSpareServers 2\n' : ''
    const server = await start(t, variant, spare + '<Location /spin>\nHandlerTimeout 300ms\n</Location>')
    const before = server.children()
    const answer = await server.get('/spin').catch(() => undefined)
    if (variant === 'prefork') t.equal(answer, undefined, 'its process is gone: the connection is closed')
    else {
      t.equal(answer?.status, 503)
      t.match(answer?.text, /Service Unavailable/)
    }
    await server.logged(/SY00060: handler test-spin has not come back with an answer to GET \/spin HTTP\/1.1 from 127.0.0.1 within HandlerTimeout: ending (thread \d|process \d+)/)
    for (let n = 0; n < 4; n++) t.match((await server.get('/thread')).text, /^\d+\/\d+\n$/, 'all others are served')
    await until('another child in its place', () => server.children().some((pid) => !before.includes(pid)))
    if (variant !== 'prefork') await until('the end of the child', () => !server.children().some((pid) => before.includes(pid)))
    t.equal((await server.get('/')).text, WELCOME)
    t.equal((await server.get('/thread')).status, 200)
  })

  if (variant !== 'prefork') t.test(`${variant}: a handler that awaits first and then never comes back`, async (t) => {
    const server = await start(t, variant, 'HandlerTimeout 1s')
    const [trapped, other] = [await server.connect(), await server.connect()]
    t.equal((await other.get('/thread').response()).status, 200)
    const answer = trapped.get('/trap').response()
    t.equal((await answer).status, 503)
    await server.logged(/SY00060: handler test-trap has not come back with an answer to GET \/trap HTTP\/1.1 from 127.0.0.1/)
    t.equal((await other.get('/').response()).text, WELCOME, 'another connection is not touched')
    await sleep(300)
    t.notMatch(server.errorLog, /exit signal/, 'nor is its process')
  })

  t.test(`${variant}: what has begun to be answered is cut off`, async (t) => {
    const server = await start(t, variant, 'HandlerTimeout 300ms')
    const client = await server.connect()
    await t.rejects(client.get('/stall').response(), 'no client takes it for whole')
    t.equal((await server.get('/')).text, WELCOME)
  })

  t.test(`${variant}: RecycleChild replaces a child after its requests, and loses none`, async (t) => {
    const server = await start(t, variant, 'RecycleChild requests=40 jitter=0%', { children: 1, workers: 1 })
    const [first] = server.children()
    const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect()))
    let answered = 0
    const ask = async (client: (typeof clients)[number]): Promise<void> => {
      for (let n = 0; n < 15; n++) if ((await client.get('/thread').response()).status === 200) answered++
      client.close()
    }
    for (const client of clients) await ask(client)
    t.equal(answered, 60)
    await until('the first child is gone', () => !server.children().includes(first!))
    t.equal((await server.get('/')).text, WELCOME)
    t.equal(server.children().length, 1)
  })
}

t.test('event: with several handlers on one thread, nobody gets what is meant for another', async (t) => {
  const conf = ['trap', 'never'].map((name) => `<Location /${name}>\nHandlerTimeout 1s\n</Location>`).join('\n')
  const server = await start(t, 'event', `${conf}\n<Location /late>\nHandlerTimeout 10s\n</Location>`, { workers: 1 })
  const [done, trapped] = [await server.connect(), await server.connect()]
  // One handler begins before and ends after the other has begun: the row of the thread shows now this, now that one.
  const hung = trapped.get('/trap').response().catch(() => undefined)
  await sleep(50)
  t.equal((await done.get('/thread').response()).status, 200)
  const answer = await hung
  t.ok(answer === undefined || answer.status === 503)
  t.equal(done.ended, false, 'its connection is open')
  t.equal((await done.get('/').response()).text, WELCOME, 'and has nothing on it that it did not ask for')
  t.notMatch(server.errorLog, /SY00060: handler test-thread/)
})

t.test('event: a handler without a limit may take its time on a thread where others wait', async (t) => {
  const server = await start(t, 'event', '<Location /never>\nHandlerTimeout 1s\n</Location>', { workers: 1 })
  const [never, busy] = [await server.connect(), await server.connect()]
  const given = never.get('/never').response()
  await sleep(100)
  t.equal((await busy.get('/busy').response()).text, 'busy\n')
  t.equal((await given).status, 503, 'who is over its limit is given up afterwards')
  t.notMatch(server.errorLog, /SY00060/)
})
