/*
 * mod_limits in built servers with several processes: all of them count together, what is beyond is refused, and what a
 * killed child was answering does not count any more.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import { until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { loadModuleLines, STATIC, type StaticVariant } from '../support/variants.ts'

const conf = (variant: StaticVariant): string => `${HANDLERS}
${loadModuleLines(variant, variant, true).find((line) => line.includes('limits_module'))!}
<Location /index.html>
  RequestRateLimit 1r/h burst=4
</Location>
<Location /thread>
  # Each goes from event's listener to its crew: it counts once all the same.
  RequestRateLimit 1r/h burst=4
</Location>
<Location /never>
  ConnectionLimit 2
</Location>
<Location /rows>
  ConnectionLimit 1
</Location>
<Location /server-metrics>
  SetHandler server-metrics
</Location>
`

for (const variant of STATIC) {
  t.test(`${variant} counts in all of its processes`, async (t) => {
    const server = await Server.start(t, { variant, conf: conf(variant), modules: [TEST_MODULE], children: 2, workers: variant === 'prefork' ? 2 : 4 })

    for (const path of ['/index.html', '/thread']) {
      const got = await Promise.all(Array.from({ length: 12 }, () => server.get(path)))
      t.equal(got.filter(({ status }) => status === 200).length, 5, `${path}: the burst and one`)
      const refused = got.find(({ status }) => status === 429)
      t.match(refused, { statusLine: 'HTTP/1.1 429 Too Many Requests', headers: { 'retry-after': /^3[56]\d\d$/ }, text: /too many requests/ })
    }
    t.equal(server.errorLog.match(/SY00195/g)?.length, 2, 'one line for each limit')

    const held = await Promise.all([1, 2].map(() => server.connect()))
    for (const client of held) client.get('/never')
    await until('both requests to be under way', async () => {
      const one = await server.connect()
      one.get('/never')
      const more = await Promise.race([one.response(), sleep(150, undefined, { ref: false })]).catch(() => undefined)
      one.close()
      return more?.status === 429
    })

    // Whichever has them: both are killed, one after the other.
    for (const pid of server.children()) process.kill(pid, 'SIGKILL')
    await until('the killed children to be replaced', async () => (await server.get('/', '').catch(() => undefined))?.status === 200)
    const again = await server.connect()
    again.get('/never')
    t.equal(await Promise.race([again.response().then(({ status }) => status), sleep(300, 'held')]), 'held', 'there is room again')

    const client = await server.connect()
    for (let i = 0; i < 5; i++) t.equal((await client.get('/rows').response()).status, 200, 'the one before is over')
    client.close()
    const metrics = (await server.get('/server-metrics')).text
    t.match(metrics, /^httpd_limits_total\{event="rate_refused"\} 14$/m)
    t.match(metrics, /^httpd_limits_total\{event="uncounted"\} 0$/m)

    if (variant !== 'event') return
    server.signal('SIGUSR1')
    await server.logged(/resuming normal operations(?=[^]*AH00493|[^]*resuming normal)/)
    t.equal((await server.get('/index.html')).status, 429, 'a restart forgets nothing')
  })
}
