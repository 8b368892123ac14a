/**
 * The other direction: responses that come compressed (INFLATE), and request bodies that do (the input filter
 * DEFLATE). One rule: whoever sends a few bytes gets no more memory and time for them than the limits say.
 */
import { createGunzip } from 'node:zlib'
import {
  BodyError, dirCore, eachPiece, FilterType, type InputFilter, type OutputFilter, type Request, type Sink, type Source,
} from 'httpd'
import { Flow, type Coded } from '../shared/compress/coder.ts'
import { alterETag, forgetLength, isPartial } from '../shared/compress/negotiation.ts'
import { deflate, inflating, pieceSize, type Limits } from './settings.ts'

const isGzip = (token: string): boolean => /^(x-)?gzip$/i.test(token)

/**
 * A value of Content-Encoding without the gzip that is the last to be undone; undefined if there is none. Nothing, and
 * `identity`, behind it do not count.
 */
export function withoutGzip(encoding: string | undefined): string | undefined {
  const tokens = (encoding ?? '').split(',')
  while (tokens.length > 1 && /^(identity)?$/i.test(tokens.at(-1)!.trim())) tokens.pop()
  return isGzip(tokens.pop()!.trim()) ? tokens.join(',') : undefined
}

/** Takes gzip out of wherever the response says it; false if it does not. */
function undoEncoding(r: Request): boolean {
  for (const table of [r.headersOut, r.errHeadersOut]) {
    const rest = withoutGzip(table.get('Content-Encoding'))
    if (rest === undefined) continue
    if (rest === '') table.unset('Content-Encoding')
    else table.set('Content-Encoding', rest)
    return true
  }
  const rest = withoutGzip(r.contentEncoding)
  if (rest !== undefined) r.contentEncoding = rest === '' ? undefined : rest
  return rest !== undefined
}

export const inflateFilter: OutputFilter = {
  name: 'INFLATE', type: FilterType.resource - 1, keepsLength: true,
  quick: () => false,
  begin(r, next) {
    if (isPartial(r) || !undoEncoding(r)) return undefined
    const { buffer, alterETag: alter } = r.server.get(deflate).conf
    forgetLength(r.headersOut)
    alterETag(r.headersOut, 'gunzip', alter)
    return r.status === 304 ? undefined : inflater(next, buffer)
  },
}

function inflater(next: Sink, chunkSize: number): Sink {
  const flow = new Flow(createGunzip({ chunkSize: pieceSize(chunkSize) }) as Coded, next)
  return {
    write: (data) => eachPiece(data, (bytes) => flow.write(bytes)),
    flush: () => flow.flush().then(() => next.flush()),
    end: () => flow.end().then(() => next.end()),
    cancel: () => flow.cancel(),
  }
}

/** A compressed request body that is none, or that has grown too large. */
class InflateError extends BodyError {
  readonly status: number

  constructor(r: Request, status: number, message: string) {
    super(message)
    this.status = status
    r.log('error', 'deflate', message)
  }
}

export const inputFilter: InputFilter = {
  name: 'DEFLATE', type: FilterType.contentSet,
  begin(r, source) {
    const rest = withoutGzip(r.headersIn.get('Content-Encoding'))
    if (rest === undefined) return undefined
    const fields = r.editHeadersIn()
    if (rest === '') fields.unset('Content-Encoding')
    else fields.set('Content-Encoding', rest)
    forgetLength(fields)
    const { limits } = r.dir(inflating)
    const { buffer } = r.server.get(deflate).conf
    return inflated(r, source, { ...limits, body: limits.body || r.dir(dirCore).limitRequestBody }, buffer)
  },
}

/** Pulls: nothing is read from the client, or inflated, before somebody asks for it. */
function inflated(r: Request, source: Source, limits: Limits, chunkSize: number): Source {
  const stream = createGunzip({ chunkSize: pieceSize(chunkSize) })
  const out = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const watch = new Watch(r, limits)
  let failed: Error | undefined
  const feed = async (): Promise<void> => {
    for (let piece = await source.read(); piece !== null; piece = await source.read()) {
      watch.came += piece.length
      await new Promise<void>((resolve) => void stream.write(piece, () => resolve()))
      if (stream.destroyed) return
    }
    stream.end()
  }
  let feeding: Promise<void> | undefined
  return {
    async read() {
      feeding ??= feed().catch((error: unknown) => {
        failed = error as Error
        stream.destroy()
      })
      try {
        const step = await out.next()
        if (failed !== undefined) throw failed
        if (step.done === true) return null
        watch.look(step.value.length)
        return step.value
      } catch (error) {
        stream.destroy()
        if (failed !== undefined) throw failed
        if (error instanceof BodyError) throw error
        throw new InflateError(r, 400, described(error))
      }
    },
  }
}

const described = (error: unknown): string => {
  const { errno, code, message } = error as { errno?: number; code?: string; message?: string }
  if (code === 'Z_DATA_ERROR' && message === 'incorrect header check') return 'AH01387: Zlib: Invalid header'
  if (code === 'Z_BUF_ERROR') return 'AH02481: Encountered premature end-of-stream while inflating'
  if (message === 'incorrect data check') return 'AH01394: Zlib: CRC error inflating data'
  return `AH01392: Zlib error ${errno ?? 0} inflating data (${message ?? ''})`
}

/** Counts what goes in and comes out. */
class Watch {
  readonly #r: Request
  readonly #limits: Limits
  came = 0
  #out = 0
  #hits = 0

  constructor(r: Request, limits: Limits) {
    this.#r = r
    this.#limits = limits
  }

  look(bytes: number): void {
    const { body, ratio, burst } = this.#limits
    this.#out += bytes
    if (body > 0 && this.#out > body) {
      throw new InflateError(this.#r, 413, `AH02648: Inflated content length of ${this.#out} is larger than the configured limit of ${body}`)
    }
    if (this.came > 0 && Math.trunc(this.#out / this.came) < ratio) this.#hits = 0
    else if (++this.#hits > burst) {
      throw new InflateError(this.#r, 400, `AH02649: Inflated content ratio is larger than the configured limit ${ratio} by ${burst} time(s)`)
    }
  }
}
