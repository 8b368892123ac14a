/*
 * What an idle connection holds: private memory of all processes with ten thousand connections that have each been
 * answered once, less what it was before. What the kernel keeps for a socket is not counted.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender, Features, Figures, Instance, Lab, Measured, Trial } from '../contract.ts'
import { memoryOf, type Memory } from '../measure/family.ts'
import { parseAnswer, probe, requestText } from '../measure/probe.ts'
import { makeDocuments } from './documents.ts'

const WANTED = 10_000
/** Descriptors besides those of connections. */
const OTHERS = 500
/** The first connections are dear: code is compiled and heaps get their size. */
const FIRST = 2000
const BATCH = 100
/** Of this server; what has no garbage varies little. */
const ROUNDS = 3
/** Milliseconds until a server has settled. */
const SETTLED = 2000
const PATH = '/small.txt'
const BYTES_PER_MIB = 1024 * 1024

const descriptorLimit = (): number => Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1])

/** A connection that has been answered once. */
function openOne(port: number, n: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
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

/** Memory that is held: garbage, where there is such a thing, is collected before. */
async function memoryHeld({ pid, place }: Instance, { collect = false }: Features): Promise<Memory> {
  if (collect) await probe(place.port, { path: '/collect', connections: 1, status: 200 })
  await sleep(SETTLED)
  return memoryOf(pid)
}

async function measure(instance: Instance, features: Features): Promise<Figures> {
  const { place: { port } } = instance
  const count = features.connections
  for (const socket of await openAll(port, Math.min(FIRST, count))) socket.destroy()
  await sleep(SETTLED)
  const before = await memoryHeld(instance, features)
  const sockets = await openAll(port, count)
  try {
    const after = await memoryHeld(instance, features)
    const lost = sockets.filter((socket) => socket.readyState !== 'open').length
    if (lost > 0) throw new Error(`${lost} of ${count} idle connections were ended by the server`)
    return { connection: ((after.private - before.private) * BYTES_PER_MIB) / count, private: after.private, pss: after.pss }
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

/** So many of Apache's threads are enough to answer a batch. */
const THREADS = 128

const featuresOf = ({ features }: Contender, connections: number): Features => ({ connections, ...features })

/** A server of its own each time: memory that it has once had for connections is not given back. */
async function measureFresh(lab: Lab, contender: Contender, count: number): Promise<Omit<Measured, 'contender'> | undefined> {
  const features = featuresOf(contender, count)
  const instance = await lab.start(contender, features)
  if (instance === undefined) return undefined
  const figures = await measure(instance, features)
  await instance.end()
  return { configuration: instance.configuration, rounds: [figures] }
}

async function run(lab: Lab): Promise<Measured[]> {
  const count = Math.min(WANTED, descriptorLimit() - OTHERS)
  if (count < WANTED) lab.note(`ulimit -n allows only ${count} connections`)
  makeDocuments(lab.documents, PATH)
  const measured = new Map<string, Measured>()
  for (let round = 0; round < Math.min(ROUNDS, lab.rounds); round++) {
    for (const contender of idle.contenders) {
      const { name, server } = contender
      if (round > 0 && server !== 'switchyard') continue
      const one = await measureFresh(lab, contender, count)
      if (one !== undefined)
        measured.set(name, { ...one, contender: name, rounds: [...measured.get(name)?.rounds ?? [], ...one.rounds] })
    }
  }
  return [...measured.values()]
}

export const idle: Trial = {
  kind: 'trial', name: 'idle', asks: `${WANTED} idle connections: private memory of each`, takes: 55,
  contenders: [
    { name: 'switchyard', server: 'switchyard', features: { collect: true } },
    { name: 'nginx', server: 'nginx' },
    { name: 'apache2', server: 'apache2', features: { workers: THREADS } },
  ],
  run,
}
