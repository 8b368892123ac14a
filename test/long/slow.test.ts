/*
 * Slow clients, all at once, with each MPM: who sends or reads little by little is served, who stops is given up
 * after Timeout or KeepAliveTimeout (with 408 while a request is being sent), others are served meanwhile, and nothing
 * is left of any of them. Bounds are generous to the late side: a machine may be busy.
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Client, Response } from '../support/http.ts'
import { until } from '../support/processes.ts'
import type { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import { Ledger } from '../support/trial/ledger.ts'
import { readSlowly, ride, type Load } from '../support/trial/load.ts'
import { descriptorsOf, isHeld, withoutFiles } from '../support/trial/proc.ts'
import { figure, isFull, startServer, untilWhole, variants } from '../support/trial/trial.ts'

/** The server's limits (s), and how much later (ms) they may strike. */
const TIMEOUT = isFull ? 5 : 2
const KEEP_ALIVE = 1
const LATE = 8000
/** Between two bytes of a slow client (ms): less than Timeout. */
const STEP = isFull ? 1000 : 100
/** Clients of each kind. */
const EACH = isFull ? 2 : 1
/** More than all slow clients together: one worker each with prefork and worker. */
const WORKERS = 9 * EACH + 4

const large = Buffer.alloc(16_000_000, 'large file ')
const files = { 'htdocs/large.bin': large }

/** How long (ms) something took. */
async function timed<T>(act: () => Promise<T>): Promise<{ took: number; value: T }> {
  const begun = performance.now()
  const value = await act()
  return { took: performance.now() - begun, value }
}

async function trickle(client: Client, text: string): Promise<void> {
  for (const byte of text) {
    client.send(byte)
    await sleep(STEP)
  }
}

/** Waits until a child has taken the connection and has closed it again. */
async function letGo(server: Server, port: number): Promise<void> {
  const has = (): boolean => isHeld(server.port, port)
  await until('a child to take the connection', has)
  await until('it to close the connection', () => !has(), 30_000)
}

interface Case {
  readonly name: string
  /** When the server is to give up (s); undefined: it is not to. */
  readonly limit?: number
  /** @returns what came, as the case has it */
  run(server: Server): Promise<string>
}

const statusAndEnd = async (client: Client, { status }: Response): Promise<string> => {
  await client.toEnd()
  return String(status)
}

const cases: readonly Case[] = [
  { name: 'a head, a byte at a time',
    async run(server) {
      const client = await server.connect()
      await trickle(client, 'GET / HTTP/1.0\r\n\r\n')
      const { text } = await client.response()
      return text === WELCOME ? 'whole' : text
    } },
  { name: 'a body, a byte at a time',
    async run(server) {
      const client = await server.connect()
      client.send('POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nConnection: close\r\n\r\n')
      await trickle(client, 'slowly')
      return (await client.response()).text === 'slowly' ? 'whole' : 'other'
    } },
  { name: 'half a head and no more', limit: TIMEOUT,
    async run(server) {
      const client = await server.connect()
      return statusAndEnd(client, await client.send('GET / HTTP/1.1\r\nHo').response())
    } },
  { name: 'half a body and no more, to a handler', limit: TIMEOUT,
    async run(server) {
      const client = await server.connect()
      client.send('POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nslo')
      return statusAndEnd(client, await client.response())
    } },
  { name: 'connected, and not a word', limit: TIMEOUT,
    async run(server) {
      const client = await server.connect()
      return (await client.toEnd()).toString() === '' ? 'closed' : 'answered'
    } },
  { name: 'silent after an answer', limit: KEEP_ALIVE,
    async run(server) {
      const client = await server.connect()
      await client.get('/').response()
      return (await client.toEnd()).toString() === '' ? 'closed' : 'answered'
    } },
  { name: 'a large answer that nobody reads', limit: TIMEOUT,
    async run(server) {
      const client = await server.connect()
      client.socket.pause()
      client.get('/large.bin')
      await letGo(server, client.socket.localPort!)
      return 'closed'
    } },
  { name: 'a large answer, read a byte at a time', limit: TIMEOUT,
    async run(server) {
      // The window opens a little only when much was read: for the server this is not reading at all.
      const socket = connect({
        port: server.port, host: '127.0.0.1',
        onread: { buffer: Buffer.alloc(1), callback: () => {
          setTimeout(() => socket.resume(), STEP)
          return false
        } },
      })
      await new Promise((done) => socket.once('connect', done))
      socket.on('error', () => undefined)
      socket.write('GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n')
      await letGo(server, socket.localPort!)
      socket.destroy()
      return 'closed'
    } },
]

const EXPECTED = ['whole', 'whole', '408', '408', 'closed', 'closed', 'closed', 'closed']

for (const variant of variants('worker')) {
  t.test(`${variant}: slow clients`, async (t) => {
    const server = await startServer(t, {
      variant, files, workers: WORKERS, // A small send buffer: the kernel says at once that there is room, not only when a megabyte is gone.
      conf: `Timeout ${TIMEOUT}\nKeepAliveTimeout ${KEEP_ALIVE}\nSendBufferSize 65536\n`,
    })
    await untilWhole(server, {
      variant, children: variant === 'prefork' ? WORKERS : 1, threads: variant === 'prefork' ? 1 : WORKERS,
    })
    const socketsOf = (): number => server.children().reduce((sum, pid) => sum + (descriptorsOf(pid)['socket'] ?? 0), 0)
    const before = socketsOf()
    const kinds = withoutFiles(descriptorsOf(server.children()[0]!))
    const load: Load = { ledger: new Ledger(), address: server.site, over: false }
    const others = Promise.all([
      ride(load, { asks: [{ path: '/', status: 200, body: Buffer.from(WELCOME) }, { path: '/thread', status: 200 }], each: 20 }),
      readSlowly(load, '/large.bin', large, large.length / 2),
    ])
    const times = await Promise.all(cases.flatMap((one, n) => Array.from({ length: EACH }, async () => {
      const { took, value } = await timed(() => one.run(server))
      t.equal(value, EXPECTED[n], one.name)
      if (one.limit !== undefined) {
        t.ok(took > one.limit * 1000 - 200, `${one.name}: not before its time (${took.toFixed(0)} ms of ${one.limit} s)`)
        t.ok(took < one.limit * 1000 + LATE, `${one.name}: given up (after ${took.toFixed(0)} ms of ${one.limit} s)`)
      }
      return `${one.name}: ${value} after ${(took / 1000).toFixed(2)} s`
    })))
    load.over = true
    await others
    const { ledger } = load
    figure(t, 'slow', `${variant}: Timeout ${TIMEOUT}, KeepAliveTimeout ${KEEP_ALIVE}; others meanwhile: ${ledger.toString()}`)
    for (const text of times.filter((_, n) => n % EACH === 0)) figure(t, 'slow', `${variant}:   ${text}`)
    // A client that was kept from sending for longer than KeepAliveTimeout finds its connection ended.
    const faults = ledger.faults.filter(({ outcome, idle }) => outcome !== 'lost' || idle < KEEP_ALIVE * 700)
    t.same(faults, [], `${ledger.sent} requests of others were answered meanwhile`)
    await until('all descriptors to be closed', () => socketsOf() === before, 20_000).catch(() => undefined)
    t.equal(socketsOf(), before, 'no connection is left')
    t.same(withoutFiles(descriptorsOf(server.children()[0]!)), kinds, 'nor anything else')
    t.notMatch(server.errorLog, /:(crit|alert|emerg)\]|SY00001/, 'nothing grave in the log')
  })
}
