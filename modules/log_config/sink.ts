/*
 * Where access log lines go: one per descriptor and thread. The lines of a turn of the event loop leave in
 * one write; what is left when the thread ends is written then.
 */
import { writeSync } from 'node:fs'
import { atTurnEnd } from 'httpd'

/** Characters (bytes, since lines are escaped) after which the end of the turn is not waited for. */
const FULL = 64 * 1024

export class Sink {
  readonly #fd: number
  #lines = ''

  constructor(fd: number) {
    this.#fd = fd
  }

  readonly flush = (): void => {
    const lines = this.#lines
    if (lines === '') return
    this.#lines = ''
    try {
      let bytes = Buffer.from(lines, 'latin1')
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#fd, bytes))
    } catch {
      // A full disk or a log program that is gone must not stop the server.
    }
  }

  write(line: string): void {
    if (this.#lines === '') {
      atExit(this)
      atTurnEnd(this.flush)
    }
    this.#lines += line
    if (this.#lines.length > FULL) this.flush()
  }
}

const sinks = new Set<Sink>()

function atExit(sink: Sink): void {
  if (sinks.size === 0) process.on('exit', () => sinks.forEach(({ flush }) => flush()))
  sinks.add(sink)
}
