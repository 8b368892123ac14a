/**
 * How long the jobs of a crew take: whether it pays to wake another thread for the next one. Waking one costs some ten
 * microseconds of processor time and a change of context; a short job is better left to a thread that is awake.
 */

/** A job below this (in microseconds) is worth waiting for. */
const WORTH_A_THREAD = 100
/** What is taken for true before there were any: threads come as they are needed. */
const AT_FIRST = 8 * WORTH_A_THREAD
/** The share of a new job in the mean, as a power of two. */
const SHARE = 3
/** No job counts for more, so that one which hung is soon forgotten. */
const LONGEST = 1_000_000

export class Pace {
  readonly #mean: Int32Array

  /** @param memory one word, shared by all threads of the process; that two of them may write at once does no harm */
  constructor(memory: SharedArrayBuffer) {
    this.#mean = new Int32Array(memory)
  }

  static memory(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(4)
    new Int32Array(memory)[0] = AT_FIRST << SHARE
    return memory
  }

  /** A job took so many milliseconds. */
  took(ms: number): void {
    const us = Math.min(LONGEST, Math.round(ms * 1000))
    // Kept as a multiple of what it is: a mean of whole microseconds would not fall below its rounding.
    this.#mean[0]! += us - (this.#mean[0]! >> SHARE)
  }

  /** Jobs are over before another thread would be awake. */
  get isShort(): boolean {
    return this.#mean[0]! >> SHARE < WORTH_A_THREAD
  }
}
