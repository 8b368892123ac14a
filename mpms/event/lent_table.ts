/**
 * Connections that the listener has lent to the crew: some words for each
 * descriptor, in memory that the threads share.
 *
 * A connection stays in the listener's poller while a thread of the crew has
 * it: mostly nothing arrives before it is given back, and two system calls are
 * saved. If something does, the listener takes it out of the poller, and the
 * thread puts it in again.
 *
 *              lend                       giveBack
 *   (listener) ────► AWAY ──────────────────────────► n > 0 (listener)
 *                     │ disarmed    add to the poller,  ▲
 *                     └──► DISARMED ────────────────────┘
 *   AWAY, DISARMED ─ close ─► CLOSED
 */
import type { Fd } from 'httpd'

/** With the crew. */
export const AWAY = 0
/** With the crew, and no more in the listener's poller. */
export const DISARMED = -2
/** The crew has closed it. */
export const CLOSED = -1

/** HOLDER: number of the thread that has it, plus one. SINCE: when it was given back. */
const WORDS = 4
const STATE = 0, HOLDER = 1, SINCE = 2

/** Descriptors that a process may have. Untouched pages cost nothing. */
const DESCRIPTORS = 1024 * 1024

export class LentTable {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
  }

  static memory(descriptors = DESCRIPTORS): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * WORDS * descriptors)
  }

  // Listener

  /** False: the table has no word for such a descriptor. */
  fits(fd: Fd): boolean {
    return WORDS * fd < this.#words.length
  }

  /** Before the job is queued: a thread may have it at any moment after that. @param armed it is in the poller */
  lend(fd: Fd, armed: boolean): void {
    Atomics.store(this.#words, WORDS * fd + HOLDER, 0)
    Atomics.store(this.#words, WORDS * fd + STATE, armed ? AWAY : DISARMED)
  }

  /** AWAY, DISARMED, CLOSED, or how many requests have begun on a connection that was given back. */
  state(fd: Fd): number {
    return Atomics.load(this.#words, WORDS * fd + STATE)
  }

  /** After it was taken out of the poller. False: it is no more away, and in no poller. */
  disarmed(fd: Fd): boolean {
    return Atomics.compareExchange(this.#words, WORDS * fd + STATE, AWAY, DISARMED) === AWAY
  }

  /** Number of the thread that has it; -1: it is in the queue. Only while it is lent. */
  holder(fd: Fd): number {
    return Atomics.load(this.#words, WORDS * fd + HOLDER) - 1
  }

  /** When it was given back: the low 32 bits of a time in ms. */
  since(fd: Fd): number {
    return Atomics.load(this.#words, WORDS * fd + SINCE)
  }

  // Crew

  taken(fd: Fd, thread: number): void {
    Atomics.store(this.#words, WORDS * fd + HOLDER, thread + 1)
  }

  /**
   * @param at milliseconds, on a clock that listener and crew have in common
   * @param arm puts the descriptor into the listener's poller
   */
  giveBack(fd: Fd, keepalives: number, at: number, arm: (fd: Fd) => void): void {
    const words = this.#words
    Atomics.store(words, WORDS * fd + SINCE, at)
    if (Atomics.compareExchange(words, WORDS * fd + STATE, AWAY, keepalives) === AWAY) return
    // In the poller first: once the table says that it is back, the listener may close it or lend it again.
    arm(fd)
    Atomics.store(words, WORDS * fd + STATE, keepalives)
  }

  /** Before its descriptor is closed, and may be another connection's. */
  close(fd: Fd): void {
    Atomics.store(this.#words, WORDS * fd + STATE, CLOSED)
  }
}
