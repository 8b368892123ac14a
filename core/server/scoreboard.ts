/**
 * The scoreboard: a fixed table in memory that all processes share.
 *
 *   global            written by the control process
 *   per slot:
 *     slot row        written by the control process: who has the slot, and why it is finishing
 *     process row     written by the child: its connections
 *     worker rows     each written by its thread: what it does, what it has done
 *     listener row    the same for the child's main thread, where that answers requests by itself
 *
 * Each row has one writer, anybody reads, nothing is locked: a reader may see a row in the middle of a change, never
 * half a number (aligned 32- and 64-bit stores are whole on every machine that Node runs on).
 */
import type { Fd, Shared } from '../port/port.ts'

/** SERVER_* of Apache: the state of a worker, in the order of their letters. */
export const Status = {
  dead: 0, starting: 1, ready: 2, read: 3, write: 4, keepalive: 5, log: 6, dns: 7, closing: 8, graceful: 9, idleKill: 10,
} as const

/** Why a child is to end. The order is that of the numbers in shared memory. */
export const FINISH_REASONS = [
  'none', 'graceful restart', 'stop', 'more idle workers than wanted', 'MaxConnectionsPerChild', 'requests answered',
  'memory in use', 'age', 'a fault in one of its threads',
] as const
export type FinishReason = (typeof FINISH_REASONS)[number]

/** Words (32 bit) and numbers (64 bit floating point, exact up to 2^53) of each part; sizes in bytes. */
const G = {
  serverLimit: 0, threadLimit: 1, slots: 2, generation: 3, configGeneration: 4, gracefulRestarts: 5, restarts: 6, crashes: 7,
  // Behind the two numbers.
  controlPid: 12, slotsUsed: 13, threadsUsed: 14,
} as const
const GN = { startTime: 0, restartTime: 1 } as const
const S = { pid: 0, generation: 1, bucket: 2, reason: 3 } as const
const SN = { startTime: 0, finishTime: 1 } as const
const P = { quiescing: 0, notAccepting: 1, connections: 2, waitIo: 3, writing: 4, keepAlive: 5, closing: 6, suspended: 7, accepted: 8 } as const
const W = { status: 0, generation: 1, tid: 2, pid: 3, fd: 4, flags: 5 } as const
const WN = {
  accesses: 0, bytes: 1, myAccesses: 2, myBytes: 3, connAccesses: 4, connBytes: 5, startTime: 6, stopTime: 7, duration: 8, deadline: 9, lastDuration: 10,
} as const
const TEXT = { client: [0, 64], request: [64, 64], vhost: [128, 32], protocol: [160, 16], handler: [176, 32], overdue: [208, 64] } as const
/** Bits of `flags`. */
const ANSWERING = 1, ARMED = 2, TAKEN = 4

const NUMBERS_AT = 32
const GLOBAL_BYTES = 64
const SLOT_BYTES = 64
const PROCESS_BYTES = 64
const WORKER_NUMBERS_AT = 24
const WORKER_TEXT_AT = 112
const WORKER_BYTES = 384

/** Children that finish keep their slots; so that new ones never wait for these, there are more slots than ServerLimit. */
const SPARE_SLOTS_PER_SERVER = 7
const MOST_SPARE_SLOTS = 1024

/** The same memory as words, as numbers and as bytes. */
interface Cells {
  readonly words: Int32Array
  readonly numbers: Float64Array
  readonly bytes: Buffer
}

/** Common to all rows: where it stands in the cells. */
class Row {
  protected readonly cells: Cells
  protected readonly at: number

  constructor(cells: Cells, at: number) {
    this.cells = cells
    this.at = at
  }

  protected word(index: number): number {
    return Atomics.load(this.cells.words, (this.at >> 2) + index)
  }

  protected setWord(index: number, value: number): void {
    Atomics.store(this.cells.words, (this.at >> 2) + index, value)
  }
}

/** What the control process says of a slot. */
export class SlotRow extends Row {
  /** 0: nobody has the slot. */
  get pid(): number {
    return this.word(S.pid)
  }

  get generation(): number {
    return this.word(S.generation)
  }

  /** Which set of listening sockets it has (ListenCoresBucketsRatio). */
  get bucket(): number {
    return this.word(S.bucket)
  }

  get reason(): FinishReason {
    return FINISH_REASONS[this.word(S.reason)] ?? 'none'
  }

  /** ms since the epoch. */
  get startTime(): number {
    return this.#number(SN.startTime)
  }

  /** When it was told to finish, ms since the epoch; 0: it was not. */
  get finishTime(): number {
    return this.#number(SN.finishTime)
  }

  begin(pid: number, generation: number, bucket: number): void {
    this.#setNumber(SN.startTime, Date.now())
    this.#setNumber(SN.finishTime, 0)
    this.setWord(S.reason, 0)
    this.setWord(S.generation, generation)
    this.setWord(S.bucket, bucket)
    this.setWord(S.pid, pid)
  }

  finish(reason: FinishReason): void {
    this.#setNumber(SN.finishTime, Date.now())
    this.setWord(S.reason, FINISH_REASONS.indexOf(reason))
  }

  clear(): void {
    for (const word of Object.values(S)) this.setWord(word, 0)
    for (const number of Object.values(SN)) this.#setNumber(number, 0)
  }

  #number(index: number): number {
    return this.cells.numbers[((this.at + NUMBERS_AT) >> 3) + index]!
  }

  #setNumber(index: number, value: number): void {
    this.cells.numbers[((this.at + NUMBERS_AT) >> 3) + index] = value
  }
}

/** What a child says of itself. */
export class ProcessRow extends Row {
  get(field: keyof typeof P): number {
    return this.word(P[field])
  }

  /** Counts up or down, from any thread of the process. @returns the new count */
  add(field: keyof typeof P, by: number): number {
    return Atomics.add(this.cells.words, (this.at >> 2) + P[field], by) + by
  }

  set(field: keyof typeof P, value: number): void {
    this.setWord(P[field], value)
  }

  clear(): void {
    for (const word of Object.values(P)) this.setWord(word, 0)
  }
}

/** One worker: a thread of the crew, or a process without threads. */
export class WorkerRow extends Row {
  get status(): number {
    return this.word(W.status)
  }

  set status(value: number) {
    this.setWord(W.status, value)
  }

  get generation(): number {
    return this.word(W.generation)
  }

  /** Kernel id of the thread, as in ps -L. */
  get tid(): number {
    return this.word(W.tid)
  }

  get pid(): number {
    return this.word(W.pid)
  }

  /** Descriptor of the connection that a handler is answering; -1: none. Set while a deadline holds. */
  get fd(): number {
    return this.word(W.fd) - 1
  }

  set fd(value: number) {
    this.setWord(W.fd, value + 1)
  }

  /** Bytes of the answer may have left already. */
  get answering(): boolean {
    return (this.word(W.flags) & ANSWERING) !== 0
  }

  /**
   * A deadline holds from now on, or what is shown of it changes; false: none does any more. A thread that is being
   * ended does not come back from here.
   */
  arm(armed: boolean, answering: boolean): void {
    const { words } = this.cells
    const at = (this.at >> 2) + W.flags
    const now = (armed ? ARMED : 0) | (answering ? ANSWERING : 0)
    for (;;) {
      const before = Atomics.load(words, at)
      if ((before & TAKEN) === 0 && Atomics.compareExchange(words, at, before, now) === before) return
    }
  }

  /** The thread is to be ended (another thread of its process): from now on it cannot go on by itself. */
  take(): boolean {
    const { words } = this.cells
    const at = (this.at >> 2) + W.flags
    const before = Atomics.load(words, at)
    return (before & ARMED) !== 0 && Atomics.compareExchange(words, at, before, before | TAKEN) === before
  }

  /** It is not to be ended after all. */
  giveBack(): void {
    Atomics.and(this.cells.words, (this.at >> 2) + W.flags, ~TAKEN)
  }

  /**
   * Counters and times: accesses and bytes of all workers that have had the row; `my…` of this one; `conn…` of its
   * connection. Times are ms since the epoch, durations ms. `deadline` 0: none.
   */
  get(field: keyof typeof WN): number {
    return this.cells.numbers[((this.at + WORKER_NUMBERS_AT) >> 3) + WN[field]]!
  }

  set(field: keyof typeof WN, value: number): void {
    this.cells.numbers[((this.at + WORKER_NUMBERS_AT) >> 3) + WN[field]] = value
  }

  /** One character per byte. */
  text(field: keyof typeof TEXT): string {
    const [at, length] = TEXT[field]
    const from = this.at + WORKER_TEXT_AT + at
    const end = this.cells.bytes.indexOf(0, from)
    return this.cells.bytes.toString('latin1', from, end < 0 ? from + length : Math.min(end, from + length))
  }

  /** Cut to what fits. */
  setText(field: keyof typeof TEXT, text: string): void {
    const [at, length] = TEXT[field]
    const from = this.at + WORKER_TEXT_AT + at
    const written = this.cells.bytes.write(text, from, length - 1, 'latin1')
    this.cells.bytes[from + written] = 0
  }

  /** The same of a part of bytes, without a string in between. */
  setBytes(field: keyof typeof TEXT, from: Uint8Array, start: number, end: number): void {
    const [at, length] = TEXT[field]
    const { bytes } = this.cells
    const stop = Math.min(end, start + length - 1)
    let to = this.at + WORKER_TEXT_AT + at
    for (let i = start; i < stop; i++) bytes[to++] = from[i]!
    bytes[to] = 0
  }

  /** What has been answered: by all that have had the row, and by this worker. Duration in ms. */
  setCounts(accesses: number, bytes: number, duration: number, myAccesses: number, myBytes: number): void {
    const { numbers } = this.cells
    const at = (this.at + WORKER_NUMBERS_AT) >> 3
    numbers[at + WN.accesses] = accesses
    numbers[at + WN.bytes] = bytes
    numbers[at + WN.duration] = duration
    numbers[at + WN.myAccesses] = myAccesses
    numbers[at + WN.myBytes] = myBytes
  }

  /** A thread takes the row. What the one before it counted stays in the sums. */
  begin(generation: number, pid: number, tid: number): void {
    this.setWord(W.generation, generation)
    this.setWord(W.pid, pid)
    this.setWord(W.tid, tid)
    this.setWord(W.fd, 0)
    this.setWord(W.flags, 0)
    for (const field of ['myAccesses', 'myBytes', 'connAccesses', 'connBytes', 'deadline'] as const) this.set(field, 0)
  }

  /** Its thread is gone. Its last request stays to be seen, as Apache has it. */
  clear(): void {
    for (const word of [W.status, W.tid, W.pid, W.fd, W.flags]) this.setWord(word, 0)
    this.set('deadline', 0)
  }
}

/** What lays it out; fixed at the first start. */
export interface Limits {
  readonly serverLimit: number
  readonly threadLimit: number
}

/** Slots for children, those that finish included. */
export const slotsFor = (serverLimit: number): number =>
  serverLimit + Math.min(serverLimit * SPARE_SLOTS_PER_SERVER, MOST_SPARE_SLOTS)

export class Scoreboard {
  readonly serverLimit: number
  readonly threadLimit: number
  /** More than serverLimit: children that finish do not stand in the way of new ones. */
  readonly slots: number
  readonly #cells: Cells

  /** @param memory shared, zeroed when new, of `Scoreboard.bytes` size */
  constructor(memory: ArrayBuffer, serverLimit: number, threadLimit: number) {
    this.#cells = { words: new Int32Array(memory), numbers: new Float64Array(memory), bytes: Buffer.from(memory) }
    this.serverLimit = serverLimit
    this.threadLimit = threadLimit
    this.slots = slotsFor(serverLimit)
  }

  static bytes(serverLimit: number, threadLimit: number): number {
    return GLOBAL_BYTES + slotsFor(serverLimit) * slotBytes(threadLimit)
  }

  /** Over shared memory that another process made. */
  static attach(shared: Shared, fd: Fd, { serverLimit, threadLimit }: Limits): Scoreboard {
    return new Scoreboard(shared.attach(fd, Scoreboard.bytes(serverLimit, threadLimit)), serverLimit, threadLimit)
  }

  /** A generation begins: written by the control process before its first child starts. */
  describe(generation: number): void {
    const now = Date.now()
    this.setGlobal('serverLimit', this.serverLimit)
    this.setGlobal('threadLimit', this.threadLimit)
    this.setGlobal('slots', this.slots)
    this.setGlobal('generation', generation)
    this.setGlobal('configGeneration', this.global('configGeneration') + 1)
    this.setGlobal('controlPid', process.pid)
    if (this.startTime === 0) this.#cells.numbers[(NUMBERS_AT >> 3) + GN.startTime] = now
    this.#cells.numbers[(NUMBERS_AT >> 3) + GN.restartTime] = now
  }

  global(field: keyof typeof G): number {
    return Atomics.load(this.#cells.words, G[field])
  }

  /** Control process only. */
  setGlobal(field: keyof typeof G, value: number): void {
    Atomics.store(this.#cells.words, G[field], value)
  }

  get generation(): number {
    return this.global('generation')
  }

  /** When the server was started, and when it last read its configuration; ms since the epoch. */
  get startTime(): number {
    return this.#cells.numbers[(NUMBERS_AT >> 3) + GN.startTime]!
  }

  get restartTime(): number {
    return this.#cells.numbers[(NUMBERS_AT >> 3) + GN.restartTime]!
  }

  /**
   * A child with so many threads is about to have the slot (control process only). What lies beyond the highest slot
   * and the highest thread that were ever used need not be read, and reading it would cost memory.
   */
  use(slot: number, threads: number): void {
    this.setGlobal('slotsUsed', Math.max(this.global('slotsUsed'), slot + 1))
    this.setGlobal('threadsUsed', Math.max(this.global('threadsUsed'), threads))
  }

  slot(slot: number): SlotRow {
    return new SlotRow(this.#cells, this.#slotAt(slot))
  }

  process(slot: number): ProcessRow {
    return new ProcessRow(this.#cells, this.#slotAt(slot) + SLOT_BYTES)
  }

  /** @param thread 0 and up, or -1 for the main thread where it answers requests by itself (event's listener) */
  worker(slot: number, thread: number): WorkerRow {
    const index = thread < 0 ? this.threadLimit : thread
    return new WorkerRow(this.#cells, this.#slotAt(slot) + SLOT_BYTES + PROCESS_BYTES + index * WORKER_BYTES)
  }

  /** Cleans the rows of a child that is gone; its counters of answered requests stay. */
  clear(slot: number): void {
    this.slot(slot).clear()
    this.process(slot).clear()
    // Rows that nobody ever had are not touched: their memory costs nothing.
    for (let thread = -1; thread < this.global('threadsUsed'); thread++) this.worker(slot, thread).clear()
  }

  #slotAt(slot: number): number {
    return GLOBAL_BYTES + slot * slotBytes(this.threadLimit)
  }
}

const slotBytes = (threadLimit: number): number => SLOT_BYTES + PROCESS_BYTES + (threadLimit + 1) * WORKER_BYTES
