/**
 * What the connections of one thread wait for, by number: for the status page of an MPM whose threads hold many. It is
 * counted in the thread's own memory and told to the scoreboard once per turn, and only what has changed.
 */
import { Next, type Conn, type ProcessRow } from 'httpd'

/** States by number. 0: none, because somebody is at work for it. */
const FIELDS = ['waitIo', 'keepAlive', 'writing', 'closing', 'suspended'] as const
const NONE = 0, WAIT_IO = 1, KEEP_ALIVE = 2, WRITING = 3, CLOSING = 4, SUSPENDED = 5

const STATES: readonly number[] = (() => {
  const states: number[] = []
  states[Next.read] = WAIT_IO
  states[Next.idle] = KEEP_ALIVE
  states[Next.write] = WRITING
  states[Next.suspend] = SUSPENDED
  states[Next.linger] = CLOSING
  states[Next.close] = NONE
  states[Next.handover] = NONE
  return states
})()

/** The state of a connection that waits for `next`. */
export const waitOf = (conn: Conn, next: Next): number =>
  // Before its first request a connection is no kept one.
  next === Next.idle && conn.keepalives === 0 ? WAIT_IO : STATES[next]!

export class Waits {
  readonly #process: ProcessRow
  readonly #counts = new Int32Array(FIELDS.length + 1)
  readonly #told = new Int32Array(FIELDS.length + 1)

  constructor(process: ProcessRow) {
    this.#process = process
  }

  /** A connection goes from one state to another. */
  change(from: number, to: number): void {
    this.#counts[from]!--
    this.#counts[to]!++
  }

  tell(): void {
    const counts = this.#counts, told = this.#told
    for (let state = 1; state < counts.length; state++) {
      const by = counts[state]! - told[state]!
      if (by === 0) continue
      this.#process.add(FIELDS[state - 1]!, by)
      told[state] = counts[state]!
    }
  }
}
