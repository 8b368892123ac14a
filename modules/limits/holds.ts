/*
 * How many requests are under way for a key. Who counts one in writes down first that he has: when a thread or a process
 * is gone without counting out, whoever is about to refuse a request looks for what it has left behind.
 *
 *   block of the ledger: seat, thread id, then the entries that this thread has counted in (0: free)
 *
 * A row is emptied by exchanging it, so that each is counted out once, whoever does it.
 */
import { VALUE, type Hashed, type LimitsMemory } from './table.ts'

/** Who keeps a block: where a thread has its row in the scoreboard, and its kernel id. */
export interface Owner {
  /** 1 and up. */
  readonly seat: number
  readonly tid: number
}

/** Whether the thread still serves. */
export type IsAlive = (owner: Owner) => boolean

const BLOCK_WORDS = 64
const SEAT = 0, TID = 1, ROWS = 2

/** Ms between two looks for what the dead have left, of one thread. */
const LOOK_EVERY = 50

export class Holds {
  /** The entry that `hold` has asked last. */
  found = -1
  readonly #memory: LimitsMemory
  readonly #owner: Owner
  readonly #isAlive: IsAlive
  readonly #free: number[] = []
  readonly #isFree: (entry: number) => boolean
  #adopted = false
  #looked = -Infinity

  constructor(memory: LimitsMemory, owner: Owner, isAlive: IsAlive) {
    this.#memory = memory
    this.#owner = owner
    this.#isAlive = isAlive
    this.#isFree = (entry) => memory.words[entry + VALUE] === 0
  }

  /**
   * Counts a request in.
   * @param now ms since the epoch
   * @returns the row for `release`; -1: there are `most` already; -2: there is no room to count it
   */
  hold(key: Hashed, most: number, now: number): number {
    const memory = this.#memory
    const entry = memory.find(memory.holdsAt, key, this.#seconds(now), this.#isFree)
    if (entry < 0) return -2
    this.found = entry
    const row = this.#row()
    if (row < 0) {
      memory.count('uncounted')
      return -2
    }
    const { words } = memory
    // The row first: what is written there is counted out at the worst once too often, and no count falls below 0.
    Atomics.store(words, row, entry)
    if (Atomics.add(words, entry + VALUE, 1) < most) return row
    if (now - this.#looked >= LOOK_EVERY || now < this.#looked) {
      this.#looked = now
      if (this.reclaim() > 0 && Atomics.load(words, entry + VALUE) <= most) return row
    }
    this.release(row)
    return -1
  }

  /** Counts it out. */
  release(row: number): void {
    this.#empty(row)
    this.#free.push(row)
  }

  /** Counts out what threads have left behind that are gone. @returns how many requests */
  reclaim(): number {
    return this.#blocks((block, owner) => (this.#isMine(owner) || this.#isAlive(owner) ? 0 : this.#emptyBlock(block)))
  }

  #isMine({ seat, tid }: Owner): boolean {
    return seat === this.#owner.seat && tid === this.#owner.tid
  }

  #seconds(now: number): number {
    return Math.floor(this.#memory.since(now) / 1000)
  }

  #empty(row: number): boolean {
    const { words } = this.#memory
    const entry = Atomics.exchange(words, row, 0)
    if (entry === 0) return false
    for (;;) {
      const before = Atomics.load(words, entry + VALUE)
      if (before <= 0 || Atomics.compareExchange(words, entry + VALUE, before, before - 1) === before) return true
    }
  }

  #emptyBlock(block: number): number {
    let emptied = 0
    for (let row = block + ROWS; row < block + BLOCK_WORDS; row++) if (this.#empty(row)) emptied++
    return emptied
  }

  /** Blocks are given out from the first on, and stay their seat's: behind the first free one there is none. */
  #blocks(look: (block: number, owner: Owner) => number): number {
    const { words, ledgerAt, capacity } = this.#memory
    let sum = 0
    for (let block = ledgerAt; block + BLOCK_WORDS <= ledgerAt + capacity; block += BLOCK_WORDS) {
      const seat = Atomics.load(words, block + SEAT)
      if (seat === 0) break
      sum += look(block, { seat, tid: Atomics.load(words, block + TID) })
    }
    return sum
  }

  #row(): number {
    if (this.#free.length === 0) {
      if (!this.#adopted) this.#adopt()
      else this.#claim()
    }
    if (this.#free.length === 0) this.#claim()
    return this.#free.pop() ?? -1
  }

  /** What whoever had the seat before has left is this thread's. */
  #adopt(): void {
    this.#adopted = true
    this.#blocks((block, { seat }) => (seat === this.#owner.seat ? this.#have(block) : 0))
  }

  #claim(): void {
    const { words, ledgerAt, capacity } = this.#memory
    for (let block = ledgerAt; block + BLOCK_WORDS <= ledgerAt + capacity; block += BLOCK_WORDS)
      if (Atomics.compareExchange(words, block + SEAT, 0, this.#owner.seat) === 0) return void this.#have(block)
  }

  #have(block: number): number {
    Atomics.store(this.#memory.words, block + TID, this.#owner.tid)
    const emptied = this.#emptyBlock(block)
    for (let row = block + BLOCK_WORDS - 1; row >= block + ROWS; row--) this.#free.push(row)
    return emptied
  }
}
