/** The children of a control process, and everything that happens to it: one queue of events, read by the MPM. */
import { Child, Exit, type GenerationFiles, type Relaunch } from './children.ts'
import type { Asked, SiteEvent } from './mpm.ts'
import { Status, type Scoreboard } from './scoreboard.ts'

export interface ChildrenParts {
  readonly relaunch: Relaunch
  /** A child said that it serves. */
  heard(): void
  log(level: 'notice' | 'warn' | 'error', text: string): void
}

const SECOND = 1000
/** Reclaiming children that do not end (ms after the first SIGTERM): again, and at last for good. */
const TERM_AGAIN = [3000, 5000, 7000]
const KILL = 9000
const GIVE_UP = 10_000
/** Signals that are not worth a line: we sent them, or a person did. */
const QUIET = new Set(['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGKILL'])
const SIGNAL_TEXT: Readonly<Record<string, readonly [text: string, number: number]>> = {
  SIGSEGV: ['Segmentation fault', 11], SIGABRT: ['Aborted', 6], SIGBUS: ['Bus error', 7], SIGILL: ['Illegal instruction', 4],
  SIGFPE: ['Floating point exception', 8], SIGTRAP: ['Trace/breakpoint trap', 5], SIGINT: ['Interrupt', 2],
}
/** Children that ended before any had served: so many make a start hopeless. */
const HOPELESS = 3

export class ChildrenOf {
  readonly alive = new Map<number, Child>()
  readonly #parts: ChildrenParts
  readonly #events: SiteEvent[] = []
  #waiting: ((event: SiteEvent) => void) | undefined
  #board: Scoreboard | undefined
  #failures = 0

  constructor(parts: ChildrenParts) {
    this.#parts = parts
    const ask = (asked: Asked) => () => this.#happened({ kind: 'asked', asked })
    process.on('SIGTERM', ask('stop')).on('SIGINT', ask('stop'))
    process.on('SIGHUP', ask('restart')).on('SIGUSR1', ask('graceful'))
    // A window that changes its size sends WINCH to what runs in it: not a wish to stop.
    if (!process.stdin.isTTY) process.on('SIGWINCH', ask('graceful-stop'))
    process.on('SIGPIPE', () => undefined)
  }

  /** True if all children so far ended before one served, often enough to give up. */
  get neverServed(): boolean {
    return this.#failures >= HOPELESS
  }

  start(slot: number, bucket: number, files: GenerationFiles, board: Scoreboard): Child {
    this.#board = board
    board.use(slot, files.population.threadsPerChild)
    const child = new Child(slot, bucket, files, board.slot(slot), this.#parts.relaunch, {
      ready: (speaker) => {
        this.#failures = 0
        this.#parts.heard()
        this.#happened({ kind: 'ready', child: speaker })
      },
      retiring: (speaker, reason) => this.#happened({ kind: 'retiring', child: speaker, reason }),
      ended: (gone, code, signal) => this.#ended(gone, code, signal),
    })
    this.alive.set(slot, child)
    for (let thread = 0; thread < files.population.threadsPerChild; thread++)
      board.worker(slot, thread).status = Status.starting
    return child
  }

  /** The next thing that happens; a second without anything is an event, too. */
  next(): Promise<SiteEvent> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve(event)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#happened({ kind: 'tick' }), SECOND)
      this.#waiting = (happened) => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve(happened)
      }
    })
  }

  /** Ends all children: SIGTERM, and more if they do not listen (Apache's ap_reclaim_child_processes). */
  async reclaim(): Promise<void> {
    for (const child of this.alive.values()) child.kill('SIGTERM')
    const begun = Date.now()
    const again = [...TERM_AGAIN]
    let killed = false
    while (this.alive.size > 0 && Date.now() - begun < GIVE_UP) {
      await this.#pause(20)
      const passed = Date.now() - begun
      if (again.length > 0 && passed >= again[0]!) {
        again.shift()
        this.#each((child) => this.#tell(child, 'SIGTERM', 'warn', 'AH00045'))
      }
      if (!killed && passed >= KILL) {
        killed = true
        this.#each((child) => this.#tell(child, 'SIGKILL', 'error', 'AH00046'))
      }
    }
    this.#each((child) => this.#parts.log('error', `AH00047: could not make child process ${child.pid} exit, attempting to continue anyway`))
  }

  /** Lets all children finish. @param limit seconds, 0: no limit */
  async finishAll(limit: number): Promise<void> {
    for (const child of this.alive.values()) child.finish('stop')
    const until = limit > 0 ? Date.now() + limit * SECOND : Infinity
    while (this.alive.size > 0 && Date.now() < until) {
      const event = this.#events.shift()
      if (event?.kind === 'asked' && event.asked === 'stop') return
      await this.#pause(20)
    }
  }

  #tell(child: Child, signal: 'SIGTERM' | 'SIGKILL', level: 'warn' | 'error', number: string): void {
    this.#parts.log(level, `${number}: child process ${child.pid} still did not exit, sending a ${signal}`)
    child.kill(signal)
  }

  #each(act: (child: Child) => void): void {
    for (const child of this.alive.values()) act(child)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  #ended(child: Child, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.alive.get(child.slot) === child) this.alive.delete(child.slot)
    this.#board?.clear(child.slot)
    if (!child.ready) this.#failures++
    const crashed = signal !== null ? !child.killed : code !== Exit.ok
    if (crashed) this.#board?.setGlobal('crashes', this.#board.global('crashes') + 1)
    if (signal !== null && !QUIET.has(signal)) {
      const [text, number] = SIGNAL_TEXT[signal] ?? [signal, 0]
      this.#parts.log('notice', `AH00052: child pid ${child.pid} exit signal ${text} (${number})`)
    }
    this.#happened({ kind: 'ended', child, code, signal })
  }

  #happened(event: SiteEvent): void {
    if (this.#waiting !== undefined) this.#waiting(event)
    else if (event.kind !== 'tick') this.#events.push(event)
  }
}
