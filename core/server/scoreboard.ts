/**
 * The scoreboard: a fixed table in memory that all processes share. One row
 * per process, one per worker; each row is written by its owner only, read by
 * anybody, and never locked. 32-bit words; counters are written with Atomics
 * so that a reader sees whole values.
 */
import type { Fd, Shared } from '../port/port.ts'

/** SERVER_* of Apache: the state of a worker, in the order of their letters. */
export const Status = {
  dead: 0, starting: 1, ready: 2, read: 3, write: 4, keepalive: 5, log: 6, dns: 7, closing: 8, graceful: 9, idleKill: 10,
} as const

const GLOBAL_WORDS = 16
const PROCESS_WORDS = 16
const WORKER_WORDS = 16

const G = { serverLimit: 0, threadLimit: 1, generation: 2, restarts: 3 } as const
const P = { pid: 0, generation: 1, quiescing: 2, notAccepting: 3, connections: 4, keepAlive: 5, closing: 6, writing: 7, suspended: 8, accepted: 9 } as const
const W = { status: 0, generation: 1, tid: 2, accesses: 3 } as const

/** The row of one process. */
export class ProcessRow {
  readonly #words: Int32Array
  readonly #at: number

  constructor(words: Int32Array, at: number) {
    this.#words = words
    this.#at = at
  }

  get(field: keyof typeof P): number {
    return Atomics.load(this.#words, this.#at + P[field])
  }

  /** Counts one up, from any thread of the process. @returns the new count */
  increment(field: keyof typeof P): number {
    return Atomics.add(this.#words, this.#at + P[field], 1) + 1
  }

  set(field: keyof typeof P, value: number): void {
    Atomics.store(this.#words, this.#at + P[field], value)
  }
}

/** The row of one worker: a thread of the crew, or a process without threads. */
export class WorkerRow {
  readonly #words: Int32Array
  readonly #at: number

  constructor(words: Int32Array, at: number) {
    this.#words = words
    this.#at = at
  }

  get status(): number {
    return Atomics.load(this.#words, this.#at + W.status)
  }

  set status(value: number) {
    Atomics.store(this.#words, this.#at + W.status, value)
  }

  /** One more request was answered. */
  count(): void {
    Atomics.add(this.#words, this.#at + W.accesses, 1)
  }

  get accesses(): number {
    return Atomics.load(this.#words, this.#at + W.accesses)
  }

  begin(generation: number, tid: number): void {
    Atomics.store(this.#words, this.#at + W.generation, generation)
    Atomics.store(this.#words, this.#at + W.tid, tid)
  }
}

/** What lays it out; fixed at the first start. */
export interface Limits {
  readonly serverLimit: number
  readonly threadLimit: number
}

export class Scoreboard {
  readonly serverLimit: number
  readonly threadLimit: number
  readonly #words: Int32Array

  /** @param memory shared, zeroed when new, of `Scoreboard.bytes` size */
  constructor(memory: ArrayBuffer, serverLimit: number, threadLimit: number) {
    this.#words = new Int32Array(memory)
    this.serverLimit = serverLimit
    this.threadLimit = threadLimit
  }

  static bytes(serverLimit: number, threadLimit: number): number {
    return 4 * (GLOBAL_WORDS + serverLimit * (PROCESS_WORDS + threadLimit * WORKER_WORDS))
  }

  /** Over shared memory that another process made. */
  static attach(shared: Shared, fd: Fd, { serverLimit, threadLimit }: Limits): Scoreboard {
    return new Scoreboard(shared.attach(fd, Scoreboard.bytes(serverLimit, threadLimit)), serverLimit, threadLimit)
  }

  /** Written by the control process before the first child starts. */
  describe(generation: number): void {
    Atomics.store(this.#words, G.serverLimit, this.serverLimit)
    Atomics.store(this.#words, G.threadLimit, this.threadLimit)
    Atomics.store(this.#words, G.generation, generation)
  }

  get generation(): number {
    return Atomics.load(this.#words, G.generation)
  }

  process(slot: number): ProcessRow {
    return new ProcessRow(this.#words, GLOBAL_WORDS + slot * (PROCESS_WORDS + this.threadLimit * WORKER_WORDS))
  }

  worker(slot: number, thread: number): WorkerRow {
    const row = GLOBAL_WORDS + slot * (PROCESS_WORDS + this.threadLimit * WORKER_WORDS)
    return new WorkerRow(this.#words, row + PROCESS_WORDS + thread * WORKER_WORDS)
  }

  /** Cleans the rows of a child that is gone; its counters of answered requests stay. */
  clear(slot: number): void {
    const row = this.process(slot)
    for (const field of Object.keys(P) as (keyof typeof P)[]) row.set(field, 0)
    for (let thread = 0; thread < this.threadLimit; thread++) this.worker(slot, thread).status = Status.dead
  }
}
