/**
 * Input of one connection. Bytes are received into the thread's buffer and used
 * there; a connection owns memory only while it has bytes that wait for more.
 */
import { Errno, type Fd, type Memory, type Port } from '../port/port.ts'

const NOTHING = Buffer.alloc(0)
/** Of no connection. */
const NOBODY = -1

/** Bytes that a connection comes with stand in the thread's buffer: its first turn must follow at once. */
export class Inlet {
  readonly #port: Port
  readonly #shared: Memory
  #fd: Fd = NOBODY
  #memory: Memory
  start = 0
  end = 0
  /** Bytes that came, or were handed over with the connection, since they were counted last. */
  #received = 0
  /** Takes what comes before the first request. @returns bytes used, 0 for more, -1 to close, undefined: there is none */
  preface: ((bytes: Buffer) => number | undefined) | undefined
  /** The beginning of it. */
  #early: Buffer = NOTHING
  /** The client sent FIN. */
  ended = false
  /** The connection is over, and the descriptor may be somebody else's by now. */
  broken = false

  constructor(port: Port, shared: Memory) {
    this.#port = port
    this.#shared = shared
    this.#memory = shared
  }

  /** It is another connection's from now on. */
  open(fd: Fd, unread?: Uint8Array): void {
    this.leave()
    this.#fd = fd
    this.#received = 0
    this.ended = this.broken = false
    if (unread === undefined || unread.length === 0) return
    if (unread.length > this.#shared.bytes.length) this.#memory = this.#port.host.memory(2 * unread.length)
    this.#memory.bytes.set(unread)
    this.end = this.#received = unread.length
  }

  /** Whatever is in it is for nobody. */
  leave(): void {
    this.#useShared()
    this.preface = undefined
    this.#early = NOTHING
  }

  /** Nothing is in it, all that came was counted, and more may come. */
  get isClear(): boolean {
    return this.#memory === this.#shared && this.start === this.end && this.#received === 0 && this.preface === undefined &&
      this.#early.length === 0 && !this.ended && !this.broken
  }

  get bytes(): Buffer {
    return this.#memory.bytes
  }

  get empty(): boolean {
    return this.start === this.end
  }

  /** Bytes that came since they were counted last. */
  get received(): number {
    return this.#received
  }

  /** How many bytes were used since this was asked for last; `all`: or came. */
  takeCount(all: boolean): number {
    const waiting = this.end - this.start
    const used = all ? this.#received : this.#received - waiting
    this.#received = waiting
    return used
  }

  /** Receives what there is. False: nothing now (or `ended`, or `broken`). */
  fill(): boolean {
    if (this.broken) return false
    if (this.start === this.end) this.#useShared()
    else if (this.end === this.#memory.bytes.length) this.#makeRoom()
    const got = this.#port.net.recv(this.#fd, this.#memory, this.end, this.#memory.bytes.length - this.end)
    if (got > 0) {
      this.end += got
      this.#received += got
      return this.preface === undefined || this.#pass(this.preface)
    }
    if (got === 0) this.ended = true
    else if (got !== -Errno.again && got !== -Errno.intr) this.broken = true
    return false
  }

  /** Before the thread turns to another connection: what is left moves to memory of its own. */
  settle(): void {
    if (this.start === this.end) {
      this.#useShared()
      return
    }
    if (this.#memory === this.#shared) this.#moveTo(Math.max(1024, 2 * (this.end - this.start)))
  }

  /** Bytes that were used and are not after all come first again. */
  putBack(bytes: Uint8Array): void {
    const rest = this.unread()
    const memory = this.#port.host.memory(bytes.length + rest.length)
    memory.bytes.set(bytes)
    memory.bytes.set(rest, bytes.length)
    this.#memory = memory
    this.start = 0
    this.end = memory.bytes.length
  }

  /** What is unread is somebody else's now. */
  clear(): void {
    this.#received -= this.end - this.start
    this.#useShared()
  }

  unread(): Uint8Array {
    return this.bytes.subarray(this.start, this.end)
  }

  // Kept apart: in the thread's buffer it would be taken for a request.
  #pass(preface: (bytes: Buffer) => number | undefined): boolean {
    const bytes = Buffer.concat([this.#early, this.unread()])
    const used = preface(bytes)
    this.#useShared()
    if (used === 0) this.#early = bytes
    else if (used === -1) this.broken = true
    else {
      this.preface = undefined
      const rest = bytes.subarray(used ?? 0)
      this.#received = rest.length
      if (rest.length > 0) this.putBack(rest)
      if (rest.length > 0) return true
    }
    return this.fill()
  }

  #useShared(): void {
    this.#memory = this.#shared
    this.start = this.end = 0
  }

  #makeRoom(): void {
    const length = this.end - this.start
    if (this.#memory !== this.#shared && this.start >= length) {
      this.bytes.copyWithin(0, this.start, this.end)
      this.start = 0
      this.end = length
    } else this.#moveTo(2 * Math.max(length, 1024))
  }

  #moveTo(size: number): void {
    const memory = this.#port.host.memory(size)
    this.bytes.copy(memory.bytes, 0, this.start, this.end)
    this.end -= this.start
    this.start = 0
    this.#memory = memory
  }
}
