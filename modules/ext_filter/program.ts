/**
 * One run of a filter's program: bytes in, bytes out, and an end whatever it does. One rule: the program never has more
 * to read than its pipe holds, nor writes more than the client takes.
 *
 *   write ──► stdin ──► program ──► stdout ──► take
 */
import type * as ChildProcess from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Wait } from 'httpd'

/** ms for a program to end when it has been asked to. */
const GRACE = 3000
/** Bytes of a line of its error output that is logged. */
const LONGEST_LINE = 4096

export interface Options {
  readonly words: readonly [string, ...string[]]
  readonly env: NodeJS.ProcessEnv
  /** ms that the program may take for the next bytes. */
  readonly patience: number
  /** A line of its error output; undefined: nobody reads it. */
  readonly complaint: ((line: string) => void) | undefined
  /** Its output, piece by piece. */
  take(bytes: Uint8Array): Wait
}

type Signal = 'SIGTERM' | 'SIGKILL'

export class Program {
  readonly #stdin: Writable
  readonly #stdout: Readable
  /** What it gets at once, if anything, and what after a while. */
  readonly #kill: (signals: readonly [Signal | undefined, Signal]) => void
  readonly #ended: Promise<void>
  #fail!: (error: Error) => void
  /** Somebody waits until it can take more. */
  #room: (() => void) | undefined
  /** Nothing goes on before it does something. */
  #awaited = false
  /** It takes no more, and has not to. */
  #full = false
  readonly #watch: NodeJS.Timeout | undefined

  /** @throws Error if it cannot be started; `started` tells why */
  constructor({ words: [path, ...rest], env, patience, complaint, take }: Options) {
    // Loaded when it is first needed: that takes longer than most modules.
    const { spawn } = process.getBuiltinModule('node:child_process') as typeof ChildProcess
    const child = spawn(path, rest, { env, detached: true, stdio: ['pipe', 'pipe', complaint === undefined ? 'ignore' : 'pipe'] })
    const failure = new Promise<Error>((resolve) => void child.once('error', resolve))
    if (child.pid === undefined) throw new NotStarted(failure)
    this.#stdin = child.stdin!
    this.#stdout = child.stdout!
    const { pid } = child
    this.#kill = (signals) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const [now, later] = signals
      if (now !== undefined) signal(pid, now)
      const timer = setTimeout(() => signal(pid, later), GRACE)
      child.once('exit', () => clearTimeout(timer))
    }
    this.#watch = patience > 0 ? setTimeout(() => this.#late(), patience) : undefined
    const goOn = (): void => this.#room?.()
    this.#stdin.on('drain', goOn).on('close', goOn).on('error', () => {
      this.#full = true
      goOn()
    })
    if (complaint !== undefined) readLines(child.stderr!, complaint)
    this.#ended = this.#forward(take)
    // Whoever waits for room does not wait for a program that has ended; what went wrong is told at the end.
    this.#ended.catch(() => void (this.#full = true)).finally(goOn)
  }

  #forward(take: Options['take']): Promise<void> {
    return new Promise((resolve, reject) => {
      let busy: Promise<void> | undefined
      this.#fail = reject
      this.#stdout.on('data', (bytes: Buffer) => {
        this.#watch?.refresh()
        const wait = attempt(() => take(bytes), reject)
        if (wait === undefined) return
        this.#stdout.pause()
        busy = wait.then(() => {
          this.#watch?.refresh()
          this.#stdout.resume()
        }, reject)
      })
      // Its end may be told while the last piece is on its way.
      const finish = (): void => void (busy ?? Promise.resolve()).then(resolve)
      this.#stdout.on('end', finish).on('error', reject).on('close', finish)
    })
  }

  // It is not late while its output waits for the client, or it for its input.
  #late(): void {
    if (!this.#awaited || this.#stdout.isPaused()) return void this.#watch?.refresh()
    this.#fail(new Error('has not gone on in time'))
    this.stop()
  }

  /** Undefined, or a promise for when it can take more. */
  write(bytes: Uint8Array): Wait {
    this.#watch?.refresh()
    if (this.#full || this.#stdin.write(bytes)) return undefined
    this.#awaited = true
    return new Promise((resolve) => {
      this.#room = () => {
        this.#watch?.refresh()
        this.#awaited = false
        resolve()
      }
    })
  }

  /** There is no more input. Resolves when all output has been taken. */
  async end(): Promise<void> {
    this.#room = undefined
    this.#awaited = true
    this.#stdin.end()
    try {
      await this.#ended
      this.#free([undefined, 'SIGTERM'])
    } catch (error) {
      this.stop()
      throw error
    }
  }

  /** Whatever it is doing is for nobody. */
  stop(): void {
    this.#free(['SIGTERM', 'SIGKILL'])
  }

  #free(signals: readonly [Signal | undefined, Signal]): void {
    clearTimeout(this.#watch)
    this.#full = true
    this.#stdin.destroy()
    this.#stdout.destroy()
    this.#kill(signals)
  }
}

/** To the program and those that it has started: they are a process group of their own. */
function signal(pid: number, name: Signal): void {
  try {
    process.kill(-pid, name)
  } catch {
    // All of them have ended.
  }
}

/** There is no such program, or the like. */
export class NotStarted extends Error {
  readonly reason: Promise<Error>

  constructor(reason: Promise<Error>) {
    super('not started')
    this.reason = reason
  }
}

function attempt(step: () => Wait, failed: (error: Error) => void): Wait {
  try {
    return step()
  } catch (error) {
    failed(error as Error)
    return undefined
  }
}

function readLines(from: Readable, tell: (line: string) => void): void {
  let rest = ''
  const say = (line: string): void => {
    if (line !== '') tell(line.slice(0, LONGEST_LINE))
  }
  from.setEncoding('latin1').on('data', (piece: string) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!.slice(0, LONGEST_LINE)
    lines.forEach(say)
  }).on('end', () => say(rest)).on('error', () => undefined)
}
