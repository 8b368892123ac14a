/**
 * Starting a server that outlives its caller. The invoking process starts the
 * program again in a session of its own and waits for word on a status pipe.
 *
 *   httpd -k start ──spawn (own session)──► httpd ──► children
 *        │ ◄── stderr, until it serves ────── │
 *        │ ◄── "ready" on descriptor 3 ────── │   then both pipes are closed
 *     exit 0
 */
import { spawn as nodeSpawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { passedSocketsVariable, type PassedSocket } from './service_manager.ts'

/** Names the descriptor of the status pipe to a detached server. */
export const STATUS_VARIABLE = 'HTTPD_STATUS_FD'

const STATUS_FD = 3
const READY = 'ready\n'

export type Spawn = typeof nodeSpawn

export interface DetachInput {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly program: string
  readonly stderr: (text: string | Uint8Array) => void
  readonly spawn?: Spawn
  /** Listening sockets that the server is handed. */
  readonly sockets?: readonly PassedSocket[]
}

/**
 * Starts a detached server and waits until it serves.
 * @returns exit code: 0 once it serves, 1 if it ended before; what it wrote on standard error has been passed on
 */
export function startDetached(input: DetachInput): Promise<number> {
  const { sockets = [] } = input
  const child = (input.spawn ?? nodeSpawn)(input.command, [...input.args], {
    detached: true,
    cwd: '/',
    env: { ...input.env, [STATUS_VARIABLE]: String(STATUS_FD), ...passedSocketsVariable(STATUS_FD + 1, sockets) },
    // Standard output is not passed on: a pipe of the caller's must end when the caller's command does.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', ...sockets.map(({ fd }) => fd)],
  })
  return new Promise((resolve) => {
    const finish = (code: number): void => {
      child.stderr?.destroy()
      statusOf(child)?.destroy()
      child.unref()
      resolve(code)
    }
    let wrote = false
    child.stderr?.on('data', (bytes: Buffer) => {
      wrote = true
      input.stderr(bytes)
    })
    let said = ''
    statusOf(child)?.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1')
      // One turn later, whatever was written before is here as well.
      if (said.includes(READY)) setImmediate(finish, 0)
    })
    child.on('error', (error) => {
      input.stderr(`${input.program}: Cannot start the server: ${error.message}\n`)
      finish(1)
    })
    child.on('exit', (code, signal) => {
      // Its own children may hold the pipes a moment longer, so their end is not waited for.
      setTimeout(() => {
        if (said.includes(READY)) return
        const ended = `it ended before it served, ${ending(code, signal)}`
        if (!wrote) input.stderr(`${input.program}: Cannot start the server: ${ended}\n`)
        finish(1)
      }, 20)
    })
  })
}

const statusOf = (child: ChildProcess): Readable | undefined =>
  (child.stdio[STATUS_FD] as Readable | null | undefined) ?? undefined

const ending = (code: number | null, signal: string | null): string =>
  signal === null ? `exit code ${code ?? 1}` : `signal ${signal}`

/** The other end of the status pipe, in a detached server. */
export class StatusPipe {
  #fd: number
  readonly #dup2: (from: number, to: number) => void

  constructor(fd: number, dup2: (from: number, to: number) => void) {
    this.#fd = fd
    this.#dup2 = dup2
  }

  /**
   * Tells the caller that the server answers connections, once, and lets go of what is the caller's.
   * @param log the error log, which takes over standard error; nothing if there is none
   */
  ready(log?: number): void {
    if (this.#fd < 0) return
    const nowhere = openSync('/dev/null', 'w')
    this.#dup2(nowhere, 1)
    this.#dup2(log ?? nowhere, 2)
    if (nowhere > 2) closeSync(nowhere)
    try {
      writeSync(this.#fd, READY)
    } catch {
      // The caller has gone (interrupted, say): nobody is waiting for the word.
    }
    closeSync(this.#fd)
    this.#fd = -1
  }
}
