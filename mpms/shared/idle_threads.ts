/**
 * Which threads of a crew rest: a bit each, in memory that they share with the
 * thread that has work for them. Two maps: of those that hold nothing, and of
 * those that still have connections which wait (for room in a socket, for a
 * promise); these are woken last, since a handler that blocks would stop them.
 *
 * How no wake-up is lost: who brings work queues it and then claims a bit; a
 * thread sets its bit and then looks at the queue once more. Whichever is
 * later sees what the other did.
 *
 * How few are made in vain: at most one thread is on its way at any time. Once
 * it has taken its work, and before it begins with it, it wakes the next one if
 * more is queued. So threads come as long as there is work for them, and a few
 * jobs that one thread does in passing do not wake them all.
 *
 * The lowest number is woken first, always: as many threads as there is work
 * for stay warm, the others sleep on. (A stack would do the same with more
 * steps, and a thread that finds work by itself would have to leave its middle.)
 */
const BITS = 32
/** The first word: 1 while a thread is on its way; then the two maps. */
const WAKING = 0
const MAPS = 1

export class IdleThreads {
  readonly #words: Int32Array
  /** Words of one map. */
  readonly #size: number

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#size = (this.#words.length - MAPS) / 2
  }

  static memory(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (MAPS + 2 * Math.ceil(threads / BITS)))
  }

  /** A thread has nothing to do. It must look at the queue once more after this. @param holding it has connections */
  rest(thread: number, holding: boolean): void {
    Atomics.or(this.#words, this.#wordOf(thread, holding), bitOf(thread))
  }

  /** It has something to do, or will look for it. @param holding as it was given to `rest` */
  rise(thread: number, holding: boolean): void {
    // If it was claimed, it is the one that was on its way.
    if (!this.#clear(thread, holding)) Atomics.store(this.#words, WAKING, 0)
  }

  /** There is work: a thread for the caller to wake; -1: one is on its way already, or all are busy. */
  wake(): number {
    if (Atomics.compareExchange(this.#words, WAKING, 0, 1) !== 0) return -1
    const thread = this.claim()
    if (thread < 0) Atomics.store(this.#words, WAKING, 0)
    return thread
  }

  /** Takes one thread that rests, whether another is on its way or not; -1: all are busy. */
  claim(): number {
    const words = this.#words
    for (let at = MAPS; at < words.length; at++) {
      for (let seen = Atomics.load(words, at); seen !== 0; seen = Atomics.load(words, at)) {
        const bit = seen & -seen
        if ((Atomics.and(words, at, ~bit) & bit) === 0) continue
        return ((at - MAPS) % this.#size) * BITS + (BITS - 1 - Math.clz32(bit))
      }
    }
    return -1
  }

  /** How many threads rest. */
  get count(): number {
    let count = 0
    for (let at = MAPS; at < this.#words.length; at++)
      for (let seen = Atomics.load(this.#words, at); seen !== 0; seen &= seen - 1) count++
    return count
  }

  /** A thread is no more, or does not come. */
  forget(thread: number): void {
    this.#clear(thread, false)
    this.#clear(thread, true)
    Atomics.store(this.#words, WAKING, 0)
  }

  // True if the bit was set.
  #clear(thread: number, holding: boolean): boolean {
    const bit = bitOf(thread)
    return (Atomics.and(this.#words, this.#wordOf(thread, holding), ~bit) & bit) !== 0
  }

  #wordOf(thread: number, holding: boolean): number {
    return MAPS + (holding ? this.#size : 0) + (thread >>> 5)
  }
}

const bitOf = (thread: number): number => 1 << (thread & (BITS - 1))
