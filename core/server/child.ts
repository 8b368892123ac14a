/**
 * A child process and its threads: started by the control process, told to
 * finish by its pipe (whose end also says that the control process is gone),
 * over when its main thread says so or when all of its threads have finished.
 */
import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { Word, type ChildStart } from './children.ts'
import { takeSeat, type ProcessParts, type ThreadRole } from './child_thread.ts'
import { log } from './log.ts'
import type { Payload } from './rebuild.ts'
import { Status, type ProcessRow } from './scoreboard.ts'

/** A child whose control process is gone, or one of whose threads died, ends after this long (ms) at the latest. */
const LAST_MOMENT = 5000

/** What a thread of the crew is given. */
interface ThreadStart {
  readonly start: ChildStart
  readonly payload: string
  readonly thread: number
  readonly data: unknown
}

type ThreadWord = 'ready' | 'finished' | 'finish' | 'retire'

/** The main thread of a child process. */
export async function runChild(start: ChildStart, parts: ProcessParts, entry: string): Promise<void> {
  const text = readPayload(start)
  await new ChildMain(start, text, parts, entry).run(JSON.parse(text) as Payload)
}

function readPayload({ payload }: ChildStart): string {
  const bytes = Buffer.allocUnsafe(payload.bytes)
  // With a position: the children share the descriptor's own.
  for (let at = 0; at < bytes.length;) at += readSync(payload.fd, bytes, at, bytes.length - at, at)
  return bytes.toString()
}

/** -X: the control process serves by itself, without children. Ends the process when it is over. */
export async function runHere(start: ChildStart, parts: ProcessParts, entry: string): Promise<void> {
  process.removeAllListeners('SIGTERM').on('SIGTERM', () => process.exit(0))
  process.removeAllListeners('SIGINT').on('SIGINT', () => process.exit(0))
  await runChild(start, parts, entry)
}

class ChildMain implements ThreadRole {
  readonly thread = -1
  readonly data = undefined
  readonly #start: ChildStart
  readonly #payload: string
  readonly #parts: ProcessParts
  readonly #entry: string
  readonly #threads = new Map<number, Worker>()
  #mainReady = false
  #threadsReady = 0
  #threadsStarted = 0
  #threadsFinished = 0
  #finishing = false
  #onFinish: (() => void) | undefined
  #control: Socket | undefined
  #row: ProcessRow | undefined

  constructor(start: ChildStart, payload: string, parts: ProcessParts, entry: string) {
    this.#start = start
    this.#payload = payload
    this.#parts = parts
    this.#entry = entry
  }

  async run(payload: Payload): Promise<void> {
    this.#listenToParent()
    process.on('uncaughtException', (error) => this.#died('the main thread', error))
    const { mpm, seat } = await takeSeat(this.#start, payload, this.#parts, this)
    this.#keepOutput()
    process.title = `httpd: ${mpm.traits.name}`
    // The title sets the name in /proc as well, where a blank confuses those who split the line.
    this.#parts.port.host.nameThread('httpd')
    this.#row = seat.process
    if (this.#finishing) this.#row.set('quiescing', 1)
    seat.process.set('pid', process.pid)
    seat.process.set('generation', this.#start.generation)
    seat.worker.status = Status.ready
    mpm.child(seat)
  }

  // What node or a module prints belongs into the error log: whoever started the server has gone by then.
  #keepOutput(): void {
    const log = Object.entries(this.#start.descriptors).find(([name]) => name.startsWith('log:'))?.[1]
    if (this.#start.control < 0 || log === undefined) return
    for (const standard of [1, 2]) this.#parts.port.host.dup2(log, standard)
  }

  // ThreadRole

  startThread(number: number, data: unknown): void {
    const start: ThreadStart = { start: this.#start, payload: this.#payload, thread: number, data }
    const worker = new Worker(this.#entry, { workerData: start })
    this.#threads.set(number, worker)
    this.#threadsStarted++
    worker.on('message', (word: ThreadWord) => this.#hear(word))
    worker.on('error', (error) => this.#died(`thread ${number}`, error))
  }

  ready(): void {
    this.#mainReady = true
    this.#maybeReady()
  }

  onFinish(act: () => void): void {
    this.#onFinish = act
    if (this.#finishing) act()
  }

  retire(): void {
    if (this.#finishing) return
    // Whoever is to replace it starts while it still answers what is under way.
    this.#control?.write(Word.retiring)
    this.finish()
  }

  finished(): void {
    this.#exit(0)
  }

  #hear(word: ThreadWord): void {
    if (word === 'ready') {
      this.#threadsReady++
      this.#maybeReady()
    } else if (word === 'retire') this.retire()
    else if (word === 'finished' && ++this.#threadsFinished === this.#threadsStarted) this.#exit(0)
  }

  #maybeReady(): void {
    if (this.#threadsReady < this.#threadsStarted || (this.#threadsStarted === 0 && !this.#mainReady)) return
    this.#control?.write(Word.ready)
  }

  #listenToParent(): void {
    if (this.#start.control < 0) return
    const control = new Socket({ fd: this.#start.control, readable: true, writable: true })
    this.#control = control
    control.on('data', (bytes) => {
      if (bytes.includes(Word.finish)) this.finish()
    })
    control.on('error', () => undefined)
    control.on('close', () => {
      log('error', 'core', 'SY00020: the control process is gone: finishing')
      this.finish()
      setTimeout(() => this.#exit(0), LAST_MOMENT).unref()
    })
  }

  /** Answers what is under way, then ends. */
  finish(): void {
    if (this.#finishing) return
    this.#finishing = true
    this.#row?.set('quiescing', 1)
    this.#onFinish?.()
    for (const thread of this.#threads.values()) thread.postMessage('finish' satisfies ThreadWord)
  }

  // The process may be in any state: it finishes what it can and makes room for another.
  #died(who: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    log('crit', 'core', `SY00021: ${who} died of an exception that nobody caught: ${text}`)
    process.exitCode = 1
    if (this.#onFinish === undefined && this.#threads.size === 0) this.#exit(1)
    this.finish()
    setTimeout(() => this.#exit(1), LAST_MOMENT).unref()
  }

  #exit(code: number): void {
    process.exit(process.exitCode ?? code)
  }
}

/** A thread of the crew. */
export async function runThread(parts: ProcessParts): Promise<void> {
  const { start, payload, thread, data } = workerData as ThreadStart
  const port = parentPort!
  let onFinish: (() => void) | undefined
  let finishing = false
  port.on('message', (word: ThreadWord) => {
    if (word !== 'finish') return
    finishing = true
    onFinish?.()
  })
  parts.port.host.nameThread(`httpd/${thread}`)
  const { mpm, seat } = await takeSeat(start, JSON.parse(payload) as Payload, parts, {
    thread, data,
    startThread: () => { throw new Error('Cannot start a thread: only the main thread of a child can') },
    ready: () => port.postMessage('ready' satisfies ThreadWord),
    onFinish(act) {
      onFinish = act
      if (finishing) act()
    },
    retire: () => port.postMessage('retire' satisfies ThreadWord),
    finished: () => port.postMessage('finished' satisfies ThreadWord),
  })
  seat.worker.status = Status.ready
  mpm.thread!(seat)
}
