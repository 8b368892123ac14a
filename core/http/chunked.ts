// The chunked transfer coding, both ways (RFC 9112 section 7.1).
//
// One rule: the decoder copies nothing. It answers where in the caller's bytes the next piece of body lies; the state
// between two pieces of input is a handful of numbers.

import { COLON, CR, HEX, isBlank, LF, SP, TOKEN } from './bytes.ts'
import type { HttpFault } from './fault.ts'

/** All input is used up. */
export const CHUNK_MORE = 0
/** dataStart and dataEnd say where a piece of body lies. */
export const CHUNK_DATA = 1
/** The body is complete; what follows `at` belongs to the next request. */
export const CHUNK_DONE = 2
/** The coding is broken: fault says how. */
export const CHUNK_BAD = 3
export type ChunkAnswer = typeof CHUNK_MORE | typeof CHUNK_DATA | typeof CHUNK_DONE | typeof CHUNK_BAD

export interface ChunkLimits {
  /** LimitRequestLine: longest size line with its extensions and its end, bytes. */
  readonly line: number
  /** LimitRequestFields for trailers, 0 unlimited. */
  readonly fields: number
  /** LimitRequestFieldSize for trailers. */
  readonly fieldSize: number
}

/** Bytes of trailers that are kept. */
const MOST_KEPT = 8192

/** Blanks that may follow the size. */
const MAX_BLANKS = 10

const SIZE_FIRST = 0, SIZE = 1, BLANKS = 2, EXTENSION = 3, SIZE_LF = 4, DATA = 5, DATA_CR = 6, DATA_LF = 7
const TRAILER_FIRST = 8, TRAILER_NAME = 9, TRAILER_VALUE = 10, TRAILER_LF = 11, LAST_LF = 12, DONE = 13, FAILED = 14

const FAULTS = {
  syntax: { status: 400, message: 'Error reading/parsing chunk', aplogno: 'AH01590', level: 'info', note: '' },
  overflow: {
    status: 413, message: 'Error reading/parsing chunk (overflow)', aplogno: 'AH01590', level: 'info', note: '',
  },
  trailer: {
    status: 400, message: 'Error while reading HTTP trailer: 400', aplogno: 'AH02656', level: 'info', note: '',
  },
} as const satisfies Record<string, HttpFault>

/** A push decoder. Feed it until it answers CHUNK_MORE, CHUNK_DONE or CHUNK_BAD. */
export class ChunkedDecoder {
  /** Offset behind the last byte used. */
  at = 0
  dataStart = 0
  dataEnd = 0
  fault: HttpFault | undefined = undefined
  /** Trailer fields as sent, CRLF between them, when keepTrailers is set (MergeTrailers, log items); else empty. */
  trailers = ''
  private readonly limits: ChunkLimits
  private readonly keepTrailers: boolean
  private state: number = SIZE_FIRST
  private left = 0
  private length = 0
  private blanks = 0
  private fields = 0

  constructor(limits: ChunkLimits, keepTrailers = false) {
    this.limits = limits
    this.keepTrailers = keepTrailers
  }

  get isDone(): boolean {
    return this.state === DONE
  }

  /**
   * Goes on at bytes [start, end). Call again with start = `at` after CHUNK_DATA.
   * After CHUNK_DONE and CHUNK_BAD the answer stays the same and nothing is used.
   */
  feed(bytes: Buffer, start: number, end: number): ChunkAnswer {
    this.at = start
    while (this.at < end) {
      if (this.state === DATA) return this.takeData(end)
      if (this.state === DONE) return this.finish()
      if (this.state === FAILED) return CHUNK_BAD
      // Whatever the limits on fields allow, what is kept for somebody who may ask is bounded.
      if (this.keepTrailers && this.state >= TRAILER_FIRST && this.trailers.length < MOST_KEPT) this.trailers += String.fromCharCode(bytes[this.at]!)
      this.state = this.state < TRAILER_FIRST ? this.stepSize(bytes[this.at]!) : this.stepTrailer(bytes[this.at]!)
      this.at++
    }
    if (this.state === DONE) return this.finish()
    return this.state === FAILED ? CHUNK_BAD : CHUNK_MORE
  }

  private finish(): ChunkAnswer {
    this.trailers = this.trailers.replace(/(?:\r\n)+$/, '')
    return CHUNK_DONE
  }

  private takeData(end: number): ChunkAnswer {
    const size = Math.min(this.left, end - this.at)
    this.dataStart = this.at
    this.at = this.dataEnd = this.at + size
    this.left -= size
    if (this.left === 0) this.state = DATA_CR
    return CHUNK_DATA
  }

  private fail(fault: HttpFault): number {
    this.fault = fault
    return FAILED
  }

  /** One byte of a size line or of the line end behind a chunk. @returns the next state. */
  private stepSize(byte: number): number {
    switch (this.state) {
      case DATA_CR: return byte === CR ? DATA_LF : this.fail(FAULTS.syntax)
      case DATA_LF: return byte === LF ? this.beginSize() : this.fail(FAULTS.syntax)
      case SIZE_LF: return byte === LF ? this.endSize() : this.fail(FAULTS.syntax)
      case SIZE_FIRST: return HEX[byte]! < 16 ? this.addDigit(byte) : this.fail(FAULTS.syntax)
      case SIZE: if (HEX[byte]! < 16) return this.addDigit(byte)
    }
    // As Apache counts, the line end belongs to the line.
    if (++this.length > (byte === CR ? this.limits.line - 1 : this.limits.line)) return this.fail(FAULTS.overflow)
    if (byte === CR) return SIZE_LF
    if (this.state === EXTENSION) return isControl(byte) ? this.fail(FAULTS.syntax) : EXTENSION
    if (byte === 0x3b) return EXTENSION
    if (isBlank(byte) && ++this.blanks <= MAX_BLANKS) return BLANKS
    return this.fail(FAULTS.syntax)
  }

  private beginSize(): number {
    this.left = this.length = this.blanks = 0
    return SIZE_FIRST
  }

  private addDigit(byte: number): number {
    this.left = this.left * 16 + HEX[byte]!
    if (this.left > Number.MAX_SAFE_INTEGER || ++this.length > this.limits.line) return this.fail(FAULTS.overflow)
    return SIZE
  }

  private endSize(): number {
    this.length = 0
    return this.left === 0 ? TRAILER_FIRST : DATA
  }

  /** One byte behind the last chunk. Trailers are checked like header fields (folding is not accepted). */
  private stepTrailer(byte: number): number {
    if (this.state === LAST_LF) return byte === LF ? DONE : this.fail(FAULTS.trailer)
    if (this.state === TRAILER_LF) return byte === LF ? this.endTrailer() : this.fail(FAULTS.trailer)
    if (this.state === TRAILER_FIRST && byte === CR) return LAST_LF
    if (this.state === TRAILER_VALUE && byte === CR) return TRAILER_LF
    if (++this.length > this.limits.fieldSize + 1) return this.fail(FAULTS.trailer)
    if (this.state === TRAILER_VALUE) return isControl(byte) ? this.fail(FAULTS.trailer) : TRAILER_VALUE
    if (this.state === TRAILER_NAME && byte === COLON) return TRAILER_VALUE
    if (this.state === TRAILER_FIRST && this.limits.fields !== 0 && ++this.fields > this.limits.fields) {
      return this.fail(FAULTS.trailer)
    }
    return TOKEN[byte] === 1 ? TRAILER_NAME : this.fail(FAULTS.trailer)
  }

  private endTrailer(): number {
    this.length = 0
    return TRAILER_FIRST
  }
}

function isControl(byte: number): boolean {
  return (byte < SP && byte !== 0x09) || byte === 0x7f
}

/** The line before a chunk of `size` bytes; CRLF follows the chunk. */
export function chunkHead(size: number): string {
  return `${size.toString(16)}\r\n`
}

/** What stands between a chunk's bytes and the next size line. */
export const CHUNK_TAIL = '\r\n'

/** The last chunk and the end of an empty trailer section. */
export const LAST_CHUNK = '0\r\n\r\n'
