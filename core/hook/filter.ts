/**
 * Filters: what stands between a handler and the client (output), or between
 * the client and whoever reads a request's body (input).
 *
 *   handler ──► RESOURCE ──► CONTENT_SET ──► PROTOCOL ──► TRANSCODE ──► client
 *
 * One rule: nobody runs ahead of the client. Each step answers undefined for
 * "go on", or a promise to wait for; whoever produces waits for it, and so the
 * memory of a response is bounded however slow its client reads.
 */
import type { Request } from './types.ts'

/** Where a filter stands: output runs ascending, input is asked ascending (Apache's ap_filter_type). */
export const FilterType = {
  resource: 10, contentSet: 20, protocol: 30, transcode: 40, connection: 50, network: 60,
} as const

/** Undefined: go on. A promise: the client (or a filter) needs time; it rejects if the response cannot go on. */
export type Wait = Promise<void> | undefined

/** A filter cannot go on, and has logged why: this status, or the end of a response that has begun. */
export class FilterError extends Error {
  readonly status: number

  constructor(message: string, status = 500) {
    super(message)
    this.status = status
  }
}

/** A part of an open file that has not been read, and need not be: unchanged it leaves by sendfile. */
export interface FilePart {
  /** Bytes. */
  readonly length: number
  /**
   * Reads it, a piece at a time; may block for the disk. Each piece is the caller's. Ends early when the response is
   * given up. @throws Error if it became shorter
   */
  pieces(): Iterable<Uint8Array>
  /** A part of it: offset within, and bytes. */
  slice(from: number, length: number): FilePart
}

export type Data = Uint8Array | FilePart

/** Takes a body, piece by piece. What it is given it may keep; the giver does not change it any more. */
export interface Sink {
  write(data: Data): Wait
  /** What is held back only to make better pieces goes on now. */
  flush(): Wait
  /** The body is complete. Called once. */
  end(): Wait
  /** The response is given up: free what is held. Nothing is called after this. */
  cancel?(): void
}

export interface OutputFilter {
  /** As configuration says it, in any case: `DEFLATE`. */
  readonly name: string
  /** One of FilterType, or a number beside it. */
  readonly type: number
  /** It neither blocks nor computes for long, so event's listener may run it; a function is asked when it is added. */
  readonly quick?: boolean | ((r: Request) => boolean)
  /** Bodies leave with the length that they came with: a Content-Length stays true. */
  readonly keepsLength?: boolean
  /** Called when it is added, before a handler has run: what the handler is to know of it. */
  setup?(r: Request): void
  /**
   * Called with the first piece of a body (or its end), when status and headers are as the handler and the filters
   * before this one left them, and may still be changed. Undefined: the filter has nothing to do here.
   */
  begin(r: Request, next: Sink): Sink | undefined
}

/** Gives a request body, piece by piece. */
export interface Source {
  /** The next piece, which is the caller's, or null at the end. */
  read(): Promise<Uint8Array | null>
}

/** Whether event's listener may run it for this request. */
export const isQuick = ({ quick }: OutputFilter, r: Request): boolean =>
  typeof quick === 'function' ? quick(r) : quick === true

export interface InputFilter {
  readonly name: string
  readonly type: number
  /** Called when the body is first read. Undefined: the filter has nothing to do here. */
  begin(r: Request, source: Source): Source | undefined
}

/** The bytes of some data, in order; a file's are read. */
export function* piecesOf(data: Data): Iterable<Uint8Array> {
  if (data instanceof Uint8Array) yield data
  else yield* data.pieces()
}

/** Hands all bytes of `data` to `take`, waiting wherever it says so. */
export function eachPiece(data: Data, take: (bytes: Uint8Array) => Wait): Wait {
  if (data instanceof Uint8Array) return take(data)
  const pieces = data.pieces()[Symbol.iterator]()
  for (let step = pieces.next(); step.done !== true; step = pieces.next()) {
    const wait = take(step.value)
    if (wait !== undefined) return theRest(pieces, take, wait)
  }
  return undefined
}

// A loop, not a promise of a promise of a promise: a body may have any number of pieces.
async function theRest(pieces: Iterator<Uint8Array>, take: (bytes: Uint8Array) => Wait, wait: Wait): Promise<void> {
  await wait
  for (let step = pieces.next(); step.done !== true; step = pieces.next()) await take(step.value)
}

/**
 * The usual filter: changes bytes as they come.
 * @param change what goes on in place of a piece; undefined or nothing: it is held back
 * @param rest what is left at the end
 */
export function transform(
  next: Sink, change: (bytes: Uint8Array) => Uint8Array | undefined, rest?: () => Uint8Array | undefined,
): Sink {
  const pass = (bytes: Uint8Array | undefined): Wait =>
    bytes === undefined || bytes.length === 0 ? undefined : next.write(bytes)
  return {
    write: (data) => eachPiece(data, (bytes) => pass(change(bytes))),
    flush: () => next.flush(),
    end: () => {
      const wait = pass(rest?.())
      return wait === undefined ? next.end() : wait.then(() => next.end())
    },
  }
}

/** The filters of one generation, by name. */
export class Filters {
  readonly #output = new Map<string, OutputFilter>()
  readonly #input = new Map<string, InputFilter>()

  /** A later filter of the same name counts. */
  add({ outputFilters, inputFilters }: Filtering): void {
    for (const filter of outputFilters ?? []) this.#output.set(filter.name.toLowerCase(), filter)
    for (const filter of inputFilters ?? []) this.#input.set(filter.name.toLowerCase(), filter)
  }

  output(name: string): OutputFilter | undefined {
    return this.#output.get(name.toLowerCase())
  }

  input(name: string): InputFilter | undefined {
    return this.#input.get(name.toLowerCase())
  }

  /** As they were written, in the order of loading: for a listing. */
  names(): { readonly output: readonly string[]; readonly input: readonly string[] } {
    return { output: [...this.#output.values()].map(nameOf), input: [...this.#input.values()].map(nameOf) }
  }
}

const nameOf = ({ name }: { readonly name: string }): string => name

/** The part of a module that this file knows. */
export interface Filtering {
  readonly outputFilters?: readonly OutputFilter[]
  readonly inputFilters?: readonly InputFilter[]
}

/** Adds a filter behind those of its type that are there already. */
export function inserted<F extends { readonly type: number }>(filters: readonly F[], filter: F): readonly F[] {
  const at = filters.findIndex(({ type }) => type > filter.type)
  return at < 0 ? [...filters, filter] : filters.toSpliced(at, 0, filter)
}
