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
 * The lowest number is woken first, always: as many threads as there is work
 * for stay warm, the others sleep on. (A stack would do the same with more
 * steps, and a thread that finds work by itself would have to leave its middle.)
 */
const BITS = 32

export class IdleThreads {
  readonly #words: Int32Array
  /** Words of one map. */
  readonly #size: number

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#size = this.#words.length / 2
  }

  static memory(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * 4 * Math.ceil(threads / BITS))
  }

  /** A thread has nothing to do. It must look at the queue once more after this. @param holding it has connections */
  rest(thread: number, holding: boolean): void {
    Atomics.or(this.#words, this.#wordOf(thread, holding), bitOf(thread))
  }

  /** It has. @param holding as it was given to `rest` @returns false: it was claimed meanwhile, and is being woken */
  rise(thread: number, holding: boolean): boolean {
    const bit = bitOf(thread)
    return (Atomics.and(this.#words, this.#wordOf(thread, holding), ~bit) & bit) !== 0
  }

  /** Takes one thread that rests, for the caller to wake; -1: all are busy. */
  claim(): number {
    const words = this.#words
    for (let at = 0; at < words.length; at++) {
      for (let seen = Atomics.load(words, at); seen !== 0; seen = Atomics.load(words, at)) {
        const bit = seen & -seen
        if ((Atomics.and(words, at, ~bit) & bit) !== 0) return (at % this.#size) * BITS + (BITS - 1 - Math.clz32(bit))
      }
    }
    return -1
  }

  /** How many threads rest. */
  get count(): number {
    let count = 0
    for (let at = 0; at < this.#words.length; at++)
      for (let seen = Atomics.load(this.#words, at); seen !== 0; seen &= seen - 1) count++
    return count
  }

  /** A thread is no more. */
  forget(thread: number): void {
    this.rise(thread, false)
    this.rise(thread, true)
  }

  #wordOf(thread: number, holding: boolean): number {
    return (holding ? this.#size : 0) + (thread >>> 5)
  }
}

const bitOf = (thread: number): number => 1 << (thread & (BITS - 1))
