/**
 * The filters of one request at work. Made only for a request that has any:
 * every other one never comes here.
 */
import { FilterType, inserted, type Data, type FilePart, type InputFilter, type OutputFilter, type Sink, type Source, type Wait } from '../hook/filter.ts'
import type { Request } from '../hook/types.ts'
import type { Memory, Port } from '../port/port.ts'
import type { OpenFile } from './file_cache.ts'

/** Bytes of a file that are read at once where a filter wants to see them. */
const PIECE = 64 * 1024

/** A part of an open file on its way to the client. Whoever keeps it holds the file meanwhile. */
export class FileRange implements FilePart {
  readonly file: OpenFile
  readonly offset: number
  readonly length: number
  /** The chain that it goes through, if any: reading ends with it. */
  chain: OutputChain | undefined
  readonly #port: Port

  constructor(port: Port, file: OpenFile, offset: number, length: number) {
    this.#port = port
    this.file = file
    this.offset = offset
    this.length = length
  }

  *pieces(): Iterable<Uint8Array> {
    const { host, files } = this.#port
    let memory: Memory | undefined
    for (let at = 0; at < this.length && this.chain?.cancelled !== true;) {
      memory ??= host.memory(Math.min(PIECE, this.length))
      const got = files.pread(this.file.fd, memory, 0, Math.min(PIECE, this.length - at), this.offset + at)
      if (got <= 0) throw new Error(`Cannot read a file that is being sent: ${got === 0 ? 'it became shorter' : `errno ${-got}`}`)
      at += got
      yield Uint8Array.prototype.slice.call(memory.bytes, 0, got)
    }
  }

  /** A part of this part. */
  slice(from: number, length: number): FileRange {
    return new FileRange(this.#port, this.file, this.offset + from, length)
  }
}

export const isRange = (data: Data): data is FileRange => data instanceof FileRange

const release = (data: Data): void => {
  if (isRange(data)) data.file.release()
}

/** A filter that begins with the first thing it is given, when all before it have had their say. */
class Stage implements Sink {
  readonly #filter: OutputFilter
  readonly #r: Request
  readonly #next: Sink
  #sink: Sink | undefined

  constructor(filter: OutputFilter, r: Request, next: Sink) {
    this.#filter = filter
    this.#r = r
    this.#next = next
  }

  get #begun(): Sink {
    return (this.#sink ??= this.#begin())
  }

  write(data: Data): Wait {
    return this.#begun.write(data)
  }

  flush(): Wait {
    return this.#begun.flush()
  }

  end(): Wait {
    return this.#begun.end()
  }

  cancel(): void {
    try {
      if (this.#sink !== this.#next) this.#sink?.cancel?.()
    } catch (error) {
      this.#r.log('error', 'core', `SY00099: fault in filter ${this.#filter.name} as it was cancelled: ${String(error)}`)
    }
  }

  #begin(): Sink {
    const sink = this.#filter.begin(this.#r, this.#next)
    if (sink === undefined) return this.#next
    if (this.#filter.keepsLength !== true) this.#r.headersOut.unset('Content-Length')
    return sink
  }
}

export class OutputChain {
  readonly #r: Request
  readonly #bottom: Sink
  #filters: readonly OutputFilter[]
  #stages: Stage[] = []
  #top: Sink | undefined
  /** Given by the handler and not yet taken by the filters; while `#pumping`, they have the first. */
  #pending: Data[] = []
  #pendingBytes = 0
  /** Rejected for good once a filter has failed. */
  #pumping: Promise<void> | undefined
  /** Nothing is taken any more. */
  #ended = false
  /** What filters write goes nowhere. */
  cancelled = false

  /** @param bottom makes what the last filter writes to */
  constructor(r: Request, filters: readonly OutputFilter[], bottom: (chain: OutputChain) => Sink) {
    this.#r = r
    this.#filters = filters
    this.#bottom = bottom(this)
  }

  insert(filter: OutputFilter): void {
    this.#filters = inserted(this.#filters, filter)
  }

  /** Those of the protocol: what becomes of a response that is made anew because of an error. */
  get lasting(): readonly OutputFilter[] {
    return this.#filters.filter(({ type }) => type >= FilterType.protocol)
  }

  get filters(): readonly OutputFilter[] {
    return this.#filters
  }

  /** Bytes in memory that wait for enough others to be worth a walk. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  get begun(): boolean {
    return this.#top !== undefined
  }

  /** A file is held until it has gone through. */
  add(data: Data): void {
    if (this.#ended) return
    if (isRange(data)) {
      data.file.hold()
      data.chain = this
    } else this.#pendingBytes += data.length
    this.#pending.push(data)
  }

  /** Hands what is pending to the filters. */
  pump(): Wait {
    if (this.#pumping !== undefined) return this.#pumping
    const wait = this.#walk()
    if (wait === undefined) return undefined
    this.#pumping = this.#walkOn(wait)
    // It is no fault of a handler not to wait; the end of the response sees what went wrong.
    this.#pumping.catch(ignore)
    return this.#pumping
  }

  flush(): Wait {
    const wait = this.pump()
    if (wait === undefined) return this.cancelled ? undefined : this.#first().flush()
    const flushed = wait.then(() => this.flush())
    flushed.catch(ignore)
    return flushed
  }

  /** The body is complete. */
  finish(): Wait {
    this.#ended = true
    const wait = this.pump()
    if (wait === undefined) return this.cancelled ? undefined : this.#first().end()
    return wait.then(() => (this.cancelled ? undefined : this.#first().end()))
  }

  /** It has done its work: what a filter writes now is for nobody. */
  close(): void {
    this.cancelled = this.#ended = true
    this.#stages = []
  }

  /** Forgets everything: the response is given up. */
  cancel(): void {
    if (this.cancelled) return
    this.cancelled = this.#ended = true
    // What a filter reads just now is released when it is done with it.
    const kept = this.#pumping === undefined ? 0 : 1
    for (const data of this.#pending.splice(kept)) release(data)
    this.#pendingBytes = 0
    for (const stage of this.#stages) stage.cancel()
    this.#stages = []
  }

  #first(): Sink {
    if (this.#top !== undefined) return this.#top
    let next = this.#bottom
    for (const filter of this.#filters.toReversed()) {
      const stage = new Stage(filter, this.#r, next)
      this.#stages.push(stage)
      next = stage
    }
    return (this.#top = next)
  }

  #walk(): Wait {
    for (let data = this.#pending[0]; data !== undefined && !this.cancelled; data = this.#pending[0]) {
      const wait = this.#first().write(data)
      if (wait !== undefined) return wait
      this.#done(data)
    }
    return undefined
  }

  async #walkOn(first: Promise<void>): Promise<void> {
    for (let wait: Wait = first; wait !== undefined; wait = this.#walk()) {
      const data = this.#pending[0]
      try {
        await wait
      } finally {
        this.#done(data)
      }
    }
    this.#pumping = undefined
  }

  #done(data: Data | undefined): void {
    if (data === undefined || this.#pending[0] !== data) return
    this.#pending.shift()
    if (!isRange(data)) this.#pendingBytes = Math.max(0, this.#pendingBytes - data.length)
    release(data)
  }
}

const ignore = (): void => undefined

/** Input filters over a source, beginning when the body is first read; the first of them is asked first. */
export function filtered(r: Request, filters: readonly InputFilter[], source: Source): Source {
  let from = source
  for (const filter of filters.toReversed()) from = begin(r, filter, from)
  return from
}

const begin = (r: Request, filter: InputFilter, source: Source): Source => filter.begin(r, source) ?? source
