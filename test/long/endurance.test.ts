/*
 * An hour's worth of requests in a few minutes: whatever a server answers, in a mix, over kept, new and aborted
 * connections. Once it is warm nothing may grow with the number of requests: not memory, not the heaps, not the
 * descriptors. Every few hundred thousand requests the load stops, and what is held is counted.
 */
import { existsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Client } from '../support/http.ts'
import type { Server } from '../support/server.ts'
import { MODIFIED, WELCOME } from '../support/site.ts'
import type { StaticVariant } from '../support/variants.ts'
import { Ledger } from '../support/trial/ledger.ts'
import { abort, ride, type Asked, type Load } from '../support/trial/load.ts'
import { pipeline } from '../support/trial/pipeline.ts'
import { descriptorsOf, privateBytes, withoutFiles, type Descriptors } from '../support/trial/proc.ts'
import {
  figure, isFull, quantile, scaled, startServer, untilWhole, variants, type Wanted,
} from '../support/trial/trial.ts'

const TOTAL: Readonly<Record<StaticVariant, number>> = {
  event: scaled(5_000_000, 60_000), worker: scaled(1_000_000, 20_000), prefork: scaled(1_000_000, 20_000),
}
const ROUNDS = isFull ? 20 : 3
/** Rounds before anything is compared: code is compiled, caches fill, heaps find their size. */
const WARM = isFull ? 6 : 1
const WORKERS = 8
const PIPELINES = 3
/** What a million requests may add for each process (bytes): noise of the collector, no more. */
const PRIVATE_GROWTH = 4e6
const HEAP_GROWTH = 1e6

const small = Buffer.from('small file '.repeat(90))
const large = Buffer.alloc(3_000_000, 'large file ')
const files = { 'htdocs/small.txt': small, 'htdocs/large.bin': large }
const since = `If-Modified-Since: ${MODIFIED.toUTCString()}\r\n`
const welcome: Asked = { path: '/', status: 200, body: Buffer.from(WELCOME) }
const page: Asked = { path: '/small.txt', status: 200, body: small }

/** All answered by event's listener itself. */
const quick: readonly Asked[] = [
  welcome, page, { path: '/none', status: 404 }, { path: '/small.txt', headers: since, status: 304 },
  { path: '/small.txt', headers: 'Range: bytes=10-99\r\n', status: 206, body: small.subarray(10, 100) },
  { path: '/small.txt', method: 'HEAD', status: 200 }, page,
]
/** Not all of them by the listener. */
const mixed: readonly Asked[] = [
  { path: '/thread', status: 200, body: (text) => /^\d+\/\d+\n$/.test(text) }, page,
  { path: '/echo', method: 'POST', headers: 'Content-Length: 0\r\n', status: 200, body: Buffer.alloc(0) },
  { path: '/large.bin', status: 200, body: large },
  { path: '/large.bin', headers: 'Range: bytes=1000000-1000999\r\n', status: 206, body: large.subarray(1_000_000, 1_001_000) },
]

interface Held {
  readonly requests: number
  readonly memory: number
  readonly heap: number
  readonly descriptors: Readonly<Record<number, Descriptors>>
}

/** What the threads hold that serve a connection each at the same time: all of prefork's and worker's. */
async function heapOf(server: Server): Promise<number> {
  const clients = await Promise.all(Array.from({ length: WORKERS }, () => Client.open(server.site)))
  const answers = await Promise.all(clients.map((client) => client.get('/memory').response()))
  for (const client of clients) client.close()
  return answers.reduce((sum, { text }) => sum + (JSON.parse(text) as { heapUsed: number }).heapUsed, 0) / answers.length
}

async function look(server: Server, requests: number): Promise<Held> {
  await sleep(isFull ? 1000 : 300)
  const heap = await heapOf(server)
  await sleep(300)
  const children = server.children()
  return {
    requests, heap, memory: children.reduce((sum, pid) => sum + privateBytes(pid), 0),
    descriptors: Object.fromEntries(children.map((pid) => [pid, withoutFiles(descriptorsOf(pid))])),
  }
}

/** One round: as many requests as it takes for the ledger to have `target`. */
async function load(server: Server, ledger: Ledger, target: number): Promise<void> {
  const book: Load = { ledger, address: server.site, over: false }
  const enough = (): boolean => ledger.sent >= target
  const beside = [
    ride(book, { asks: mixed, pause: () => 5 }),
    ride(book, { asks: [page, welcome, mixed[0]!], each: 1 }),
    abort(book, '/large.bin', 10),
  ]
  await Promise.all(Array.from({ length: PIPELINES }, () => pipeline(book, quick, enough)))
  book.over = true
  await Promise.all(beside)
}

// The log is part of what is tried; what it says is of no use here, and much.
function emptyLog(server: Server): void {
  const log = join(server.site.root, 'logs/access_log')
  if (existsSync(log)) truncateSync(log)
}

/** Growth by a million requests, between the median of the first rounds and that of the last ones. */
function growth(held: readonly Held[], of: (one: Held) => number): number {
  const third = Math.max(1, Math.floor(held.length / 3))
  const middle = (some: readonly Held[], value: (one: Held) => number): number => quantile(some.map(value), 0.5)
  const [first, last] = [held.slice(0, third), held.slice(-third)]
  const requests = middle(last, (one) => one.requests) - middle(first, (one) => one.requests)
  return requests === 0 ? 0 : ((middle(last, of) - middle(first, of)) / requests) * 1e6
}

function judge(t: Test, variant: StaticVariant, held: readonly Held[], children: number): void {
  const [memory, heap] = [growth(held, (one) => one.memory) / children, growth(held, (one) => one.heap)]
  const [first, last] = [held[0]!, held.at(-1)!]
  figure(t, 'endurance', `${variant}: private memory ${(first.memory / 1e6).toFixed(1)} MB when warm, ` +
    `${(last.memory / 1e6).toFixed(1)} MB at last: ${(memory / 1e3).toFixed(0)} kB a million requests and process; ` +
    `heap ${(first.heap / 1e6).toFixed(2)} MB a thread, then ${(last.heap / 1e6).toFixed(2)} MB: ${(heap / 1e3).toFixed(0)} kB a million`)
  figure(t, 'endurance', `${variant}: private memory round by round, MB: ` +
    held.map((one) => (one.memory / 1e6).toFixed(0)).join(' '))
  t.same(last.descriptors, first.descriptors, 'the same processes, and none has more descriptors')
  // In the short form the few requests after the first ones are not worth a judgement.
  if (!isFull) return
  t.ok(memory < PRIVATE_GROWTH, `private memory does not grow (${memory.toFixed(0)} bytes a million)`)
  t.ok(heap < HEAP_GROWTH, `nor does the heap (${heap.toFixed(0)} bytes a million)`)
}

for (const variant of variants('event')) {
  const total = TOTAL[variant]
  t.test(`${variant}: ${total} requests`, async (t) => {
    const server = await startServer(t, {
      variant, files, workers: WORKERS, conf: 'KeepAliveTimeout 60\nLogLevel warn\n',
    })
    const wanted: Wanted = variant === 'prefork'
      ? { variant, children: WORKERS, threads: 1 } : { variant, children: 1, threads: WORKERS }
    await untilWhole(server, wanted)
    const ledger = new Ledger()
    const held: Held[] = []
    let busy = 0
    for (let round = 1; round <= ROUNDS; round++) {
      const begun = performance.now()
      await load(server, ledger, (total / ROUNDS) * round)
      busy += performance.now() - begun
      emptyLog(server)
      if (round >= WARM) held.push(await look(server, ledger.sent))
    }
    figure(t, 'endurance', `${variant}: ${ledger.toString()}, ${(ledger.sent / busy).toFixed(1)} thousand a second`)
    t.same(ledger.faults, [], `all of ${ledger.sent} requests were answered`)
    t.equal(ledger.open, 0, 'every request is accounted for')
    judge(t, variant, held, wanted.children)
    t.notMatch(server.errorLog, /:(crit|alert|emerg)\]|SY00001/, 'nothing grave in the log')
  })
}
