/*
 * Times of a server's life: from `httpd -k start` to the first answer, and from the end of its only child to an answer
 * of the next one. And the memory of a server as configure makes it, with nothing to do.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figures, Lab, Measured, Trial } from '../contract.ts'
import { aloneOf, childrenOf, memoryOf } from '../measure/family.ts'
import { probe } from '../measure/probe.ts'
import { adopt, end, freePort, run as runProgram, until } from '../servers/processes.ts'
import { switchyard } from '../servers/switchyard.ts'
import { makeDocuments } from './documents.ts'

const ONE = { name: 'switchyard', server: 'switchyard' } as const
const FEATURES = { connections: 64 } as const
const [TO_START, EVERY] = [20_000, 2]
/** Milliseconds until a server has settled. */
const SETTLED = 3000

const answers = (port: number, path: string): Promise<boolean> =>
  probe(port, { path, connections: 1, status: 200 }).then(({ status }) => status === 200, () => false)

interface Default { readonly pid: number; readonly configuration: string; readonly milliseconds: number }

/** Starts the server with the configuration that configure made, but for the port and the files that it writes. */
async function startDefault(lab: Lab): Promise<Default> {
  const home = await switchyard.home(lab.directory, FEATURES)
  const [port, directory] = [await freePort(), join(lab.directory, 'default')]
  mkdirSync(directory, { recursive: true })
  const configuration = readFileSync(join(home, 'conf/httpd.conf'), 'latin1').replace(/^Listen .*$/m, `Listen 127.0.0.1:${port}`)
    .concat(`\nServerName 127.0.0.1:${port}\nPidFile "${directory}/pid"\n`)
  writeFileSync(join(directory, 'httpd.conf'), configuration, 'latin1')
  const begun = performance.now()
  const started = runProgram(join(home, 'bin/httpd'), ['-f', join(directory, 'httpd.conf'), '-k', 'start'], directory)
  const first = until('the first answer', () => answers(port, '/'), TO_START, EVERY).then(() => performance.now() - begun)
  const [milliseconds] = await Promise.all([first, started])
  await until('the pid file', () => existsSync(join(directory, 'pid')), TO_START)
  const pid = Number(readFileSync(join(directory, 'pid'), 'latin1'))
  adopt(pid)
  return { pid, configuration, milliseconds }
}

/** Kills the only child and waits for an answer of the next. @returns milliseconds */
async function replace(pid: number, port: number): Promise<number> {
  const old = childrenOf(pid)
  const begun = performance.now()
  for (const child of old) process.kill(child, 'SIGKILL')
  await until('an answer of the next child', () => answers(port, '/small.txt'), TO_START, EVERY)
  const milliseconds = performance.now() - begun
  if (childrenOf(pid).some((child) => old.includes(child))) throw new Error('A killed child is still there')
  return milliseconds
}

async function startRounds(lab: Lab): Promise<Measured[]> {
  makeDocuments(lab.documents, '/small.txt')
  const instance = (await lab.start(ONE, FEATURES))!
  const rounds: Figures[] = []
  let configuration = ''
  for (let round = 0; round < lab.rounds; round++) {
    const server = await startDefault(lab)
    configuration = server.configuration
    await end(server.pid)
    const replaced = await replace(instance.pid, instance.place.port)
    rounds.push({ first: server.milliseconds, replaced })
    await sleep(SETTLED / 2)
  }
  return [{ contender: ONE.name, configuration: `${configuration}\nWhere children are killed:\n${instance.configuration}`, rounds }]
}

async function defaultMemory(lab: Lab): Promise<Measured[]> {
  const { pid, configuration } = await startDefault(lab)
  await sleep(SETTLED)
  const figures = { ...memoryOf(pid), alone: aloneOf(pid) }
  await end(pid)
  return [{ contender: ONE.name, configuration, rounds: [figures] }]
}

export const start: Trial = {
  kind: 'trial', name: 'start', asks: 'from -k start to the first answer; from the end of a child to the next', takes: 20,
  contenders: [ONE], run: startRounds,
}

export const defaultServer: Trial = {
  kind: 'trial', name: 'default', asks: 'memory of the server that configure makes, idle', takes: 6,
  contenders: [ONE], run: defaultMemory,
}
