/** Child processes: how one is started, told to finish, and heard from. */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { uptime } from '../base/uptime.ts'
import type { Fd } from '../port/port.ts'
import type { Listening } from './listeners.ts'
import type { ChildHandle, Population } from './mpm.ts'
import type { Identity } from './privileges.ts'
import { withNodeArguments, type Relaunch } from './relaunch.ts'
import { FINISH_REASONS, type FinishReason, type SlotRow } from './scoreboard.ts'

/** Names the variable that tells a process that it is a child, and which. */
export const CHILD_VARIABLE = 'HTTPD_CHILD'

/** Words of the control pipe, one byte each. After `retiring` a second one says why. */
export const Word = { finish: 'G', ready: 'R', retiring: 'Q' } as const

const FIRST_REASON = 0x41

/** `Q` and a letter. */
export const retiringWord = (reason: FinishReason): string =>
  Word.retiring + String.fromCharCode(FIRST_REASON + FINISH_REASONS.indexOf(reason))

/** A child that retires for this reason answers connections until it is told to finish. */
export const servesOn = (reason: FinishReason): boolean => reason !== 'MaxConnectionsPerChild' && reason !== 'stop'

const reasonOf = (byte: number): FinishReason => FINISH_REASONS[byte - FIRST_REASON] ?? 'none'

/** One generation, in descriptors of whoever reads it. */
interface Handed {
  readonly generation: number
  readonly payload: { readonly fd: Fd; readonly bytes: number }
  readonly board: Fd
  /** As the control process has it: limits that were fixed at the first start hold, and lay out the scoreboard. */
  readonly population: Population
  /** Whom a child becomes before anything else; undefined: it keeps the user of the control process. */
  readonly identity: Identity | undefined
  /** CoreDumpDirectory, absolute, if it was given. */
  readonly coreDumpDirectory: string | undefined
}

/** What a child is told at its start, as JSON. Descriptors are the child's numbers. */
export interface ChildStart extends Handed {
  readonly slot: number
  readonly listeners: readonly Listening[]
  /** -1: there is no control process but this one. */
  readonly control: Fd
  /** What modules opened in the control process; their names stand in the payload, in the same order. */
  readonly descriptors: readonly Fd[]
}

/** The same in descriptors of the control process. */
export interface GenerationFiles extends Handed {
  /** Sets of listening sockets: a child gets one. */
  readonly buckets: readonly (readonly Listening[])[]
  readonly descriptors: ReadonlyMap<string, Fd>
  /** For node itself: limits of V8. */
  readonly nodeArguments: readonly string[]
}

/** Exit codes of a child (Apache's APEXIT_*). */
export const Exit = {
  ok: 0,
  /** a fault that nobody caught */
  fault: 1,
  init: 2,
  childInit: 3,
  /** something was lacking, perhaps for a while: no replacement at once */
  sick: 7,
  /** no child can ever serve: the server ends */
  fatal: 15,
} as const

const CONTROL = 3, PAYLOAD = 4, BOARD = 5, FIRST = 6

/** What a child says, and that it is gone. */
export interface Listens {
  ready(child: Child): void
  retiring(child: Child, reason: FinishReason): void
  /** No process could be made. `ended` follows. */
  failed(error: unknown): void
  ended(child: Child, code: number | null, signal: NodeJS.Signals | null): void
}

export class Child implements ChildHandle {
  readonly slot: number
  readonly bucket: number
  readonly generation: number
  ready = false
  finishing = false
  retiring: FinishReason | undefined
  /** When it was told to finish, or said that it does: `uptime()`; 0: it was not. */
  finishTime = 0
  readonly startTime = Date.now()
  /** The control process has sent it a signal: that it ends by one is no crash. */
  killed = false
  readonly #process: ChildProcess | undefined
  readonly #row: SlotRow
  readonly #listens: Listens

  constructor(slot: number, bucket: number, files: GenerationFiles, row: SlotRow, relaunch: Relaunch, listens: Listens) {
    this.slot = slot
    this.bucket = bucket
    this.generation = files.generation
    this.#row = row
    this.#listens = listens
    this.#process = this.#spawn(files, relaunch)
    this.#process?.on('error', (error) => {
      if (this.pid < 0) this.#failed(error)
    })
    row.begin(Math.max(this.pid, 0), this.generation, bucket)
    this.#pipe?.on('data', (bytes: Buffer) => this.#hear(bytes))
    // The pipe breaks when the child dies; its end is what counts.
    this.#pipe?.on('error', () => undefined)
    this.#process?.on('exit', (code, signal) => listens.ended(this, code, signal))
  }

  // Some reasons are thrown, others come as an event.
  #spawn(files: GenerationFiles, relaunch: Relaunch): ChildProcess | undefined {
    try {
      return spawn(relaunch.command, withNodeArguments(relaunch, files.nodeArguments), {
        stdio: ['ignore', 2, 2, 'pipe', files.payload.fd, files.board,
          ...files.buckets[this.bucket]!.map(({ fd }) => fd), ...files.descriptors.values()],
        env: { ...process.env, [CHILD_VARIABLE]: JSON.stringify(startOf(this.slot, this.bucket, files)) },
      })
    } catch (error) {
      setImmediate(() => this.#failed(error))
      return undefined
    }
  }

  #failed(error: unknown): void {
    this.#listens.failed(error)
    this.#listens.ended(this, Exit.sick, null)
  }

  /** -1: no process could be made. */
  get pid(): number {
    return this.#process?.pid ?? -1
  }

  finish(reason: FinishReason): void {
    if (this.finishing) return
    this.#isFinishing(reason)
    this.#pipe?.write(Word.finish)
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.killed = true
    this.#process?.kill(signal)
  }

  #hear(bytes: Buffer): void {
    for (let i = 0; i < bytes.length; i++) {
      const word = String.fromCharCode(bytes[i]!)
      if (word === Word.ready) {
        this.ready = true
        this.#listens.ready(this)
      } else if (word === Word.retiring && i + 1 < bytes.length) this.#retires(reasonOf(bytes[++i]!))
    }
  }

  #retires(reason: FinishReason): void {
    this.retiring = reason
    if (!servesOn(reason)) this.#isFinishing(reason)
    this.#listens.retiring(this, reason)
  }

  #isFinishing(reason: FinishReason): void {
    this.finishing = true
    this.finishTime = uptime()
    this.#row.finish(reason)
  }

  get #pipe(): Duplex | undefined {
    // Without descriptors to spare there is a process object without standard descriptors.
    const stdio = this.#process?.stdio as (Duplex | null | undefined)[] | undefined
    return (stdio?.[CONTROL] as Duplex | null | undefined) ?? undefined
  }
}

function startOf(slot: number, bucket: number, files: GenerationFiles): ChildStart {
  const { generation, payload, population, descriptors, identity, coreDumpDirectory } = files
  const listeners = files.buckets[bucket]!
  return {
    slot, generation, population, identity, coreDumpDirectory, control: CONTROL,
    payload: { fd: PAYLOAD, bytes: payload.bytes },
    board: BOARD,
    listeners: listeners.map((socket, i) => ({ ...socket, fd: FIRST + i })),
    descriptors: Array.from({ length: descriptors.size }, (_, i) => FIRST + listeners.length + i),
  }
}
