/**
 * The server that this thread is a part of, for modules that show it (mod_status): what the scoreboard does not say.
 */
import type { Population, Traits } from './mpm.ts'
import type { Scoreboard } from './scoreboard.ts'

export interface Running {
  readonly board: Scoreboard
  readonly traits: Traits
  readonly population: Population
  /** As the `Server:` header shows it. */
  readonly description: string
  /** When it was built, in Apache's format. */
  readonly built: string
  /** ExtendedStatus. */
  readonly extended: boolean
  /** This thread: its slot, and its number (-1 for the child's main thread). */
  readonly slot: number
  readonly thread: number
}

let here: Running | undefined

export const setRunning = (running: Running): void => void (here = running)

/** @throws Error outside of a serving thread */
export function running(): Running {
  if (here === undefined) throw new Error('Cannot tell of the running server: this thread does not serve')
  return here
}

/** Kernel id of this thread. @throws Error outside of a serving thread */
export function ownThreadId(): number {
  const { board, slot, thread, traits } = running()
  return board.worker(slot, traits.threads === 'none' ? 0 : thread).tid
}
