/**
 * Output of one connection. Bytes are gathered in the thread's buffer and leave
 * in one call; what the socket does not take is kept, copied once, until it does.
 */
import { Errno, type Fd, type Memory, type Port } from '../port/port.ts'
import type { OpenFile } from './file_cache.ts'

/**
 * The thread's output buffer: empty between connections. A handler may write to the request of another connection
 * while the buffer holds what its own has written: the bytes go to their owner before another adds to them.
 */
export class OutBuffer {
  readonly memory: Memory
  end = 0
  /** Whose the bytes are. */
  owner: Outlet | undefined

  constructor(memory: Memory) {
    this.memory = memory
  }

  get room(): number {
    return this.memory.bytes.length - this.end
  }

  /** Sends what is in it to whoever it is for. */
  clear(): void {
    if (this.end > 0) this.owner!.flush()
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

/** At most this much of a file in one call, so that a fast reader does not hold up the others. */
const FILE_PIECE = 1024 * 1024

export class Outlet {
  readonly #port: Port
  readonly #buffer: OutBuffer
  readonly #fd: Fd
  #waiting: Segment[] | undefined
  /** Complete answers in the buffer. */
  #held = 0
  /** Bytes that the kernel took, less those that were counted before it did. */
  #sent = 0
  /** The client is gone, and the descriptor may be somebody else's by now: everything else is thrown away. */
  broken = false

  constructor(port: Port, buffer: OutBuffer, fd: Fd) {
    this.#port = port
    this.#buffer = buffer
    this.#fd = fd
  }

  /** True while the socket has not taken everything. */
  get blocked(): boolean {
    return this.#waiting !== undefined
  }

  /** How many bytes were sent since this was asked for last; those that leave at the end of the turn are. */
  takeCount(): number {
    const waiting = this.#buffer.owner === this ? this.#buffer.end : 0
    const sent = this.#sent + waiting
    this.#sent = -waiting
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
    return this.#buffer.end <= most.flushMaxThreshold &&
      (this.#held <= most.flushMaxPipelined || most.flushMaxPipelined < 0)
  }

  /** Adds a part of a file. The outlet holds the file until it is sent. */
  file(file: OpenFile, offset: number, length: number, copied = false): void {
    if (length === 0 || this.broken) return
    this.flush(true)
    const segment: Segment = { memory: undefined, file: file.hold(), copied, at: offset, left: length }
    if (this.#waiting !== undefined) this.#waiting.push(segment)
    else if (!this.#push(segment)) this.#keep(segment)
    else file.release()
  }

  /** Hands the buffer to the kernel, if what is in it is this connection's. @param more a file follows at once */
  flush(more = false): void {
    const buffer = this.#buffer
    const end = buffer.end
    if (end === 0 || buffer.owner !== this) return
    buffer.end = this.#held = 0
    if (this.broken) return
    let from = 0
    if (this.#waiting === undefined) {
      const took = this.#port.net.send(this.#fd, buffer.memory, 0, end, more)
      if (took > 0) this.#sent += took
      if (took === end) return
      if (took < 0 && took !== -Errno.again) return this.breakOff()
      if (took > 0) from = took
    }
    const memory = this.#port.host.memory(end - from)
    buffer.memory.bytes.copy(memory.bytes, 0, from, end)
    this.#keep({ memory, file: undefined, copied: false, at: 0, left: end - from })
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
    const got = files.pread(file!.fd, scratch, 0, Math.min(left, scratch.bytes.length), at)
    return got <= 0 ? got : net.send(this.#fd, scratch, 0, got, false)
  }

  #keep(segment: Segment): void {
    if (this.#waiting === undefined) this.#waiting = [segment]
    else this.#waiting.push(segment)
  }
}
