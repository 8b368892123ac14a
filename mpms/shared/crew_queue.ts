/**
 * The queue between event's listener and the crew: requests that need a thread
 * which may block, in memory that all threads of the process share. One
 * producer, any number of consumers, first come first served; a bell lets one
 * thread through for each request.
 *
 *   header   HEAD: next slot to fill   TAIL: next slot to take   WAITING   FINISHING
 *   slot     STATE FD KEEPALIVES PORT ADDRESS_LENGTH UNREAD_LENGTH | address | unread bytes
 */
import type { Bell, Endpoint, Fd } from 'httpd'

const HEADER_WORDS = 16
const TAIL = 0, WAITING = 1, FINISHING = 2
const SLOT_WORDS = 8
const STATE = 0, FD = 1, KEEPALIVES = 2, PORT = 3, ADDRESS_LENGTH = 4, UNREAD_LENGTH = 5
const FREE = 0, FILLED = 1
const ADDRESS_BYTES = 64
/** Room for the unread bytes of one request: a head as large as the limits allow. Untouched pages cost nothing. */
const UNREAD_BYTES = 1024 * 1024

/** A connection on its way to a thread. */
export interface Job {
  readonly fd: Fd
  readonly keepalives: number
  readonly peer: Endpoint
  readonly unread: Uint8Array
}

/** What startThread hands to a thread of the crew. */
export interface CrewShare {
  readonly memory: SharedArrayBuffer
  readonly slots: number
  /** Rung once for each request queued. */
  readonly bell: Fd
  /** Rung by the crew when slots are free again that the listener waits for. */
  readonly room: Fd
  /** The listener's poller: a thread gives a connection back by adding it there. */
  readonly poller: Fd
  /** Requests begun on a connection given back, by descriptor; 0: the crew has closed it. */
  readonly returned: SharedArrayBuffer
}

export class CrewQueue {
  readonly #words: Int32Array
  readonly #bytes: Buffer
  readonly #slots: number
  readonly #dataAt: number
  #head = 0

  constructor(memory: SharedArrayBuffer, slots: number) {
    this.#words = new Int32Array(memory, 0, HEADER_WORDS + slots * SLOT_WORDS)
    this.#bytes = Buffer.from(memory)
    this.#slots = slots
    this.#dataAt = 4 * this.#words.length
  }

  static memory(slots: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (HEADER_WORDS + slots * SLOT_WORDS) + slots * (ADDRESS_BYTES + UNREAD_BYTES))
  }

  /** Producer. False: no slot is free (the crew will ring for room), or the bytes do not fit. */
  offer(job: Job, bell: Bell): boolean {
    const slot = this.#head % this.#slots
    const at = HEADER_WORDS + slot * SLOT_WORDS
    if (Atomics.load(this.#words, at + STATE) !== FREE) {
      Atomics.store(this.#words, WAITING, 1)
      return false
    }
    const data = this.#dataAt + slot * (ADDRESS_BYTES + UNREAD_BYTES)
    this.#words[at + FD] = job.fd
    this.#words[at + KEEPALIVES] = job.keepalives
    this.#words[at + PORT] = job.peer.port
    this.#words[at + ADDRESS_LENGTH] = this.#bytes.write(job.peer.address, data, ADDRESS_BYTES, 'latin1')
    this.#words[at + UNREAD_LENGTH] = job.unread.length
    this.#bytes.set(job.unread, data + ADDRESS_BYTES)
    this.#head++
    Atomics.store(this.#words, at + STATE, FILLED)
    bell.ring(1)
    return true
  }

  /** True if a request with so many unread bytes can be queued at all. */
  static fits(unread: number): boolean {
    return unread <= UNREAD_BYTES
  }

  /**
   * Consumer, after the bell let it through.
   * @param use gets the request; its unread bytes are in shared memory until it returns
   */
  take<T>(room: Bell, use: (job: Job) => T): T {
    const slot = (Atomics.add(this.#words, TAIL, 1) >>> 0) % this.#slots
    const at = HEADER_WORDS + slot * SLOT_WORDS
    const data = this.#dataAt + slot * (ADDRESS_BYTES + UNREAD_BYTES)
    const unreadAt = data + ADDRESS_BYTES
    const used = use({
      fd: this.#words[at + FD]!,
      keepalives: this.#words[at + KEEPALIVES]!,
      peer: {
        address: this.#bytes.toString('latin1', data, data + this.#words[at + ADDRESS_LENGTH]!),
        port: this.#words[at + PORT]!,
      },
      unread: this.#bytes.subarray(unreadAt, unreadAt + this.#words[at + UNREAD_LENGTH]!),
    })
    Atomics.store(this.#words, at + STATE, FREE)
    if (Atomics.compareExchange(this.#words, WAITING, 1, 0) === 1) room.ring(1)
    return used
  }

  /** The child is to finish: the crew's answers end their connections. */
  get finishing(): boolean {
    return Atomics.load(this.#words, FINISHING) === 1
  }

  finish(): void {
    Atomics.store(this.#words, FINISHING, 1)
  }
}
