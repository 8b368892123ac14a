/*
 * A program that answers look-ups (RewriteMap prg:): a key in a line to it, a value in a line from it, in the same
 * order. One rule: whatever it does, a look-up ends, at the latest after the server's Timeout.
 *
 * Each thread that asks has one of its own, started when it is first asked: see ADR 22.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { serverCore, type Request } from 'httpd'

/** Bytes of an answer. */
const MAX_ANSWER = 64 * 1024

interface Waiting {
  done(value: string | undefined): void
}

type Running = ChildProcessByStdio<Writable, Readable, null>

export class MapProgram {
  readonly #name: string
  readonly #words: readonly string[]
  #process: Running | undefined
  #waiting: Waiting[] = []
  #rest = ''

  /** @param words the program, and its arguments */
  constructor(name: string, words: readonly string[]) {
    this.#name = name
    this.#words = words
  }

  /** The value, or undefined if the program knows none or has failed, which is logged. Never rejects. */
  ask(key: string, request: Request): Promise<string | undefined> {
    // It would be taken for two keys.
    if (/[\n\0]/.test(key)) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const running = this.#process ?? this.#start(request)
      const patience = request.server.get(serverCore).timeout
      const timer = patience > 0 ? setTimeout(() => this.#fail(request, `has not answered within ${patience / 1000} s`), patience) : undefined
      this.#waiting.push({
        done: (value) => {
          clearTimeout(timer)
          resolve(value)
        },
      })
      keepAlive(running, true)
      running.stdin.write(`${key}\n`, 'latin1')
    })
  }

  #start(request: Request): Running {
    const [path, ...rest] = this.#words as readonly [string, ...string[]]
    const started: Running = spawn(path, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process = started
    this.#rest = ''
    started.stdout.setEncoding('latin1')
    started.stdout.on('data', (piece: string) => { if (this.#process === started) this.#take(piece, request) })
    started.stdin.on('error', () => undefined)
    started.on('error', (error) => this.#ended(started, request, error.message))
    started.on('exit', (code, signal) => this.#ended(started, request, `has ended with ${signal ?? `status ${code}`}`))
    return started
  }

  #take(piece: string, request: Request): void {
    const lines = (this.#rest + piece).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#waiting.shift()?.done(line.toUpperCase() === 'NULL' ? undefined : line)
    if (this.#waiting.length === 0 && this.#process !== undefined) keepAlive(this.#process, false)
    if (this.#rest.length > MAX_ANSWER) this.#fail(request, `has answered more than ${MAX_ANSWER} bytes without an end of line`)
  }

  // What comes next could not be told from what is late.
  #fail(request: Request, why: string): void {
    const running = this.#process
    if (running === undefined) return
    this.#ended(running, request, why)
    running.kill('SIGKILL')
  }

  #ended(running: Running, request: Request, why: string): void {
    if (this.#process !== running) return
    this.#process = undefined
    keepAlive(running, false)
    const left = this.#waiting
    this.#waiting = []
    request.log('error', 'rewrite', `SY00136: program ${this.#words[0]!} of RewriteMap ${this.#name} ${why}`)
    for (const { done } of left) done(undefined)
  }
}

/** A program that nobody waits for is no reason to go on for a thread that has nothing else to do. */
function keepAlive(running: Running, wanted: boolean): void {
  const act = wanted ? 'ref' : 'unref'
  running[act]()
  ;(running.stdin as Socket)[act]()
  ;(running.stdout as Socket)[act]()
}
