/**
 * A child process and its threads: started by the control process, told to
 * finish by its pipe (whose end also says that the control process is gone),
 * over when its main thread says so or when all of its threads have finished.
 */
import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import { parentPort, Worker, workerData, type WorkerOptions } from 'node:worker_threads'
import { Exit, retiringWord, servesOn, Word, type ChildStart } from './children.ts'
import { takeSeat, type ProcessParts, type ThreadRole } from './child_thread.ts'
import { faultText } from '../base/fault_text.ts'
import { uptime } from '../base/uptime.ts'
import type { Server } from '../hook/types.ts'
import type { Fd } from '../port/port.ts'
import { globalCore } from './core_settings.ts'
import { log } from './log.ts'
import { LOOK_EVERY, OverdueThreads } from './overdue.ts'
import { dueFor, ownLimits, recycles, type Figures } from './recycle.ts'
import type { Payload } from './rebuild.ts'
import { running } from './running.ts'
import { Status, type FinishReason, type ProcessRow, type WorkerRow } from './scoreboard.ts'
import { threadOptions } from './v8_limits.ts'
import { hasDeadlines } from './vectors.ts'

/** A child whose control process is gone, or one of whose threads died, ends after this long (ms) at the latest. */
const LAST_MOMENT = 5000

/** When a child has begun to serve, this long (ms) after it what its start has freed goes back to the system. */
const TRIM_AFTER = 1000

/** How often (ms) a child looks at its own limits (RecycleChild). */
const RECYCLE_LOOK = 1000

/** What a thread of the crew is given. */
interface ThreadStart {
  readonly start: ChildStart
  readonly payload: string
  readonly thread: number
  readonly data: unknown
}

type ThreadWord = 'finished' | 'finish' | 'retire'
/** A thread serves. */
interface ThreadReady { readonly poller: Fd }

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
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(signal).on(signal, () => {
      process.emit('exit', 0)
      parts.port.host.exit(0)
    })
  }
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
  /** Threads that were asked for, whether or not they have been made. */
  #wanted = 0
  readonly #waiting: (() => void)[] = []
  #mainReady = false
  #saidReady = false
  readonly #ready = new Set<number>()
  readonly #finished = new Set<number>()
  #finishing = false
  #onFinish: (() => void) | undefined
  #control: Socket | undefined
  #row: ProcessRow | undefined
  #retiring = false
  readonly #begun = uptime()
  readonly #overdue: OverdueThreads
  /** Pollers of the threads, by number. */
  readonly #pollers = new Map<number, Fd>()
  #threadOptions: WorkerOptions = {}
  #onThreadLost: ((thread: number) => void) | undefined
  #rowOf: ((thread: number) => WorkerRow) | undefined

  constructor(start: ChildStart, payload: string, parts: ProcessParts, entry: string) {
    this.#start = start
    this.#payload = payload
    this.#parts = parts
    this.#entry = entry
    this.#overdue = new OverdueThreads({
      port: parts.port, threads: this.#threads, poller: (thread) => this.#pollers.get(thread),
      row: (thread) => this.#rowOf!(thread),
      ending: () => this.#retire('a fault in one of its threads'),
      get serverTokens() { return running().description },
    })
  }

  async run(payload: Payload): Promise<void> {
    this.#listenToParent()
    process.on('uncaughtException', (error) => this.#died(error))
    const { mpm, seat } = await takeSeat(this.#start, payload, this.#parts, this)
    this.#keepOutput(payload)
    process.title = `httpd: ${mpm.traits.name}`
    // The title sets the name in /proc as well, where a blank confuses those who split the line.
    this.#parts.port.host.nameThread('httpd')
    this.#row = seat.process
    this.#threadOptions = threadOptions(seat.server.get(globalCore))
    this.#rowOf = (thread) => running().board.worker(this.#start.slot, thread)
    if (this.#finishing) this.#row.set('quiescing', 1)
    if (mpm.traits.threads === 'none') seat.worker.status = Status.ready
    mpm.child(seat)
    this.#oversee(seat.server)
  }

  // Handlers over their time, and the child's own limits, are looked at from its main thread.
  #oversee(server: Server): void {
    const { recycle } = server.get(globalCore)
    if (this.#wanted > 0 && hasDeadlines(server.all)) setInterval(() => this.#overdue.look(), LOOK_EVERY).unref()
    if (!recycles(recycle)) return
    const limits = ownLimits(recycle, Math.random())
    setInterval(() => {
      const due = dueFor(limits, this.#figures())
      if (due !== undefined) this.#retire(due)
    }, RECYCLE_LOOK).unref()
  }

  #figures(): Figures {
    const { board, slot } = running()
    let requests = 0
    for (let thread = -1; thread < Math.max(1, this.#wanted); thread++)
      requests += board.worker(slot, thread).get('myAccesses')
    return { requests, memory: process.memoryUsage.rss(), age: uptime() - this.#begun }
  }

  // What node or a module prints belongs into the error log: whoever started the server has gone by then.
  #keepOutput({ descriptorNames }: Payload): void {
    const log = this.#start.descriptors[descriptorNames.findIndex((name) => name.startsWith('log:'))]
    if (this.#start.control < 0 || log === undefined) return
    for (const standard of [1, 2]) this.#parts.port.host.dup2(log, standard)
  }

  // ThreadRole

  // One in each turn: a listener that is ready answers meanwhile.
  startThread(number: number, data: unknown): void {
    this.#wanted++
    if (this.#waiting.push(() => this.#makeThread(number, data)) === 1) setImmediate(() => this.#makeThreads())
  }

  #makeThreads(): void {
    this.#waiting.shift()?.()
    if (this.#waiting.length > 0) setImmediate(() => this.#makeThreads())
  }

  #makeThread(number: number, data: unknown): void {
    const start: ThreadStart = { start: this.#start, payload: this.#payload, thread: number, data }
    const worker = new Worker(this.#entry, { workerData: start, ...this.#threadOptions })
    this.#threads.set(number, worker)
    worker.on('message', (word: ThreadWord | ThreadReady) => this.#hear(number, word))
    worker.on('error', (error) => this.#report(`thread ${number}`, error))
    worker.on('exit', () => this.#lost(number, data))
    // Told to finish while it was still starting: the thread shall hear of it as well.
    if (this.#finishing) worker.postMessage('finish' satisfies ThreadWord)
  }

  ready(): void {
    this.#mainReady = true
    this.#maybeReady()
  }

  onFinish(act: () => void): void {
    this.#onFinish = act
    if (this.#finishing) act()
  }

  onThreadLost(act: (thread: number) => void): void {
    this.#onThreadLost = act
  }

  retire(): void {
    this.#retire('MaxConnectionsPerChild')
  }

  /** Another child is to take its place; with some reasons it serves until that one does. */
  #retire(reason: FinishReason): void {
    if (this.#finishing) return
    const stops = !servesOn(reason)
    // Nobody could take the place of the one process of -X.
    if (!this.#retiring && this.#control !== undefined) this.#control.write(retiringWord(reason))
    this.#retiring = true
    if (stops) this.finish()
  }

  finished(): void {
    this.#exit(Exit.ok)
  }

  #hear(thread: number, word: ThreadWord | ThreadReady): void {
    if (typeof word === 'object') {
      this.#pollers.set(thread, word.poller)
      this.#ready.add(thread)
      this.#maybeReady()
    } else if (word === 'retire') this.retire()
    else if (word === 'finished') {
      this.#finished.add(thread)
      if (this.#finished.size === this.#wanted) this.#exit(Exit.ok)
    }
  }

  // A thread ends by itself only at the end of the process. What it had open stays open, so another child takes over;
  // until then another thread does its work.
  #lost(thread: number, data: unknown): void {
    if (this.#finished.has(thread)) return
    if (!this.#ready.delete(thread)) return this.#cannotStart(thread)
    this.#rowOf?.(thread).clear()
    this.#onThreadLost?.(thread)
    this.#retire('a fault in one of its threads')
    this.#wanted--
    this.startThread(thread, data)
  }

  // A thread that never served will not do better the next time.
  #cannotStart(thread: number): void {
    if (!this.#saidReady) this.#exit(Exit.sick)
    this.#finished.add(thread)
    this.#retire('a fault in one of its threads')
  }

  #maybeReady(): void {
    const wanted = this.#wanted
    if (this.#saidReady || this.#ready.size < wanted || (wanted === 0 && !this.#mainReady)) return
    this.#saidReady = true
    setTimeout(() => this.#parts.port.host.trim(), TRIM_AFTER).unref()
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
      // Whoever starts the server anew needs the ports.
      for (const { fd } of this.#start.listeners) this.#parts.port.net.close(fd)
      setTimeout(() => this.#exit(Exit.ok), LAST_MOMENT).unref()
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
  #died(error: unknown): void {
    this.#report('the main thread', error)
    process.exitCode = Exit.fault
    if (this.#onFinish === undefined && this.#wanted === 0) this.#exit(Exit.fault)
    this.finish()
    setTimeout(() => this.#exit(Exit.fault), LAST_MOMENT).unref()
  }

  #report(who: string, error: unknown): void {
    const text = faultText(error)
    log('crit', 'core', `SY00021: ${who} died of an exception that nobody caught: ${text}`)
  }

  // Not process.exit(): Node would end the threads first, and one that koffi is just calling back then ends the process
  // with an error of its own.
  #exit(code: number): void {
    const last = Number(process.exitCode ?? code)
    process.emit('exit', last)
    this.#parts.port.host.exit(last)
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
    ready: () => port.postMessage({ poller: seat.poller.handle } satisfies ThreadReady),
    onFinish(act) {
      onFinish = act
      if (finishing) act()
    },
    onThreadLost: () => { throw new Error('Cannot watch threads: only the main thread of a child can') },
    retire: () => port.postMessage('retire' satisfies ThreadWord),
    finished() {
      // The process may end without asking its threads: what they have kept they write now.
      process.emit('exit', 0)
      port.postMessage('finished' satisfies ThreadWord)
    },
  })
  seat.worker.status = Status.ready
  mpm.thread!(seat)
}
