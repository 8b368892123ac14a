/**
 * Output of one connection. Bytes are gathered in the thread's buffer and leave
 * in one call; what the socket does not take is kept, copied once, until it does.
 */
import { Errno, type Fd, type Memory, type Port } from '../port/port.ts'
import type { OpenFile } from './file_cache.ts'
import type { Posted, SendBatch } from './send_batch.ts'

/**
 * The thread's output buffer: empty between connections. A handler may write to the request of another connection
 * while the buffer holds what its own has written: the bytes go to their owner before another adds to them.
 */
export class OutBuffer {
  readonly memory: Memory
  /** What leaves at the end of the turn; it stands before `start`. */
  readonly batch: SendBatch | undefined
  start = 0
  end = 0
  /** Whose the bytes are. */
  owner: Outlet | undefined
  /** Bytes that are gathered before they are sent. */
  readonly #most: number

  constructor(memory: Memory, most = memory.bytes.length, batch?: SendBatch) {
    this.memory = memory
    this.#most = most
    this.batch = batch
  }

  get room(): number {
    return this.start + this.#most - this.end
  }

  get length(): number {
    return this.end - this.start
  }

  /** What is in it was added to the batch: the next answer goes behind it. */
  pass(): void {
    this.start = this.end = (this.end + LINE - 1) & -LINE
    if (this.start + this.#most > this.memory.bytes.length || this.batch!.isFull) this.submit()
  }

  /** Sends what was put off. */
  submit(): void {
    // Nothing is written here before all that is sent from here has left or was copied.
    if (this.end === this.start) this.start = this.end = 0
    this.batch?.submit()
  }

  /** Sends what is in it to whoever it is for. */
  clear(): void {
    if (this.end > this.start) this.owner!.flush()
  }

  changeOwner(owner: Outlet): void {
    this.clear()
    this.owner = owner
  }
}

interface Segment {
  memory: Memory | undefined
  file: OpenFile | undefined
  /** Read and sent instead of sendfile (EnableSendfile Off). */
  copied: boolean
  at: number
  left: number
}

/** Of no connection. */
const NOBODY = -1
/** Answers that wait together begin on lines of their own in the processor's cache. */
const LINE = 64
/** At most this much of a file in one call, so that a fast reader does not hold up the others. */
const FILE_PIECE = 1024 * 1024

export class Outlet {
  readonly #port: Port
  readonly #buffer: OutBuffer
  #fd: Fd = NOBODY
  #waiting: Segment[] | undefined
  /** Complete answers in the buffer. */
  #held = 0
  /** Bytes that the kernel took, less those that were counted before it did. */
  #sent = 0
  /** The round of the batch in which its answer was added last. */
  #round = -1
  /** The client is gone, and the descriptor may be somebody else's by now: everything else is thrown away. */
  broken = false

  constructor(port: Port, buffer: OutBuffer) {
    this.#port = port
    this.#buffer = buffer
  }

  /** It is another connection's from now on. */
  open(fd: Fd): void {
    this.#fd = fd
    this.#held = this.#sent = 0
    this.broken = false
  }

  /** Nothing is in it or on its way. */
  get isClear(): boolean {
    const buffer = this.#buffer
    return this.#waiting === undefined && (buffer.owner !== this || buffer.length === 0) && this.#round !== buffer.batch?.round
  }

  /** So it is, and all that went was counted. */
  get isCounted(): boolean {
    return this.isClear && this.#held === 0 && this.#sent === 0 && !this.broken
  }

  /** True while the socket has not taken everything. */
  get blocked(): boolean {
    return this.#waiting !== undefined
  }

  /** How many bytes were sent since this was asked for last; those that leave at the end of the turn are. */
  takeCount(): number {
    const waiting = this.#buffer.owner === this ? this.#buffer.length : 0
    const sent = this.#sent + waiting
    this.#sent = 0 - waiting
    return sent
  }

  /** Adds text of one byte per character. */
  text(text: string): void {
    if (this.broken) return
    const buffer = this.#buffer
    if (buffer.owner !== this) buffer.changeOwner(this)
    if (text.length > buffer.room) {
      this.flush(true)
      if (text.length > buffer.room) return this.bytes(Buffer.from(text, 'latin1'))
    }
    buffer.end += buffer.memory.bytes.write(text, buffer.end, 'latin1')
  }

  bytes(bytes: Uint8Array): void {
    const buffer = this.#buffer
    if (buffer.owner !== this) buffer.changeOwner(this)
    for (let from = 0; from < bytes.length && !this.broken;) {
      if (buffer.room === 0) this.flush(true)
      const length = Math.min(buffer.room, bytes.length - from)
      buffer.memory.bytes.set(from === 0 && length === bytes.length ? bytes : bytes.subarray(from, from + length), buffer.end)
      buffer.end += length
      from += length
    }
  }

  /**
   * One more answer is complete in the buffer, and the next request has come already. True if they may leave together
   * (FlushMaxThreshold in bytes; FlushMaxPipelined in answers, negative for no limit).
   */
  mayWait(most: { readonly flushMaxThreshold: number; readonly flushMaxPipelined: number }): boolean {
    this.#held++
    return this.#buffer.length <= most.flushMaxThreshold &&
      (this.#held <= most.flushMaxPipelined || most.flushMaxPipelined < 0)
  }

  /** Adds a part of a file. The outlet holds the file until it is sent. */
  file(file: OpenFile, offset: number, length: number, copied = false): void {
    if (length === 0 || this.broken) return
    // In a segment of its own the head lets the client begin while the file is still being queued (ADR 29).
    this.flush()
    this.settle()
    const segment: Segment = { memory: undefined, file: file.hold(), copied, at: offset, left: length }
    if (this.#waiting !== undefined) this.#waiting.push(segment)
    else if (!this.#push(segment)) this.#keep(segment)
    else file.release()
  }

  /** Hands the buffer to the kernel, if what is in it is this connection's. @param more more of it follows at once */
  flush(more = false): void {
    const buffer = this.#buffer
    const { start, length } = buffer
    if (length === 0 || buffer.owner !== this) return
    this.settle()
    buffer.end = start
    this.#held = 0
    if (this.broken) return
    let took = 0
    if (this.#waiting === undefined) {
      took = this.#port.net.send(this.#fd, buffer.memory, start, length, more)
      if (took > 0) this.#sent += took
    }
    if (took !== length) this.#keepRest(took, start, length)
  }

  /**
   * As `flush`, where the end of the turn is soon enough: nothing is to follow before. Whether the socket took it shows
   * then.
   */
  post(whose: Posted): void {
    const buffer = this.#buffer
    const { batch, start, length } = buffer
    // What was posted before may have to wait for the socket, and then this has to as well.
    this.settle()
    if (batch === undefined || length === 0 || buffer.owner !== this || this.#waiting !== undefined || this.broken) return this.flush()
    this.#held = 0
    this.#sent += length
    this.#round = batch.round
    batch.add(whose, this.#fd, start, length)
    buffer.pass()
  }

  /** What was posted leaves now. */
  settle(): void {
    if (this.#round === this.#buffer.batch?.round) this.#buffer.submit()
  }

  /** The socket did not take all of what was posted. */
  fellShort(took: number, offset: number, length: number): void {
    if (this.broken) return
    this.#sent -= length - Math.max(0, took)
    this.#keepRest(took, offset, length)
  }

  // Of bytes in the buffer.
  #keepRest(took: number, offset: number, length: number): void {
    if (took < 0 && took !== -Errno.again) return this.breakOff()
    const from = Math.max(0, took)
    const memory = this.#port.host.memory(length - from)
    this.#buffer.memory.bytes.copy(memory.bytes, 0, offset + from, offset + length)
    this.#keep({ memory, file: undefined, copied: false, at: 0, left: length - from })
  }

  /** Goes on with what was kept. True when nothing is left. */
  drain(): boolean {
    const waiting = this.#waiting
    if (waiting === undefined) return true
    while (waiting.length > 0) {
      const segment = waiting[0]!
      if (!this.#push(segment)) return false
      // Giving up has released everything that waited.
      if (this.broken) return true
      segment.file?.release()
      waiting.shift()
    }
    this.#waiting = undefined
    return true
  }

  /** Gives the connection up: what is left is forgotten, what comes is thrown away. */
  breakOff(): void {
    this.settle()
    this.broken = true
    for (const segment of this.#waiting ?? []) segment.file?.release()
    this.#waiting = undefined
  }

  // True when the segment is gone (or the connection is): false when the socket is full.
  #push(segment: Segment): boolean {
    while (segment.left > 0 && !this.broken) {
      const took = this.#give(segment)
      if (took === -Errno.again) return false
      // 0 of a file: it became shorter than its Content-Length. The client must not take it for whole.
      if (took <= 0) this.breakOff()
      else {
        this.#sent += took
        segment.at += took
        segment.left -= took
        if (segment.file !== undefined && !segment.copied && segment.left > 0 && took < FILE_PIECE) return false
      }
    }
    return true
  }

  #give({ memory, file, copied, at, left }: Segment): number {
    const { net, files } = this.#port
    if (memory !== undefined) return net.send(this.#fd, memory, at, left, false)
    if (!copied) return net.sendfile(this.#fd, file!.fd, at, Math.min(left, FILE_PIECE))
    // What is in the thread's buffer may be another connection's, or come behind this file.
    this.#buffer.clear()
    const { memory: scratch } = this.#buffer
    const { start, room } = this.#buffer
    const got = files.pread(file!.fd, scratch, start, Math.min(left, room), at)
    return got <= 0 ? got : net.send(this.#fd, scratch, start, got, false)
  }

  #keep(segment: Segment): void {
    if (this.#waiting === undefined) this.#waiting = [segment]
    else this.#waiting.push(segment)
  }
}
