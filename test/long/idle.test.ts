/*
 * Idle connections of event: ten thousand clients that have made one request each and keep their connections. They
 * hold no thread and under a kibibyte each, and delay nobody. What the kernel keeps for a socket is not counted.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Client } from '../support/http.ts'
import { threadNames, until } from '../support/processes.ts'
import type { Server } from '../support/server.ts'
import { descriptorsOf, privateBytes } from '../support/trial/proc.ts'
import { figure, isFull, quantile, scaled, startServer, untilWhole } from '../support/trial/trial.ts'

const THREADS = 4
/** Descriptors that the test and the server need besides those of connections. */
const OTHERS = 500
/** What an idle connection may cost (bytes of private memory). The short form is too short for it to be told. */
const ALLOWED = 1024
const BATCH = 100
/** Ports of one client address are not enough for all that may wait in TIME_WAIT from the trials before. */
const ADDRESSES = 4

const descriptorLimit = (): number => Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1])

const WANTED = scaled(10_000, 500)
const count = Math.min(WANTED, descriptorLimit() - OTHERS)

/** A connection that has been answered once. */
function openIdle(port: number, n: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (n % ADDRESSES)}`, noDelay: true })
    let came = 0
    socket.on('error', reject)
    socket.once('connect', () => socket.write('GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n'))
    socket.on('data', (bytes) => {
      came += bytes.length
      if (bytes.subarray(-END.length).equals(END)) resolve(socket)
    })
    socket.on('close', () => reject(new Error(`connection ${n} was closed after ${came} bytes`)))
  })
}

const END = Buffer.from('end of the file\n')

async function openAll(port: number, howMany: number): Promise<Socket[]> {
  const all: Socket[] = []
  while (all.length < howMany) {
    const batch = Array.from({ length: Math.min(BATCH, howMany - all.length) }, (_, n) => openIdle(port, all.length + n))
    all.push(...await Promise.all(batch))
  }
  return all
}

interface Held { readonly heapUsed: number; readonly external: number; readonly arrayBuffers: number }

/** What the listener's thread holds once its garbage is collected. */
const listenerHolds = async (server: Server): Promise<Held> => JSON.parse((await server.get('/memory')).text) as Held

/** Time (ms) of one request on a new connection. */
async function timeOfRequest(server: Server): Promise<number> {
  const begun = performance.now()
  await server.get('/small.txt')
  return performance.now() - begun
}

async function eachThreadServes(t: Test, server: Server): Promise<void> {
  const blocking = await Promise.all(Array.from({ length: THREADS }, () => server.get('/block')))
  t.equal(new Set(blocking.map(({ text }) => text)).size, THREADS, 'as many blocking requests at the same time as threads')
}

t.test(`event: ${count} idle connections`, { skip: count < 100 && 'ulimit -n is too low' }, async (t) => {
  const files = { 'htdocs/small.txt': `small ${END.toString()}` }
  const server = await startServer(t, {
    variant: 'event', files, workers: THREADS, conf: 'KeepAliveTimeout 3600\nTimeout 3600\nAsyncRequestWorkerFactor 12000\n',
  })
  await untilWhole(server, { variant: 'event', children: 1, threads: THREADS })
  const child = server.children()[0]!
  // The first connections are dear: code is compiled and the heap gets its size.
  for (const socket of await openAll(server.port, Math.min(1000, count / 2))) socket.destroy()
  // The crew is left alone until then: its heaps would shrink, later, and hide what the connections cost.
  await listenerHolds(server)
  await sleep(isFull ? 3000 : 300)
  const heldBefore = await listenerHolds(server)
  await sleep(500)
  const before = privateBytes(child)
  const descriptors = descriptorsOf(child)

  const begun = performance.now()
  const sockets = await openAll(server.port, count)
  const openedIn = performance.now() - begun
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  await sleep(isFull ? 5000 : 500)
  const after = privateBytes(child)
  const heldAfter = await listenerHolds(server)
  await sleep(500)
  const collected = privateBytes(child)
  const each = (to: number, from: number): string => ((to - from) / count).toFixed(0)
  figure(t, 'idle', `event: ${count} idle connections, opened in ${(openedIn / 1000).toFixed(1)} s; private memory ` +
    `${(before / 1e6).toFixed(1)} MB before, ${(after / 1e6).toFixed(1)} MB with them: ${each(after, before)} bytes each, ` +
    `${each(collected, before)} after a collection; heap ${each(heldAfter.heapUsed, heldBefore.heapUsed)}, outside of it ` +
    `${each(heldAfter.external, heldBefore.external)} (buffers ${each(heldAfter.arrayBuffers, heldBefore.arrayBuffers)})`)
  // The heaps of other threads may shrink meanwhile: what the listener holds is told by itself, too.
  const held = (one: Held): number => one.heapUsed + one.external
  if (isFull) {
    t.ok((after - before) / count < ALLOWED, `${each(after, before)} bytes of private memory for each`)
    t.ok((held(heldAfter) - held(heldBefore)) / count < ALLOWED, `${each(held(heldAfter), held(heldBefore))} held for each`)
  }

  const times: number[] = []
  for (let n = 0; n < 200; n++) times.push(await timeOfRequest(server))
  figure(t, 'idle', `event: a new request beside them takes ${quantile(times, 0.5).toFixed(2)} ms (median), ` +
    `${quantile(times, 0.99).toFixed(2)} ms (99 %)`)
  t.equal(threadNames(child).filter((name) => /^httpd\/\d/.test(name)).length, THREADS)
  await eachThreadServes(t, server)
  const status = await Client.open(server.site)
  t.equal((await status.get('/small.txt').response()).status, 200)
  status.close()

  t.equal(sockets.filter((socket) => socket.readyState !== 'open').length, 0, 'all of them are still open')
  const sample = sockets.filter((_, n) => n % Math.ceil(count / 100) === 0)
  const again = await Promise.all(sample.map((socket) => new Promise<boolean>((resolve) => {
    socket.on('data', (bytes) => bytes.subarray(-END.length).equals(END) && resolve(true))
    socket.on('close', () => resolve(false))
    socket.write('GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n')
  })))
  t.ok(again.every(Boolean), `${again.length} of them are answered again`)

  for (const socket of sockets) socket.destroy()
  await until('all descriptors to be closed', () => descriptorsOf(child)['socket'] === descriptors['socket'], 20_000)
  t.same(descriptorsOf(child), descriptors, 'no descriptor is left')
  const heldAtLast = await listenerHolds(server)
  await sleep(500)
  figure(t, 'idle', `event: ${(privateBytes(child) / 1e6).toFixed(1)} MB private after their end, heap ` +
    `${((heldAtLast.heapUsed - heldBefore.heapUsed) / 1e3).toFixed(0)} kB more than before`)
})
