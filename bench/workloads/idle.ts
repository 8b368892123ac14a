/*
 * What an idle connection holds: private memory of all processes with ten thousand connections that have each been
 * answered once, less what it was before. What the kernel keeps for a socket is not counted.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender, Features, Figures, Instance, Lab, Measured, Trial } from '../contract.ts'
import { memoryOf } from '../measure/family.ts'
import { parseAnswer, requestText } from '../measure/probe.ts'
import { makeDocuments } from './documents.ts'

const WANTED = 10_000
/** Descriptors besides those of connections. */
const OTHERS = 500
/** The first connections are dear: code is compiled and heaps get their size. */
const FIRST = 2000
const BATCH = 100
/** Milliseconds until a server has settled. */
const SETTLED = 3000
/** Ports of one client address are not enough for all that may wait in TIME_WAIT. */
const ADDRESSES = 4
const PATH = '/small.txt'
const BYTES_PER_MIB = 1024 * 1024

const descriptorLimit = (): number => Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1])

/** A connection that has been answered once. */
function openOne(port: number, n: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (n % ADDRESSES)}` })
    let text = ''
    const look = (piece: Buffer): void => {
      text += piece.toString('latin1')
      const answer = parseAnswer(text, false)
      if (answer === undefined) return
      socket.off('data', look)
      if (answer.status === 200) resolve(socket)
      else reject(new Error(`connection ${n} was answered with ${answer.status}`))
    }
    socket.on('error', reject)
    socket.on('connect', () => socket.write(requestText(port, { path: PATH, connections: 1, status: 200 })))
    socket.on('data', look)
    socket.on('close', () => reject(new Error(`connection ${n} was ended by the server`)))
  })
}

async function openAll(port: number, count: number): Promise<Socket[]> {
  const all: Socket[] = []
  while (all.length < count) {
    const size = Math.min(BATCH, count - all.length)
    all.push(...await Promise.all(Array.from({ length: size }, (_, n) => openOne(port, all.length + n))))
  }
  return all
}

async function measure({ pid, place }: Instance, count: number): Promise<Figures> {
  for (const socket of await openAll(place.port, Math.min(FIRST, count))) socket.destroy()
  await sleep(SETTLED)
  const before = memoryOf(pid).private
  const sockets = await openAll(place.port, count)
  try {
    await sleep(SETTLED)
    const after = memoryOf(pid)
    const lost = sockets.filter((socket) => socket.readyState !== 'open').length
    if (lost > 0) throw new Error(`${lost} of ${count} idle connections were ended by the server`)
    return { connection: ((after.private - before) * BYTES_PER_MIB) / count, private: after.private, pss: after.pss }
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

/** So many threads (of Apache's) are enough to answer a batch. */
const THREADS = 128

const featuresOf = ({ server }: Contender, connections: number): Features =>
  server === 'apache2' ? { connections, workers: THREADS } : { connections }

async function runOne(lab: Lab, contender: Contender, count: number): Promise<Measured | undefined> {
  const instance = await lab.start(contender, featuresOf(contender, count))
  if (instance === undefined) return undefined
  const figures = await measure(instance, count)
  await instance.end()
  return { contender: contender.name, configuration: instance.configuration, rounds: [figures] }
}

async function run(lab: Lab): Promise<Measured[]> {
  const count = Math.min(WANTED, descriptorLimit() - OTHERS)
  if (count < WANTED) lab.note(`ulimit -n allows only ${count} connections`)
  makeDocuments(lab.documents, PATH)
  const measured: (Measured | undefined)[] = []
  for (const contender of idle.contenders) measured.push(await runOne(lab, contender, count))
  return measured.filter((one) => one !== undefined)
}

export const idle: Trial = {
  kind: 'trial', name: 'idle', asks: `${WANTED} idle connections: private memory of each`, takes: 50,
  contenders: [
    { name: 'switchyard', server: 'switchyard' }, { name: 'nginx', server: 'nginx' }, { name: 'apache2', server: 'apache2' },
  ],
  run,
}
