/**
 * A body on its way through one of node:zlib's codings. Small bodies are coded at once, larger ones by the library's
 * own threads, large ones in a stream that goes no faster than its client. One rule: no thread that serves computes
 * for long.
 */
import type { Transform } from 'node:stream'
import { eachPiece, type Data, type Sink, type Wait } from 'httpd'

/** One coding with its settings; see `Coder` for what it is made into. */
export interface Coding {
  /** The whole of it. */
  now(bytes: Uint8Array): Uint8Array
  /** The same on a thread of the library. */
  soon(bytes: Uint8Array, done: (error: Error | null, coded: Uint8Array) => void): void
  stream(): Coded
}

/** node:zlib's streams: what they have more than other Transforms. */
export interface Coded extends Transform {
  flush(done: () => void): void
}

/** Bytes that are coded at once: some 100 µs, about what it costs to let another thread do it (docs/adr/0025). */
const AT_ONCE = 4 * 1024
/** So much is gathered before a stream is made: its state takes more room than that. */
const GATHERED = 64 * 1024

export interface Totals { readonly before: number; readonly after: number }

/**
 * What coded bodies of files come to, by the bytes that they come from: the core keeps small files in memory, always
 * the same object while the file is the same, and lets go of it when it changes; with it goes what is kept here.
 */
export class Kept {
  readonly #coded = new WeakMap<Uint8Array, Uint8Array | typeof SEEN>()

  find(bytes: Uint8Array): Uint8Array | undefined {
    const found = this.#coded.get(bytes)
    return found === SEEN ? undefined : found
  }

  /** Kept when it comes for the second time: most bodies are made for one response. */
  keep(bytes: Uint8Array, coded: Uint8Array): void {
    this.#coded.set(bytes, this.#coded.has(bytes) ? coded : SEEN)
  }
}

const SEEN = Symbol('seen once')

/** The sink that codes. */
export class Coder implements Sink {
  readonly #coding: Coding
  readonly #next: Sink
  readonly #kept: Kept | undefined
  readonly #told: (totals: Totals) => void
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #stream: Flow | undefined
  #before = 0

  /** @param kept where bodies of files may be found again @param told of the bytes before and after, at the end */
  constructor(coding: Coding, next: Sink, kept: Kept | undefined, told: (totals: Totals) => void) {
    this.#coding = coding
    this.#next = next
    this.#kept = kept
    this.#told = told
  }

  write(data: Data): Wait {
    return eachPiece(data, (bytes) => this.#take(bytes))
  }

  flush(): Wait {
    if (this.#before === 0) return this.#next.flush()
    return this.#push().then(() => this.#stream!.flush()).then(() => this.#next.flush())
  }

  end(): Wait {
    if (this.#stream === undefined) return this.#whole(this.#gathered.length === 1 ? this.#gathered[0]! : Buffer.concat(this.#gathered))
    return this.#push().then(() => this.#stream!.end()).then((after) => {
      this.#told({ before: this.#before, after })
      return this.#next.end()
    })
  }

  cancel(): void {
    this.#stream?.cancel()
  }

  #take(bytes: Uint8Array): Wait {
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    this.#before += bytes.length
    return this.#gatheredBytes > GATHERED ? this.#push() : undefined
  }

  async #push(): Promise<void> {
    const pieces = this.#gathered
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#stream ??= new Flow(this.#coding.stream(), this.#next)
    for (const piece of pieces) await this.#stream.write(piece)
  }

  #whole(bytes: Uint8Array): Wait {
    const found = this.#kept?.find(bytes)
    if (found !== undefined) return this.#give(found)
    const finish = (coded: Uint8Array): Wait => {
      this.#kept?.keep(bytes, coded)
      return this.#give(coded)
    }
    if (bytes.length <= AT_ONCE) return finish(this.#coding.now(bytes))
    return new Promise<Uint8Array>((resolve, reject) =>
      this.#coding.soon(bytes, (error, coded) => error === null ? resolve(coded) : reject(error))).then(finish)
  }

  #give(coded: Uint8Array): Wait {
    this.#told({ before: this.#before, after: coded.length })
    const wait = this.#next.write(coded)
    return wait === undefined ? this.#next.end() : wait.then(() => this.#next.end())
  }
}

/** One of node:zlib's streams between two that wait for one another. */
export class Flow {
  readonly #stream: Coded
  readonly #failed: Promise<never>
  readonly #ended: Promise<void>
  #after = 0

  constructor(stream: Coded, next: Sink) {
    this.#stream = stream
    let fail: (error: unknown) => void
    this.#failed = new Promise((_, reject) => void (fail = reject))
    this.#failed.catch(() => undefined)
    stream.on('error', (error) => fail(error))
    stream.on('data', (bytes: Buffer) => {
      this.#after += bytes.length
      let wait
      try {
        wait = next.write(bytes)
      } catch (error) {
        // Nobody else would catch it here, and the whole process would end. What comes out now is for nobody.
        fail(error)
        stream.destroy()
      }
      if (wait === undefined) return
      stream.pause()
      wait.then(() => stream.resume(), fail)
    })
    // A stream that is given up closes without an end.
    this.#ended = new Promise((resolve) => void stream.on('end', resolve).on('close', resolve))
  }

  /** Resolves when the bytes have been used: not before there is room for what they come to. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#orFailure(new Promise((resolve) => void this.#stream.write(bytes, () => resolve())))
  }

  flush(): Promise<void> {
    return this.#orFailure(new Promise((resolve) => void this.#stream.flush(resolve)))
  }

  /** @returns bytes that came out */
  end(): Promise<number> {
    this.#stream.end()
    return this.#orFailure(this.#ended).then(() => this.#after)
  }

  cancel(): void {
    this.#stream.destroy()
  }

  #orFailure<T>(step: Promise<T>): Promise<T> {
    return Promise.race([this.#failed, step])
  }
}
