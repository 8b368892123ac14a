/** Child processes: how one is started, told to finish, and heard from. */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import type { Fd } from '../port/port.ts'
import type { Listening } from './listeners.ts'
import { log } from './log.ts'
import type { ChildHandle, Population } from './mpm.ts'
import type { Identity } from './privileges.ts'

/** Names the variable that tells a process that it is a child, and which. */
export const CHILD_VARIABLE = 'HTTPD_CHILD'

/** Words of the control pipe, one byte each. */
export const Word = { finish: 'G', ready: 'R', retiring: 'Q' } as const

/** One generation, in descriptors of whoever reads it. */
interface Handed {
  readonly generation: number
  readonly payload: { readonly fd: Fd; readonly bytes: number }
  readonly board: Fd
  readonly listeners: readonly Listening[]
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
  /** -1: there is no control process but this one. */
  readonly control: Fd
  /** What modules opened in the control process, by name. */
  readonly descriptors: Readonly<Record<string, Fd>>
}

/** The same in descriptors of the control process. */
export interface GenerationFiles extends Handed {
  readonly descriptors: ReadonlyMap<string, Fd>
}

export interface Relaunch {
  readonly command: string
  readonly args: readonly string[]
}

/** Exit code of a child for which something was lacking (Apache's APEXIT_CHILDSICK). */
const CHILD_SICK = 7
/** Exit code of a child that no other could do better than (Apache's APEXIT_CHILDFATAL): the server ends. */
export const CHILD_FATAL = 15

const CONTROL = 3, PAYLOAD = 4, BOARD = 5, FIRST = 6

export class Child implements ChildHandle {
  readonly slot: number
  readonly generation: number
  ready = false
  finishing = false
  readonly #process: ChildProcess

  constructor(slot: number, files: GenerationFiles, relaunch: Relaunch, heard: (child: Child, word: 'ready' | 'retiring') => void,
              ended: (child: Child, code: number | null, signal: NodeJS.Signals | null) => void) {
    this.slot = slot
    this.generation = files.generation
    this.#process = spawn(relaunch.command, [...relaunch.args], {
      stdio: ['ignore', 2, 2, 'pipe', files.payload.fd, files.board,
        ...files.listeners.map(({ fd }) => fd), ...files.descriptors.values()],
      env: { ...process.env, [CHILD_VARIABLE]: JSON.stringify(startOf(slot, files)) },
    })
    this.#pipe?.on('data', (bytes: Buffer) => {
      if (bytes.includes(Word.ready)) {
        this.ready = true
        heard(this, 'ready')
      }
      if (bytes.includes(Word.retiring)) heard(this, 'retiring')
    })
    // The pipe breaks when the child dies; its end is what counts.
    this.#pipe?.on('error', () => undefined)
    this.#process.on('error', (error) => {
      if (this.#process.pid !== undefined) return
      log('error', 'core', `SY00032: Cannot start a child process: ${error.message}`)
      ended(this, CHILD_SICK, null)
    })
    this.#process.on('exit', (code, signal) => ended(this, code, signal))
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  finish(): void {
    if (this.finishing) return
    this.finishing = true
    this.#pipe?.write(Word.finish)
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#process.kill(signal)
  }

  get #pipe(): Duplex | undefined {
    return (this.#process.stdio[CONTROL] as Duplex | null | undefined) ?? undefined
  }
}

function startOf(slot: number, files: GenerationFiles): ChildStart {
  const { generation, payload, listeners, population, descriptors, identity, coreDumpDirectory } = files
  const named = [...descriptors.keys()].map((name, i) => [name, FIRST + listeners.length + i] as const)
  return {
    slot, generation, population, identity, coreDumpDirectory, control: CONTROL,
    payload: { fd: PAYLOAD, bytes: payload.bytes },
    board: BOARD,
    listeners: listeners.map((socket, i) => ({ ...socket, fd: FIRST + i })),
    descriptors: Object.fromEntries(named),
  }
}
