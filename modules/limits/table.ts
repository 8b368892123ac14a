/*
 * The memory that all processes of the server share for limits, as words of 32 bits:
 *
 *   header    seeds of the hash, counters, when it was made
 *   rates     CAPACITY entries: tag, theoretical arrival time, last use, last log line
 *   holds     CAPACITY entries: tag, requests under way, last use, last log line
 *   ledger    CAPACITY words in blocks: which entries of `holds` each thread has counted in
 *
 * Nothing is locked: an entry changes by compare-and-exchange, and what a process leaves half done when it is killed is
 * one entry that is forgotten like any other. An entry belongs to whoever's tag it has; it is looked for in one bucket of
 * eight, and where all eight are taken the one that has not been used for longest makes room.
 */

export const ENTRY_WORDS = 4
/** Of an entry. */
export const TAG = 0, VALUE = 1, SEEN = 2, LOGGED = 3
const WAYS = 8

/** Somebody is about to take the entry. */
const BUSY = 1
const FIRST_TAG = 2

const HEADER_WORDS = 16
const SEED_A = 0, SEED_B = 1
const COUNTERS_AT = 2
/** In 64-bit words. */
const BEGAN_AT = 7

/** What is counted, in the order of the words. */
export const COUNTERS = ['rateRefused', 'connectionsRefused', 'delayed', 'wouldRefuse', 'forgotten', 'uncounted'] as const
export type Counter = (typeof COUNTERS)[number]

/** Entries of each table. */
export const LEAST_CAPACITY = 1024
export const MOST_CAPACITY = 4 * 1024 * 1024

/** @param capacity a power of two */
export const bytesFor = (capacity: number): number => 4 * (HEADER_WORDS + capacity * (2 * ENTRY_WORDS + 1))

export class LimitsMemory {
  readonly words: Int32Array
  readonly capacity: number
  readonly ratesAt = HEADER_WORDS
  readonly holdsAt: number
  readonly ledgerAt: number
  readonly #began: number

  /** @param buffer of `bytesFor(capacity)` bytes, prepared once by `prepare` */
  constructor(buffer: ArrayBuffer, capacity: number) {
    this.words = new Int32Array(buffer)
    this.capacity = capacity
    this.holdsAt = HEADER_WORDS + capacity * ENTRY_WORDS
    this.ledgerAt = this.holdsAt + capacity * ENTRY_WORDS
    this.#began = new Float64Array(buffer, 0, HEADER_WORDS / 2)[BEGAN_AT]!
  }

  /** Of new memory, by whoever has made it. @param now ms since the epoch @param seeds that no client knows */
  static prepare(buffer: ArrayBuffer, now: number, seeds: ArrayLike<number>): void {
    const words = new Int32Array(buffer)
    words[SEED_A] = seeds[0]!
    words[SEED_B] = seeds[1]!
    // A little before: a request may have begun before its server's first look at the clock.
    new Float64Array(buffer, 0, HEADER_WORDS / 2)[BEGAN_AT] = now - 60_000
  }

  /** @param now ms since the epoch @returns ms since a little before the memory was made */
  since(now: number): number {
    return Math.max(0, now - this.#began)
  }

  count(counter: Counter): void {
    Atomics.add(this.words, COUNTERS_AT + COUNTERS.indexOf(counter), 1)
  }

  counted(counter: Counter): number {
    return Atomics.load(this.words, COUNTERS_AT + COUNTERS.indexOf(counter)) >>> 0
  }

  /**
   * Where the entry of a key is, made if there is none.
   * @param table where its entries begin
   * @param seconds now, as `since` has it
   * @param isFree whether an entry may be given to another key
   * @returns its first word; -1 if there is no room for it
   */
  find(table: number, key: Hashed, seconds: number, isFree: (entry: number) => boolean): number {
    const { words } = this
    const from = table + ((key.place & (this.capacity / WAYS - 1)) * WAYS) * ENTRY_WORDS
    const end = from + WAYS * ENTRY_WORDS
    for (let at = from; at < end; at += ENTRY_WORDS) {
      if (Atomics.load(words, at) === key.tag) {
        if (words[at + SEEN] !== seconds) words[at + SEEN] = seconds
        return at
      }
    }
    return this.#take(from, end, key.tag, seconds, isFree)
  }

  #take(from: number, end: number, tag: number, seconds: number, isFree: (entry: number) => boolean): number {
    const { words } = this
    // Another process may be quicker, once or twice.
    for (let tries = 0; tries < WAYS; tries++) {
      const at = this.#oldest(from, end, isFree)
      if (at < 0) break
      const before = Atomics.load(words, at)
      if (Atomics.compareExchange(words, at, before, BUSY) !== before) continue
      if (before !== 0) this.count('forgotten')
      words[at + VALUE] = 0
      words[at + SEEN] = seconds
      words[at + LOGGED] = 0
      Atomics.store(words, at, tag)
      return at
    }
    this.count('uncounted')
    return -1
  }

  #oldest(from: number, end: number, isFree: (entry: number) => boolean): number {
    const { words } = this
    let found = -1
    for (let at = from; at < end; at += ENTRY_WORDS) {
      if (words[at] === 0) return at
      if (isFree(at) && (found < 0 || words[at + SEEN]! < words[found + SEEN]!)) found = at
    }
    return found
  }

  /** True once in so many seconds, for one of all that ask. */
  mayLog(entry: number, seconds: number, every: number): boolean {
    // 0 is never, so the first second is 1.
    const at = seconds + 1
    const before = Atomics.load(this.words, entry + LOGGED)
    if (before !== 0 && at >= before && at - before < every) return false
    return Atomics.compareExchange(this.words, entry + LOGGED, before, at) === before
  }
}

/** A key, as the tables know it. Nothing is made of it for each request: it is read before the next one is hashed. */
export interface Hashed {
  place: number
  tag: number
}

const hashed: Hashed = { place: 0, tag: 0 }

/**
 * Two hashes with the memory's seeds: a client that does not know them cannot look for an address in the place of
 * another's.
 * @param rule number that keeps the keys of different rules apart
 */
export function hash({ words }: LimitsMemory, rule: number, text: string): Hashed {
  let a = words[SEED_A]! ^ rule
  let b = words[SEED_B]! + rule
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x85ebca6b)
    a ^= a >>> 13
    b = Math.imul((b + code) ^ (b >>> 15), 0xc2b2ae35)
  }
  hashed.place = mixed(a ^ text.length)
  const tag = mixed(b ^ Math.imul(a, 0x9e3779b1)) >>> 0
  hashed.tag = (tag < FIRST_TAG ? tag + FIRST_TAG : tag) | 0
  return hashed
}

function mixed(word: number): number {
  let h = word ^ (word >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
