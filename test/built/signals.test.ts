/*
 * Stopping and restarting built servers with signals to the control process (Apache's "Stopping and Restarting"):
 * what is promised to requests that are under way, and what a broken configuration may cost: nothing.
 */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Pool } from 'undici'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import { isAlive, until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { editConf, WELCOME } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

const files = { 'htdocs/new/index.html': 'new documents', 'htdocs/large.bin': Buffer.alloc(100_000, 'large') }

for (const variant of STATIC) {
  const start = (test: Test) => Server.start(test, {
    variant, files, conf: HANDLERS, modules: [TEST_MODULE], workers: 4,
  })
  const isGone = async (server: Server, children: readonly number[]) => {
    await until('all children to end', () => !children.some(isAlive))
    return !existsSync(server.site.pidFile)
  }

  t.test(`${variant}: TERM stops`, async (t) => {
    const server = await start(t)
    t.equal(readFileSync(server.site.pidFile, 'latin1'), `${server.pid}\n`)
    const children = server.children()
    const client = await server.connect()
    await client.get('/').response()
    t.match(await server.stop(), { code: 0, signal: null })
    t.ok(await isGone(server, children), 'no child and no pid file is left')
    t.ok(await client.endsEmpty(), 'connections are closed')
    await t.rejects(server.connect(), { code: 'ECONNREFUSED' })
    t.match(server.errorLog, /:notice\] .* AH\d{5}: caught SIGTERM, shutting down$/m)
    t.equal(server.stderr, '')
  })

  t.test(`${variant}: WINCH stops after what is under way`, async (t) => {
    const server = await start(t)
    const children = server.children()
    const [idle, busy] = [await server.connect(), await server.connect()]
    for (const client of [idle, busy]) await client.get('/thread').response()
    const answer = busy.get('/async').response()
    await sleep(50)
    const ended = server.stop('SIGWINCH')
    t.match(await answer, { status: 200, text: /^awaited / })
    t.ok(await idle.endsEmpty(), 'an idle connection is closed')
    t.match(await ended, { code: 0, signal: null })
    t.ok(await isGone(server, children))
    t.match(server.errorLog, /AH\d{5}: caught SIGWINCH, shutting down gracefully$/m)
  })

  t.test(`${variant}: HUP restarts with the new configuration`, async (t) => {
    const server = await start(t)
    const before = server.children()
    editConf(server.site, (text) => text.replace('/htdocs"\n', '/htdocs/new"\n'))
    server.signal('SIGHUP')
    await until('the new documents', async () => {
      try {
        return (await server.get('/')).text === 'new documents'
      } catch {
        return false
      }
    })
    t.ok(server.running, 'by the same control process')
    t.notOk(before.some(isAlive), 'and new children')
    t.match(server.errorLog, /AH\d{5}: SIGHUP received\. {2}Attempting to restart$/m)
    t.equal(server.errorLog.match(/resuming normal operations$/gm)?.length, 2)
  })

  t.test(`${variant}: USR1 loses no request`, async (t) => {
    const server = await start(t)
    const before = server.children()
    const pool = new Pool(`http://127.0.0.1:${server.port}`, { connections: 4 })
    t.teardown(() => pool.close())
    let [answered, over] = [0, false]
    const faults: string[] = []
    const paths = ['/', '/large.bin', '/thread', '/missing', '/async']
    const load = async (worker: number) => {
      for (let n = worker; !over; n++) {
        try {
          const path = paths[n % paths.length]!
          const { statusCode, body } = await pool.request({ path, method: 'GET' })
          const { byteLength } = await body.arrayBuffer()
          const good = path === '/missing' ? statusCode === 404
            : statusCode === 200 && (path !== '/large.bin' || byteLength === 100_000)
          if (!good) faults.push(`${path}: ${statusCode}, ${byteLength} bytes`)
          answered++
        } catch (error) {
          faults.push(`${paths[n % paths.length]}: ${String(error)}`)
        }
      }
    }
    const workers = [0, 1, 2, 3].map(load)
    const slow = await server.connect()
    for (let restart = 0; restart < 2; restart++) {
      const from = server.errorLog.length
      await sleep(200)
      const answer = slow.ended ? undefined : slow.get('/block').response()
      await sleep(50)
      server.signal('SIGUSR1')
      await server.logged(/resuming normal operations$/m, from)
      if (answer === undefined) continue
      t.match(await answer, { status: 200, text: /^blocked / }, 'what is under way is answered')
    }
    await until('the old children to end', () => !before.some(isAlive))
    const soFar = answered
    await until('more answers', () => answered > soFar + 20)
    over = true
    await Promise.all(workers)
    t.same(faults, [], `of ${answered} requests none is lost`)
    t.ok(server.running)
    t.match(server.errorLog, /AH\d{5}: .*[Gg]raceful restart/)
  })

  t.test(`${variant}: USR1 where no slot is free for a second generation`, async (t) => {
    const count = variant === 'prefork' ? 4 : 2
    const conf = `ServerLimit ${count}\nLogLevel warn\n`
    const server = await Server.start(t, { variant, conf, workers: 2, children: 2 })
    const before = await until('all children', () => server.children().length === count && server.children())
    server.signal('SIGUSR1')
    await until('the old children to end', () => !before.some(isAlive))
    t.equal((await server.get('/')).text, WELCOME)
    await until('StartServers new children', () => server.children().length === count)
    t.notMatch(server.errorLog, /server reached MaxRequestWorkers/, 'children that end are no load')
  })

  t.test(`${variant}: a broken configuration is refused, and the server goes on`, async (t) => {
    const server = await start(t)
    const before = server.children()
    const client = await server.connect()
    editConf(server.site, (text) => `${text}\nNoSuchDirective on\n`)
    for (const signal of ['SIGUSR1', 'SIGHUP'] as const) {
      const from = server.errorLog.length
      server.signal(signal)
      await server.logged(/Invalid command 'NoSuchDirective', perhaps misspelled/, from)
      await sleep(300)
      t.ok(server.running)
      t.same(server.children(), before, `${signal}: the same children`)
      t.equal((await client.get('/').response()).text, WELCOME, `${signal}: even connections are kept`)
    }
    editConf(server.site, (text) => text.replace('NoSuchDirective on\n', ''))
    const from = server.errorLog.length
    server.signal('SIGUSR1')
    await server.logged(/resuming normal operations$/m, from)
    t.equal((await server.get('/')).text, WELCOME, 'a mended configuration is taken')
    await until('the old children to end', () => !before.some(isAlive))
  })
}
