/**
 * The queue between event's listener and the crew: requests that need a thread
 * which may block, in memory that all threads of the process share. One
 * producer, any number of consumers, first come first served.
 *
 *   header   TAIL: ticket of the next job to take   HEAD: of the next to come   WAITING   FINISHING
 *   threads  a word each: the ticket, plus one, of the job that the thread is about to take; 0: none
 *   slot     LAP FD KEEPALIVES PORT ADDRESS_LENGTH UNREAD_LENGTH | address | unread bytes
 *
 * Jobs are numbered by tickets; ticket t stands in slot t mod slots. LAP is even while the slot is free for the
 * ticket of that lap and odd while it is filled, so that a thread which slept in the middle of taking cannot mistake
 * a later job for its own. A job is taken by whoever moves TAIL past it.
 */
import type { Endpoint, Fd } from 'httpd'

const HEADER_WORDS = 16
const TAIL = 0, HEAD = 1, WAITING = 2, FINISHING = 3
const SLOT_WORDS = 8
const LAP = 0, FD = 1, KEEPALIVES = 2, PORT = 3, ADDRESS_LENGTH = 4, UNREAD_LENGTH = 5
const ADDRESS_BYTES = 64
/** Room for the unread bytes of one request: a head as large as the limits allow. Untouched pages cost nothing. */
const UNREAD_BYTES = 1024 * 1024
const SLOT_BYTES = ADDRESS_BYTES + UNREAD_BYTES
/** Tickets begin anew after this many; a power of two, as the number of slots is, so that slots go on in turn. */
const TICKETS = 2 ** 30
const LAST_TICKET = TICKETS - 1

/** Of the word of the port: Endpoint.introduced. */
const INTRODUCED = 1 << 16

/** No job is there. */
export const NO_TICKET = -1

/** A connection on its way to a thread. */
export interface Job {
  readonly fd: Fd
  readonly keepalives: number
  readonly peer: Endpoint
  readonly unread: Uint8Array
}

/** What lies in shared memory: how many slots (rounded up to a power of two) and threads. */
export interface QueueShape {
  readonly slots: number
  readonly threads: number
}

const slotsOf = ({ slots }: QueueShape): number => 2 ** Math.ceil(Math.log2(slots))

export class CrewQueue {
  readonly #words: Int32Array
  readonly #bytes: Buffer
  readonly #slots: number
  readonly #slotsAt: number
  readonly #dataAt: number

  constructor(memory: SharedArrayBuffer, shape: QueueShape) {
    this.#slots = slotsOf(shape)
    this.#slotsAt = HEADER_WORDS + shape.threads
    this.#words = new Int32Array(memory, 0, this.#slotsAt + this.#slots * SLOT_WORDS)
    this.#bytes = Buffer.from(memory)
    this.#dataAt = 4 * this.#words.length
  }

  static memory(shape: QueueShape): SharedArrayBuffer {
    const words = HEADER_WORDS + shape.threads + slotsOf(shape) * SLOT_WORDS
    return new SharedArrayBuffer(4 * words + slotsOf(shape) * SLOT_BYTES)
  }

  /** True if a request with so many unread bytes can be queued at all. */
  static fits(unread: number): boolean {
    return unread <= UNREAD_BYTES
  }

  // Producer

  /** False: no slot is free; `read` answers true once there is room again. */
  offer(job: Job): boolean {
    if (this.#put(job)) return true
    Atomics.store(this.#words, WAITING, 1)
    // The crew may have made room just before it could see that somebody waits: then nobody will tell.
    if (!this.#put(job)) return false
    Atomics.store(this.#words, WAITING, 0)
    return true
  }

  #put(job: Job): boolean {
    const words = this.#words
    const ticket = Atomics.load(words, HEAD)
    const at = this.#at(ticket)
    if (Atomics.load(words, at + LAP) !== this.#lap(ticket)) return false
    const data = this.#dataOf(ticket)
    words[at + FD] = job.fd
    words[at + KEEPALIVES] = job.keepalives
    words[at + PORT] = job.peer.port | (job.peer.introduced === true ? INTRODUCED : 0)
    words[at + ADDRESS_LENGTH] = this.#bytes.write(job.peer.address, data, ADDRESS_BYTES, 'latin1')
    words[at + UNREAD_LENGTH] = job.unread.length
    this.#bytes.set(job.unread, data + ADDRESS_BYTES)
    Atomics.store(words, HEAD, (ticket + 1) & LAST_TICKET)
    Atomics.store(words, at + LAP, this.#lap(ticket) + 1)
    return true
  }

  /** Changes with each job that is taken. */
  get taken(): number {
    return Atomics.load(this.#words, TAIL)
  }

  /** Jobs that nobody has taken yet; as of some moment of the call. */
  get length(): number {
    return (Atomics.load(this.#words, HEAD) - Atomics.load(this.#words, TAIL)) & LAST_TICKET
  }

  // Consumers

  /**
   * Takes the oldest job. `read` must follow.
   * @param thread who takes it
   * @returns its ticket, or NO_TICKET
   */
  reserve(thread: number): number {
    const words = this.#words
    for (;;) {
      const ticket = Atomics.load(words, TAIL)
      if (Atomics.load(words, this.#at(ticket) + LAP) !== this.#lap(ticket) + 1) {
        if (Atomics.load(words, TAIL) !== ticket) continue
        Atomics.store(words, HEADER_WORDS + thread, 0)
        return NO_TICKET
      }
      // Said before it is done: whoever looks after a lost thread finds out what it had taken and not yet read.
      Atomics.store(words, HEADER_WORDS + thread, ticket + 1)
      if (Atomics.compareExchange(words, TAIL, ticket, (ticket + 1) & LAST_TICKET) === ticket) return ticket
    }
  }

  /**
   * Reads a job that was reserved, and frees its slot.
   * @param use gets the request; its unread bytes are in shared memory until it returns
   * @param onRoom called if the producer waits for free slots and has enough of them now
   */
  read<T>(thread: number, ticket: number, use: (job: Job) => T, onRoom: () => void): T {
    const words = this.#words
    const at = this.#at(ticket)
    const data = this.#dataOf(ticket)
    const unreadAt = data + ADDRESS_BYTES
    const used = use({
      fd: words[at + FD]!,
      keepalives: words[at + KEEPALIVES]!,
      peer: {
        address: this.#bytes.toString('latin1', data, data + words[at + ADDRESS_LENGTH]!),
        port: words[at + PORT]! & ~INTRODUCED,
        ...((words[at + PORT]! & INTRODUCED) !== 0 && { introduced: true }),
      },
      unread: this.#bytes.subarray(unreadAt, unreadAt + words[at + UNREAD_LENGTH]!),
    })
    this.#free(ticket)
    Atomics.store(words, HEADER_WORDS + thread, 0)
    // Not for each slot: the producer would be woken for every job.
    if (Atomics.load(words, WAITING) === 1 && this.#hasRoom() && Atomics.compareExchange(words, WAITING, 1, 0) === 1) onRoom()
    return used
  }

  get empty(): boolean {
    const words = this.#words
    for (;;) {
      const ticket = Atomics.load(words, TAIL)
      if (Atomics.load(words, this.#at(ticket) + LAP) === this.#lap(ticket) + 1) return false
      if (Atomics.load(words, TAIL) === ticket) return true
    }
  }

  /**
   * Producer, after a thread is no more and before another one takes its number.
   * @returns the ticket that it was about to take, or NO_TICKET; `reclaim` tells what became of that
   */
  forget(thread: number): number {
    return Atomics.exchange(this.#words, HEADER_WORDS + thread, 0) - 1
  }

  /**
   * Producer: the connection whose job a lost thread had taken and not read.
   * @param ticket what `forget` has answered
   * @returns its descriptor; undefined: there is none; 'later': another thread is just taking that job or it was the
   * lost one's, which shows when the other goes on
   */
  reclaim(ticket: number): Fd | undefined | 'later' {
    const words = this.#words
    const at = this.#at(ticket)
    const filled = Atomics.load(words, at + LAP) === this.#lap(ticket) + 1
    if (!filled || Atomics.load(words, TAIL) === ticket) return undefined
    for (let thread = HEADER_WORDS; thread < this.#slotsAt; thread++)
      if (Atomics.load(words, thread) === ticket + 1) return 'later'
    const fd = words[at + FD]!
    this.#free(ticket)
    return fd
  }

  /** The child is to finish: the crew's answers end their connections. */
  get finishing(): boolean {
    return Atomics.load(this.#words, FINISHING) === 1
  }

  finish(): void {
    Atomics.store(this.#words, FINISHING, 1)
  }

  #free(ticket: number): void {
    Atomics.store(this.#words, this.#at(ticket) + LAP, this.#lap((ticket + this.#slots) & LAST_TICKET))
  }

  #hasRoom(): boolean {
    return 2 * this.length <= this.#slots
  }

  #at(ticket: number): number {
    return this.#slotsAt + (ticket & (this.#slots - 1)) * SLOT_WORDS
  }

  #dataOf(ticket: number): number {
    return this.#dataAt + (ticket & (this.#slots - 1)) * SLOT_BYTES
  }

  // Of a free slot; one more while it is filled.
  #lap(ticket: number): number {
    return 2 * Math.floor(ticket / this.#slots)
  }
}
