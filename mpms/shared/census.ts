/**
 * How many connections are in which state, for the scoreboard: plain counters
 * of one thread, which go to the row of the process when a turn ends, and only
 * if they have changed. All threads of a process add to the same row.
 */
import { Next, type ProcessRow } from 'httpd'

/** Index of a counter; 0: counted with the connections only (it waits for nothing, or for a thread). */
export const Kind = { none: 0, waitIo: 1, writing: 2, keepAlive: 3, closing: 4, suspended: 5 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

const KINDS = 6
const FIELDS = ['connections', 'waitIo', 'writing', 'keepAlive', 'closing', 'suspended'] as const

/** What a connection that waits counts as. @param keepalives requests begun on it */
export function kindOf(next: Next, keepalives: number): Kind {
  switch (next) {
    case Next.read: return Kind.waitIo
    case Next.idle: return keepalives > 0 ? Kind.keepAlive : Kind.waitIo
    case Next.write: return Kind.writing
    case Next.suspend: return Kind.suspended
    case Next.linger: return Kind.closing
    default: return Kind.none
  }
}

export class Census {
  readonly #row: ProcessRow
  /** By kind: as it is here, and what of it the row has been told. */
  readonly #now = new Int32Array(KINDS)
  readonly #told: Int32Array
  #changed = false

  /** @param told words that outlive the thread: what it had added to the row can be taken away again */
  constructor(row: ProcessRow, told: Int32Array = new Int32Array(KINDS)) {
    this.#row = row
    this.#told = told
  }

  /** Bytes of the words that a thread's census keeps. */
  static readonly bytes = 4 * KINDS

  /** Connections of this thread that are of a kind. */
  of(kind: Kind): number {
    return this.#now[kind]!
  }

  move(from: Kind, to: Kind): void {
    this.#now[from]!--
    this.#now[to]!++
    this.#changed = true
  }

  /** A connection comes from another thread, which has told the row already. */
  inherit(kind: Kind): void {
    this.#now[Kind.none]!--
    this.#now[kind]!++
    this.#told[kind]!++
  }

  /** Tells the row what has changed. */
  flush(): void {
    if (!this.#changed) return
    this.#changed = false
    for (let kind = 1; kind < KINDS; kind++) {
      const by = this.#now[kind]! - this.#told[kind]!
      if (by === 0) continue
      this.#told[kind] = this.#now[kind]!
      this.#row.add(FIELDS[kind]!, by)
    }
  }

  /** After a thread is no more: takes away what it had told, and empties its words. */
  static takeAway(row: ProcessRow, told: Int32Array): void {
    for (let kind = 1; kind < KINDS; kind++) {
      if (told[kind] !== 0) row.add(FIELDS[kind]!, -told[kind]!)
      told[kind] = 0
    }
  }
}
