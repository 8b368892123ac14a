/* Looking at processes from outside, through /proc, and waiting for what they do. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // The process or thread has just ended.
    return undefined
  }
}

/** State letter and parent of a process; undefined if there is none. */
function statOf(pid: number): { state: string; parent: number } | undefined {
  // The second field, the name in parentheses, may hold anything.
  const [state, parent] = textOf(`/proc/${pid}/stat`)?.replace(/^.*\) /s, '').split(' ') ?? []
  return state === undefined ? undefined : { state, parent: Number(parent) }
}

/** True if a process runs; one that has ended and waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  const stat = statOf(pid)
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X'
}

/** Process ids of the children of a process, in order. */
export function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
  return all.filter((child) => statOf(child)?.parent === pid && isAlive(child)).sort((a, b) => a - b)
}

/** True if a process has a handler for a signal (`Cgt`), or ignores it (`Ign`). */
export function isSignal(pid: number, signal: number, how: 'Cgt' | 'Ign'): boolean {
  const mask = new RegExp(`^Sig${how}:\\t([0-9a-f]+)$`, 'm').exec(textOf(`/proc/${pid}/status`) ?? '')?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
}

/** Names of the threads of a process, as `ps -L` shows them. */
export function threadNames(pid: number): string[] {
  const tasks = readdirSync(`/proc/${pid}/task`)
  return tasks.map((task) => textOf(`/proc/${pid}/task/${task}/comm`)?.trimEnd()).filter((name) => name !== undefined)
}

/**
 * Waits until `look` answers something other than undefined or false.
 * @param limit milliseconds
 * @param every milliseconds between two looks
 * @throws Error naming `what` when the limit has passed
 */
export async function until<T>(
  what: string, look: () => T | undefined | false | Promise<T | undefined | false>, limit = 10_000, every = 15,
): Promise<T> {
  const end = performance.now() + limit
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`Waited ${limit / 1000} s in vain for ${what}`)
    await sleep(every)
  }
}

/** Sends a signal to a process that may just have ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Asks a process to end and waits for it and its children; after `patience` ms they are killed. */
export async function end(pid: number, patience = 5000): Promise<void> {
  const family = [...childrenOf(pid), pid]
  if (isAlive(pid)) signal(pid, 'SIGTERM')
  try {
    await until(`process ${pid} to end`, () => !family.some(isAlive), patience)
  } catch {
    for (const one of new Set([...family, ...childrenOf(pid)])) signal(one, 'SIGKILL')
    await until(`process ${pid} to be gone`, () => !family.some(isAlive))
  }
}
