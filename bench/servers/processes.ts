/*
 * Starting programs and ending them by their process ids, whatever becomes of the run. What is started is in a list
 * until it has ended; `killAll` is for the end that nobody waits for (^C, a fault).
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { familyOf, statFields } from '../measure/family.ts'

/** What make and test runners put there is not meant for the programs that are measured. */
const environment = (): NodeJS.ProcessEnv => {
  const { MAKEFLAGS: _1, MAKELEVEL: _2, MFLAGS: _3, NODE_OPTIONS: _4, WHAT: _5, ...rest } = process.env
  return rest
}

const running = new Set<number>()

/** Ends everything that was started, at once. */
export function killAll(): void {
  for (const pid of running) for (const one of familyOf(pid)) kill(one, 'SIGKILL')
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has just ended.
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^[ZX]/.test(statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))[0]!)
  } catch {
    return false
  }
}

/** Waits until `look` says yes. @param limit milliseconds @throws Error naming `what` */
export async function until(what: string, look: () => boolean | Promise<boolean>, limit: number, every = 10): Promise<void> {
  for (const end = performance.now() + limit; !(await look()); await sleep(every))
    if (performance.now() > end) throw new Error(`Waited ${limit / 1000} s in vain for ${what}`)
}

const TO_END = 10_000

/** Asks a server to end and waits until it and all that descend from it are gone; they are killed if they do not go. */
export async function end(pid: number): Promise<void> {
  const family = familyOf(pid)
  kill(pid, 'SIGTERM')
  const gone = (): boolean => !family.some(isAlive)
  await until(`process ${pid} to end`, gone, TO_END).catch(() => {
    for (const one of new Set([...family, ...familyOf(pid)])) kill(one, 'SIGKILL')
    return until(`process ${pid} to be gone`, gone, TO_END)
  })
  running.delete(pid)
}

/** A program that has been started is to be ended with the rest: for one that went into the background by itself. */
export const adopt = (pid: number): void => void running.add(pid)

export interface Finished { readonly out: string; readonly milliseconds: number }

/** Runs a program to its end. @throws Error with what it said if it fails */
export function run(program: string, words: readonly string[], directory: string): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const child = spawn(program, words, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], env: environment() })
    let [out, err] = ['', '']
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (err += text))
    child.on('error', reject)
    if (child.pid !== undefined) running.add(child.pid)
    child.on('close', (code, signal) => {
      running.delete(child.pid!)
      const milliseconds = performance.now() - begun
      if (code === 0) resolve({ out, milliseconds })
      else reject(new Error(`${program} ended with ${code ?? signal}:\n${out.slice(-1000)}${err.slice(-1000)}`))
    })
  })
}

export interface Started {
  readonly pid: number
  /** What it said and how it ended, if it has. */
  fault(): string | undefined
}

/** Starts a server in the foreground; what it says goes to `output` in its directory. */
export function start(words: readonly string[], directory: string): Started {
  const file = join(directory, 'output')
  const output = openSync(file, 'w')
  const [program, ...rest] = words
  const child: ChildProcess = spawn(program!, rest, { cwd: directory, stdio: ['ignore', output, output], env: environment() })
  closeSync(output)
  let over: string | undefined
  child.on('error', (error) => (over = error.message))
  child.on('exit', (code, signal) => (over = `it ended with ${code ?? signal}`))
  if (child.pid === undefined) throw new Error(`Cannot start ${program}`)
  running.add(child.pid)
  return { pid: child.pid, fault: () => over && `${words.join(' ')}: ${over}\n${readFileSync(file, 'latin1')}` }
}

/** Below the range from which the kernel takes the ports of clients, so that no connection of ours is in the way. */
const PORTS = { from: 20_000, to: 32_000 }

const isFree = (port: number): Promise<boolean> => new Promise((resolve) => {
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
})

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from))
    if (await isFree(port)) return port
  }
}
