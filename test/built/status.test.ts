/*
 * mod_status of built servers: what is counted is what was asked for, a hanging request can be seen, states appear where
 * connections are, and nothing is lost when children end.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import type { Client } from '../support/http.ts'
import { collectd, parseAuto, parseMetrics, type Auto } from '../support/monitoring.ts'
import { until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import type { SiteOptions } from '../support/site.ts'
import { STATIC, type StaticVariant } from '../support/variants.ts'

const PAGES = `
<Location /status>
  SetHandler server-status
</Location>
<Location /metrics>
  SetHandler server-metrics
</Location>
`
const SIZES = { small: 10, kilobyte: 1024, large: 200_000 } as const
const HUGE = 8_000_000
const files = Object.fromEntries(Object.entries({ ...SIZES, huge: HUGE }).map(([name, size]) => [`htdocs/${name}`, Buffer.alloc(size, 'x')]))

const start = (t: Test, variant: StaticVariant, options: Omit<SiteOptions, 'variant' | 'conf'> & { conf?: string } = {}) =>
  Server.start(t, { modules: [TEST_MODULE], files, ...options, variant, conf: `${PAGES}${HANDLERS}${options.conf ?? ''}` })

type Metrics = Awaited<ReturnType<typeof metrics>>
const valueOf = (all: Metrics, name: string, labels = ''): number => all.get(name)!.samples.get(labels)!

const auto = async (server: Server): Promise<Auto> => parseAuto((await server.get('/status?auto')).text)
const metrics = async (server: Server) => parseMetrics((await server.get('/metrics')).text)
const page = async (server: Server): Promise<string> => (await server.get('/status')).text

/** Rows of the table of requests that speak of `what`: their cells. */
const rowsOf = (html: string, what: string): string[][] =>
  [...html.slice(html.indexOf('<h2>Requests</h2>')).matchAll(/<tr>(<td.*?)<\/tr>/gs)].map(([, cells]) =>
    [...cells!.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, text]) => text!.replace(/<[^>]*>/g, '')))
    .filter((cells) => cells.at(-1)!.includes(what))

/** The totals, once what was asked before has been counted, and the bytes of this look, which will be. */
async function settled(server: Server): Promise<{ accesses: number; bytes: number; look: number }> {
  await sleep(SETTLE)
  const { body, text } = await server.get('/metrics')
  const now = parseMetrics(text)
  return { accesses: valueOf(now, 'httpd_requests_total'), bytes: valueOf(now, 'httpd_response_bytes_total'), look: body.length }
}

/** An answer is counted just after it has left (ms). */
const SETTLE = 50

async function counts(t: Test, server: Server): Promise<void> {
  const before = await settled(server)
  const clients = await Promise.all([server.connect(), server.connect()])
  let sent = 0, bytes = 0
  for (let round = 0; round < 5; round++) {
    for (const client of clients) {
      for (const [name, size] of Object.entries(SIZES)) {
        t.equal((await client.get(`/${name}`).response()).body.length, size)
        sent++
        bytes += size
      }
      t.equal((await client.send('HEAD /large HTTP/1.1\r\nHost: localhost\r\n\r\n').response('HEAD')).status, 200)
      bytes += (await client.get('/thread').response()).body.length
      bytes += (await client.get('/missing').response()).body.length
      sent += 3
    }
  }
  for (const client of clients) client.close()
  const after = await settled(server)
  t.equal(after.accesses - before.accesses, sent + 1, 'these and the look before')
  t.equal(after.bytes - before.bytes, bytes + before.look, 'and their bytes')
  await sleep(SETTLE)
  const text = await auto(server)
  t.equal(text.number('Total Accesses'), after.accesses + 1)
  t.equal(text.number('Total kBytes'), Math.floor((after.bytes + after.look) / 1024))
  t.equal(text.values.get('ServerMPM'), server.site.variant)
  t.equal(text.values.has('ConnsTotal'), server.site.variant === 'event')
}

/** Answers the process that holds the request. */
async function hanging(t: Test, server: Server): Promise<string> {
  const client = await server.connect()
  client.get('/block?to=http://user:secret@host/&x=\'y')
  const [row] = await shown(server, '/block')
  const [, pid, , letter, , , , , , , , address, protocol, vhost, line] = row!
  t.same([letter, address, protocol, vhost], ['W', '127.0.0.1', 'http/1.1', `localhost:${server.port}`])
  t.equal(line, 'GET /block?to=http://****:****@host/&amp;x=\'y HTTP/1.1')
  t.ok(server.children().includes(Number(pid)))
  const { text } = await server.get('/status?auto')
  t.ok(parseAuto(text).number('BusyWorkers') >= 2, 'this and the look')
  t.equal(collectd(text).get('W'), parseAuto(text).number('BusyWorkers'))
  t.notMatch(await page(server), 'secret')
  return pid!
}

const shown = (server: Server, what: string) => until(`${what} to be shown`, async () => {
  const rows = rowsOf(await page(server), what).filter(([, , , letter]) => letter === 'W')
  return rows.length > 0 && rows
})

/** @param pid of a process that holds a request */
async function killed(t: Test, server: Server, pid: string): Promise<void> {
  const before = await metrics(server)
  process.kill(Number(pid), 'SIGKILL')
  const after = await until('the end to be counted', async () => {
    const now = await metrics(server)
    return valueOf(now, 'httpd_child_crashes_total') === 1 && now
  })
  for (const [name, { type, samples }] of before) {
    if (type !== 'counter') continue
    for (const [labels, value] of samples)
      if (!labels.includes(`pid="${pid}"`)) t.ok(valueOf(after, name, labels) >= value, `${name}${labels} does not go back`)
  }
  t.ok(rowsOf(await page(server), '').every((cells) => cells[1] !== pid), 'nobody has its process id')
  const all = await until('a replacement', async () => {
    const now = await auto(server)
    return now.number('BusyWorkers') + now.number('IdleWorkers') === WORKERS && now
  })
  t.notMatch(all.scoreboard, /[GI]/)
  t.equal(all.scoreboard.length, WORKERS)
}

async function restarted(t: Test, server: Server): Promise<void> {
  const before = await auto(server)
  const client = await server.connect()
  client.get('/block?restart')
  await shown(server, 'restart')
  server.signal('SIGUSR1')
  let graceful = 0
  const after = await until('the new generation to be alone', async () => {
    const now = await auto(server)
    const letters = now.scoreboard.replace(/[^G]/g, '').length
    t.equal(now.number('GracefulWorkers'), letters, 'letters and numbers agree')
    graceful = Math.max(graceful, letters)
    return now.number('ParentServerMPMGeneration') === 1 && !/[GIS]/.test(now.scoreboard) && now.number('IdleWorkers') === WORKERS - 1 && now
  })
  t.equal((await client.response()).status, 200)
  // A machine with much to do may start the new generation only when the request is answered, or see all end at once.
  t.ok(graceful <= WORKERS)
  t.equal(after.number('ParentServerConfigGeneration'), 2)
  t.ok(after.number('Total Accesses') > before.number('Total Accesses'))
  t.ok(after.number('ServerUptimeSeconds') >= before.number('ServerUptimeSeconds'))
  const now = await metrics(server)
  t.equal(valueOf(now, 'httpd_restarts_total', '{kind="graceful"}'), 1)
  t.equal(valueOf(now, 'httpd_child_crashes_total'), 1, 'the killed one')
}

/** Letters of the workers but for the one that looks. */
const letters = async (server: Server): Promise<string> =>
  [...(await auto(server)).scoreboard.replace('W', '')].sort().join('')

async function workerStates(t: Test, server: Server): Promise<void> {
  const shows = (wanted: string) => until(`a worker in ${wanted}`, async () => (await letters(server)).includes(wanted))
  await shows('_'.repeat(WORKERS - 1))
  const client = await server.connect()
  t.ok(await shows('R'), 'connected')
  client.send('GET /small HTTP/1.1\r\nHo')
  t.ok(await shows('R'), 'half a request')
  client.send('st: localhost\r\n\r\n')
  t.equal((await client.response()).status, 200)
  t.ok(await shows('K'), 'the answer is out')
  client.send('GET /small HTTP/1.1\r\nHost: localhost\r\n\r\nGET /sm')
  t.equal((await client.response()).status, 200)
  t.ok(await shows('R'), 'half of the next one came with it')
  client.send('all HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.equal((await client.response()).status, 200)
  client.send('NONSENSE\r\n\r\n')
  t.equal((await client.response()).status, 400)
  t.ok(await shows('C'), 'it waits for the client\'s end')
  client.close()
  t.ok(await shows('_'.repeat(WORKERS - 1)), 'all idle')
}

async function connectionStates(t: Test, server: Server): Promise<void> {
  const clients: Client[] = []
  const open = async (): Promise<Client> => {
    const client = await server.connect()
    clients.push(client)
    return client
  }
  const states = async (): Promise<string> => {
    const { samples } = (await metrics(server)).get('httpd_connections')!
    return ['processing', 'wait_io', 'writing', 'keepalive', 'closing', 'suspended'].map((state) => samples.get(`{state="${state}"}`)).join(' ')
  }
  // The look itself is being processed.
  const show = async (wanted: string, what: string) => t.ok(await until(`${what} (${wanted})`, async () => (await states()) === wanted), what)
  await show('1 0 0 0 0 0', 'nobody else')
  await open()
  await show('1 1 0 0 0 0', 'a connection without a request')
  t.equal((await (await open()).get('/small').response()).status, 200)
  await show('1 1 0 1 0 0', 'a kept one')
  t.equal((await (await open()).get('/thread').response()).status, 200)
  await show('1 1 0 2 0 0', 'one that the crew has given back')
  const slow = await open()
  slow.socket.pause()
  slow.get('/huge')
  await show('1 1 1 2 0 0', 'a client that does not take its answer')
  const ending = await open()
  t.equal((await ending.send('NONSENSE\r\n\r\n').response()).status, 400)
  await show('1 1 1 2 1 0', 'one that is about to close')
  const awaiting = await open()
  let over = false
  const answer = awaiting.get('/async').response().finally(() => (over = true))
  await until('a handler that awaits, or its answer', async () => over || (await states()) === '1 1 1 2 1 1')
  t.equal((await answer).status, 200)
  await show('1 1 1 3 1 0', 'it has its answer')
  const keys = ['ConnsTotal', 'ConnsAsyncWaitIO', 'ConnsAsyncWriting', 'ConnsAsyncKeepAlive', 'ConnsAsyncClosing']
  await until('the same in ?auto', async () => {
    const now = await auto(server)
    return keys.map((key) => now.number(key)).join(' ') === '7 1 1 3 1'
  })
  for (const client of clients) client.close()
  await show('1 0 0 0 0 0', 'all gone')
}

const WORKERS = 4

for (const variant of STATIC) {
  t.test(variant, async (t) => {
    // prefork makes good what is below MinSpareServers.
    const conf = variant === 'prefork' ? `MinSpareServers ${WORKERS}\n` : ''
    const server = await start(t, variant, { workers: 2, children: 2, conf })
    await until('all workers', async () => (await auto(server)).number('IdleWorkers') === WORKERS - 1)
    await t.test('N requests are N accesses, with their bytes', (t) => counts(t, server))
    if (variant === 'event') await t.test('connections by what they wait for', (t) => connectionStates(t, server))
    else await t.test('a worker goes through R, K, C and back to _', (t) => workerStates(t, server))
    await t.test('a request that hangs is there to be seen, and what becomes of it', async (t) =>
      killed(t, server, await hanging(t, server)))
    await t.test('a graceful restart shows the old generation at its last work', (t) => restarted(t, server))
  })
}

t.test('ExtendedStatus Off, methods', async (t) => {
  const off = await start(t, 'event', { workers: 2, conf: 'ExtendedStatus Off\n' })
  await off.get('/small')
  const text = await auto(off)
  t.notOk(text.values.has('Total Accesses'))
  t.match(await page(off), 'ExtendedStatus On')
  t.ok((await metrics(off)).get('httpd_requests_total')!.samples.get('')! > 0, 'counted all the same')
  t.equal((await off.get('/status', '', 'POST')).status, 404, 'as Apache: the default handler finds no such file')
  const head = await off.get('/status?refresh=7', '', 'HEAD')
  t.match(head, { status: 200, headers: { 'refresh': '7', 'content-type': 'text/html; charset=ISO-8859-1' } })
})
