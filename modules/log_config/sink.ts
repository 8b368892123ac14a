/*
 * Where access log lines go: one per log and thread. The lines of a turn of the event loop leave in one write; with
 * BufferedLogs those of a second do. What is left when the thread ends is written then.
 */
import { fstatSync, writeSync } from 'node:fs'
import { atTurnEnd } from 'httpd'

/** Characters (bytes, since lines are escaped) after which nothing is waited for. */
const FULL = 64 * 1024
/** Several processes write into one pipe: what is longer than this could be torn apart by another's (PIPE_BUF). */
const PIPE_PIECE = 4096
/** How long (ms) BufferedLogs keeps a line at most. */
const BUFFERED_FOR = 1000

/** What a sink needs besides its descriptor; a test brings its own. */
export interface SinkOptions {
  readonly buffered: boolean
  /** Writes bytes; answers how many were taken. @throws Error */
  readonly write?: (fd: number, bytes: Uint8Array) => number
  /** Told once when lines cannot be written, and once (without an error) when they can be again. */
  readonly trouble?: (error: Error | undefined, lost: number) => void
  readonly isPipe?: boolean
}

export class Sink {
  readonly #fd: number
  readonly #options: SinkOptions
  readonly #write: (fd: number, bytes: Uint8Array) => number
  readonly #isPipe: boolean
  /** Pieces that are full, for a pipe. */
  #pieces: string[] = []
  #lines = ''
  #timer: NodeJS.Timeout | undefined
  /** Lines that could not be written since the last that could. */
  #lost = 0
  /** A line was written in part: the next one must not continue it. */
  #torn = false

  constructor(fd: number, options: SinkOptions) {
    this.#fd = fd
    this.#options = options
    this.#write = options.write ?? writeSync
    this.#isPipe = options.isPipe ?? fstatSync(fd).isFIFO()
  }

  readonly flush = (): void => {
    const { buffered } = this.#options
    if (buffered && this.#timer !== undefined) clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pieces.length > 0) {
      const pieces = this.#pieces
      this.#pieces = []
      for (const piece of pieces) this.#put(piece)
    }
    const lines = this.#lines
    this.#lines = ''
    if (lines !== '') this.#put(lines)
  }

  /** @param line with its end */
  write(line: string): void {
    if (this.#lines === '') this.#begin()
    if (this.#isPipe && this.#lines !== '' && this.#lines.length + line.length > PIPE_PIECE) {
      this.#pieces.push(this.#lines)
      this.#lines = line
      if (this.#pieces.length >= FULL / PIPE_PIECE) this.flush()
      return
    }
    this.#lines += line
    if (this.#lines.length > FULL) this.flush()
  }

  #begin(): void {
    if (!this.#options.buffered) return atTurnEnd(this.flush)
    this.#timer ??= setTimeout(this.flush, BUFFERED_FOR).unref()
  }

  // A full disk or a log program that is gone must not stop the server.
  #put(text: string): void {
    const whole = Buffer.from(this.#torn ? `\n${text}` : text, 'latin1')
    let bytes: Uint8Array = whole
    try {
      while (bytes.length > 0) {
        const took = this.#write(this.#fd, bytes)
        this.#torn = bytes[took - 1] !== NEWLINE
        bytes = bytes.subarray(took)
      }
    } catch (error) {
      this.#fail(error as Error, bytes === whole ? Buffer.from(text, 'latin1') : bytes)
      return
    }
    if (this.#lost === 0) return
    this.#options.trouble?.(undefined, this.#lost)
    this.#lost = 0
  }

  #fail(error: Error, rest: Uint8Array): void {
    const first = this.#lost === 0
    for (const byte of rest) if (byte === NEWLINE) this.#lost++
    if (first) this.#options.trouble?.(error, this.#lost)
  }
}

const NEWLINE = 0x0a
