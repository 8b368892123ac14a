/* wrk beside the accounted clients, where it is installed: many more requests, known only in sum. */
import { spawn } from 'node:child_process'

export interface WrkOptions {
  readonly connections: number
  /** At most; `stop` ends it sooner. */
  readonly seconds: number
  readonly headers?: readonly string[]
}

export interface WrkSum {
  readonly requests: number
  /** Connections that could not be made, that ended in a request, and requests without an answer. */
  readonly errors: number
  /** Answers with a status of 400 and up. */
  readonly bad: number
}

/** A wrk that runs; `sum` is undefined where there is none. */
export interface Wrk {
  readonly sum: Promise<WrkSum | undefined>
  stop(): void
}

function parse(text: string): WrkSum {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? []
  return {
    requests: number(/(\d+) requests in/),
    errors: sockets.reduce((sum, count) => sum + Number(count), 0),
    bad: number(/Non-2xx or 3xx responses: (\d+)/),
  }
}

export function wrk(url: string, { connections, seconds, headers = [] }: WrkOptions): Wrk {
  const words = ['-t1', `-c${connections}`, `-d${seconds}s`, ...headers.flatMap((header) => ['-H', header]), url]
  const child = spawn('wrk', words, { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.on('data', (piece) => (text += piece))
  const sum = new Promise<WrkSum | undefined>((done) => {
    child.on('error', () => done(undefined))
    child.on('close', () => done(parse(text)))
  })
  return { sum, stop: () => void child.kill('SIGINT') }
}
