/** Takes a request's body off the connection's input: by Content-Length, or chunk by chunk. */
import { CHUNK_BAD, CHUNK_DATA, CHUNK_DONE, ChunkedDecoder, type ChunkLimits } from '../http/chunked.ts'
import type { HttpFault } from '../http/fault.ts'
import { dirCore } from './core_settings.ts'
import { trailersOf } from './header_table.ts'
import type { Inlet } from './inlet.ts'
import type { RequestRec } from './request_rec.ts'

export class BodyReader {
  /** Bytes still to come, for Content-Length. */
  #left: number
  readonly #chunks: ChunkedDecoder | undefined
  /** LimitRequestBody, 0 for no limit. */
  max = 0
  #total = 0
  /** What made the body unusable. */
  fault: HttpFault | undefined
  done: boolean
  /** Fields behind a chunked body as sent, CRLF between them. */
  trailers = ''
  /** Told of them (MergeTrailers). */
  onTrailers: ((text: string) => void) | undefined

  /** @param length -1 for chunked */
  constructor(length: number, limits: ChunkLimits) {
    this.#left = length
    this.#chunks = length < 0 ? new ChunkedDecoder(limits, true) : undefined
    this.done = length === 0
  }

  /** The next piece in the inlet's memory as [start, end), or undefined when more must be received first. */
  next(input: Inlet): readonly [start: number, end: number] | undefined {
    if (this.done || this.fault !== undefined || input.empty) return undefined
    return this.#chunks === undefined ? this.#counted(input) : this.#chunked(input, this.#chunks)
  }

  #counted(input: Inlet): readonly [number, number] {
    const start = input.start
    const end = Math.min(input.end, start + this.#left)
    this.#left -= end - start
    input.start = end
    this.done = this.#left === 0
    return [start, end]
  }

  #chunked(input: Inlet, decoder: ChunkedDecoder): readonly [number, number] | undefined {
    const answer = decoder.feed(input.bytes, input.start, input.end)
    input.start = decoder.at
    if (answer === CHUNK_DONE) {
      this.done = true
      this.trailers = decoder.trailers
      if (this.trailers !== '') this.onTrailers?.(this.trailers)
    }
    if (answer === CHUNK_BAD) this.fault = decoder.fault
    if (answer !== CHUNK_DATA) return undefined
    this.#total += decoder.dataEnd - decoder.dataStart
    if (this.max > 0 && this.#total > this.max) {
      this.fault = grownTooLarge(this.#total, this.max)
      return undefined
    }
    return [decoder.dataStart, decoder.dataEnd]
  }
}

/** A length above LimitRequestBody. */
export const tooLarge = (bytes: number, max: number): HttpFault => ({
  status: 413, aplogno: 'AH01588', level: 'info', note: '',
  message: `Requested content-length of ${bytes} is larger than the configured limit of ${max}`,
})

/** A chunked body turns out to be above it. */
const grownTooLarge = (bytes: number, max: number): HttpFault => ({
  ...tooLarge(bytes, max), aplogno: 'AH01591',
  message: `Read content length of ${bytes} is larger than the configured limit of ${max}`,
})

/** Why the body cannot be had; the connection ends with the answer. */
export abstract class BodyError extends Error {
  /** What is answered. */
  abstract readonly status: number
}

/** The client left before it had sent the body: nobody's fault here, and nobody to answer. */
export class ClientGone extends BodyError {
  readonly status = 400

  constructor() {
    super('the client closed the connection')
  }
}

/** The client took too long to send the body. */
export class BodyTimeout extends BodyError {
  readonly status = 408
}

/** The body cannot be used: a bad chunk, or more than LimitRequestBody. */
export class BodyFault extends BodyError {
  readonly status: number
  readonly fault: HttpFault

  constructor(fault: HttpFault) {
    super(fault.message)
    this.fault = fault
    this.status = fault.status
  }
}

/** A reader for the body that a head announces. Made before anything else: whatever answers, the body is no request. */
export function bodyOf(r: RequestRec): BodyReader {
  const { head } = r
  const body = new BodyReader(head.chunked ? -1 : head.contentLength, r.served.limits)
  if (head.chunked && r.served.settings.mergeTrailers) body.onTrailers = (text) => void (r.head.added = [...trailersOf(text)])
  return body
}

/** LimitRequestBody, once it is known where the request goes. @returns why the body is refused */
export function limitBody(r: RequestRec): HttpFault | undefined {
  const { body, head } = r
  const max = r.dir(dirCore).limitRequestBody
  if (body === undefined) return undefined
  body.max = max
  return max > 0 && head.contentLength > max ? tooLarge(head.contentLength, max) : undefined
}
