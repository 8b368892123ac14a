/**
 * Process 1 of a container is given the children of processes that end. libuv
 * takes the exit status only of children that it has started itself: the others
 * would stay zombies for ever.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface ReaperParts {
  /** Process ids of children that have ended and wait to be reaped. */
  zombies(): readonly number[]
  /** @returns the process id, 0, or a negative errno */
  reap(pid: number): number
}

/** Looks for orphans; the caller decides how often. */
export class OrphanReaper {
  readonly #parts: ReaperParts
  #before: readonly number[] = []

  constructor(parts: ReaperParts) {
    this.#parts = parts
  }

  /**
   * Reaps the zombies that were there at the look before: our own are reaped by libuv between two turns of the event
   * loop, and who takes their status first leaves the other without it.
   * @returns how many were reaped
   */
  look(): number {
    const now = this.#parts.zombies()
    const stale = now.filter((pid) => this.#before.includes(pid))
    const reaped = stale.filter((pid) => this.#parts.reap(pid) === pid)
    this.#before = now.filter((pid) => !reaped.includes(pid))
    return reaped.length
  }
}

/** Children of a process that have ended, by /proc. */
export function zombiesOf(parent: number): number[] {
  return childrenOf(parent).filter((pid) => {
    const [state, ppid] = stat(pid)
    return state === 'Z' && Number(ppid) === parent
  })
}

// One file where the kernel has it (CONFIG_PROC_CHILDREN), else every process is looked at.
function childrenOf(parent: number): number[] {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1').split(' ').filter(Boolean).map(Number)
  } catch {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
  }
}

/** State and parent, the fields behind the name in parentheses, which may hold anything. */
function stat(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')
  } catch {
    return []
  }
}
