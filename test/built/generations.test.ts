/*
 * Generations that cannot serve, and children that do not finish: what the control process of a built server does
 * about both, looked at from outside.
 */
import { existsSync } from 'node:fs'
import t from 'tap'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import { isAlive, until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { editConf, WELCOME } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

for (const variant of STATIC) {
  const options = { variant, modules: [TEST_MODULE], workers: 2 } as const

  t.test(`${variant}: a start whose children cannot serve fails, and says why`, async (t) => {
    for (const [how, said] of [['throw', /SY00030: no child process could begin to serve/], ['fatal', /AH00050: Child \d+ returned a Fatal error/]] as const) {
      const fault = await Server.start(t, { ...options, conf: `TestChildInit ${how}` }).then(() => undefined, (error: Error) => error)
      t.match(fault?.message, said)
      t.match(fault?.message, /The server ended with 1/)
    }
  })

  t.test(`${variant}: a new configuration whose children cannot serve gives way to the old one`, async (t) => {
    const server = await Server.start(t, { ...options, conf: `${HANDLERS}TestChildInit ok` })
    const before = server.children()
    const client = await server.connect()
    for (const how of ['throw', 'fatal']) {
      const from = server.errorLog.length
      // What is said after the return is said where it was said before.
      editConf(server.site, (text) => text.replace(/TestChildInit \w+/, `TestChildInit ${how}`).replace('logs/error_log', 'logs/new_log'))
      server.signal('SIGUSR1')
      await server.logged(/SY00064: the new configuration cannot be served: going back to the one before/, from)
      t.ok(server.running)
      await until('the children that cannot serve to go', () => server.children().length === before.length)
      t.same(server.children(), before, `${how}: the same children`)
      t.equal((await client.get('/').response()).text, WELCOME, `${how}: even connections are kept`)
    }
    editConf(server.site, (text) => text.replace(/TestChildInit \w+/, 'TestChildInit ok').replace('logs/new_log', 'logs/error_log'))
    server.signal('SIGUSR1')
    await until('the old children to end', () => !before.some(isAlive))
    t.equal((await server.get('/thread')).status, 200, 'a mended configuration is taken')
    t.match(await server.stop(), { code: 0 })
    t.notOk(existsSync(server.site.pidFile))
  })

  t.test(`${variant}: children of an old generation end within GracefulShutdownTimeout`, async (t) => {
    const server = await Server.start(t, { ...options, conf: `${HANDLERS}GracefulShutdownTimeout 1` })
    const before = server.children()
    const [stuck, idle] = [await server.connect(), await server.connect()]
    const lost = stuck.get('/never').response().catch(() => undefined)
    t.equal((await idle.get('/').response()).text, WELCOME)
    for (let restart = 0; restart < 2; restart++) {
      const from = server.errorLog.length
      server.signal('SIGUSR1')
      await server.logged(/resuming normal operations$/m, from)
    }
    await server.logged(/SY00065: child process \d+ of generation 0 has been finishing for \d+ s \(graceful restart\), longer than GracefulShutdownTimeout: sending a SIGTERM/)
    t.equal(await lost, undefined, 'what never ends is cut off')
    await until('the old children to end', () => !before.some(isAlive))
    t.equal((await server.get('/')).text, WELCOME)
  })
}
