/** The children of a control process, and everything that happens to it: one queue of events, read by the MPM. */
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { uptime } from '../base/uptime.ts'
import { Child, Exit, type GenerationFiles } from './children.ts'
import { takeHeldSignals } from './early_signals.ts'
import type { Asked, SiteEvent } from './mpm.ts'
import { isOverdue, overdueText } from './overdue.ts'
import type { Relaunch } from './relaunch.ts'
import { Status, type Scoreboard } from './scoreboard.ts'
import { hasTerminal } from './terminal.ts'

export interface ChildrenParts {
  readonly relaunch: Relaunch
  /** A child said that it serves. */
  heard(): void
  /** No process could be made. */
  forkFailed(error: unknown): void
  log(level: 'info' | 'notice' | 'warn' | 'error', text: string): void
}

const SECOND = 1000
/** Maintenance is due after this long (ms) even if no second was quiet. */
const LONGEST_WAIT = 2000
/** From the first to the last word to a child that does not end in time (ms). */
const TERM_TO_KILL = 5000
/** Reclaiming children that do not end (ms after the first SIGTERM): again, and at last for good. */
const TERM_AGAIN = [3000, 5000, 7000]
const KILL = 9000
const GIVE_UP = 10_000
/** Signals that are not worth a line: we sent them, or a person did. */
const QUIET = new Set(['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGKILL'])
/** A child that one of these ends before it serves says nothing about those that follow. */
const FROM_OUTSIDE = new Set<NodeJS.Signals | null>(['SIGTERM', 'SIGHUP', 'SIGUSR1'])
const SIGNAL_TEXT: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGSEGV: 'Segmentation fault', SIGABRT: 'Aborted', SIGBUS: 'Bus error', SIGILL: 'Illegal instruction',
  SIGFPE: 'Floating point exception', SIGTRAP: 'Trace/breakpoint trap', SIGINT: 'Interrupt', SIGQUIT: 'Quit',
  SIGALRM: 'Alarm clock', SIGPIPE: 'Broken pipe', SIGUSR2: 'User defined signal 2', SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'File size limit exceeded', SIGSYS: 'Bad system call',
}
/** Children that ended before any had served: so many make a start hopeless. */
const HOPELESS = 3

export class ChildrenOf {
  readonly alive = new Map<number, Child>()
  readonly #parts: ChildrenParts
  readonly #events: SiteEvent[] = []
  readonly #overdue = new Map<Child, 'SIGTERM' | 'SIGKILL'>()
  #waiting: ((event: SiteEvent) => void) | undefined
  #board: Scoreboard | undefined
  #coreDumps: string | undefined
  #threads = true
  /** Of the generation that was begun last: did a child serve, and how many ended before one did. */
  #generation = -1
  #served = false
  #failures = 0
  #lastTick = performance.now()
  #lastEnd = -Infinity
  #saidWinch = false

  constructor(parts: ChildrenParts) {
    this.#parts = parts
    const ask = (asked: Asked) => () => this.#happened({ kind: 'asked', asked })
    process.on('SIGTERM', ask('stop')).on('SIGINT', ask('stop'))
    process.on('SIGHUP', ask('restart')).on('SIGUSR1', ask('graceful'))
    process.on('SIGWINCH', () => {
      // A window that changes its size sends WINCH to what runs in it: not a wish to stop.
      if (!hasTerminal()) this.#happened({ kind: 'asked', asked: 'graceful-stop' })
      else if (!this.#saidWinch) this.#ignoreWinch()
    })
    process.on('SIGPIPE', () => undefined)
    for (const signal of takeHeldSignals()) this.#happened({ kind: 'asked', asked: signal === 'SIGHUP' ? 'restart' : 'graceful' })
  }

  #ignoreWinch(): void {
    this.#saidWinch = true
    this.#parts.log('info', 'SY00044: SIGWINCH is ignored while the server has a controlling terminal: it says that a window has a new size')
  }

  /** True if the server was asked to stop and nobody has heard it yet. */
  get stopAsked(): boolean {
    return this.#events.some((event) => event.kind === 'asked' && event.asked === 'stop')
  }

  /** A generation is looked after from now on, perhaps again. @param threads its children have threads of their own */
  begin(generation: number, { coreDumps, threads }: { coreDumps: string | undefined; threads: boolean }): void {
    this.#coreDumps = coreDumps
    this.#threads = threads
    if (generation === this.#generation) return
    this.#generation = generation
    this.#served = [...this.alive.values()].some((child) => child.generation === generation && child.ready)
    this.#failures = 0
  }

  /** A child of this generation has served. */
  get served(): boolean {
    return this.#served
  }

  /** True if all children of this generation so far ended before one served, often enough to give up. */
  get hopeless(): boolean {
    return !this.#served && this.#failures >= HOPELESS
  }

  start(slot: number, bucket: number, files: GenerationFiles, board: Scoreboard): Child {
    this.#board = board
    board.use(slot, files.population.threadsPerChild)
    const child = new Child(slot, bucket, files, board.slot(slot), this.#parts.relaunch, {
      ready: (speaker) => {
        if (speaker.generation === this.#generation) this.#served = true
        this.#parts.heard()
        this.#happened({ kind: 'ready', child: speaker })
      },
      retiring: (speaker, reason) => this.#happened({ kind: 'retiring', child: speaker, reason }),
      failed: (error) => this.#parts.forkFailed(error),
      ended: (gone, code, signal) => this.#ended(gone, code, signal),
    })
    this.alive.set(slot, child)
    for (let thread = 0; thread < files.population.threadsPerChild; thread++)
      board.worker(slot, thread).status = Status.starting
    return child
  }

  /**
   * The next thing that happens. A second without the end of a child is an event, too; if children keep ending, such a
   * second is not waited for longer than for two.
   */
  next(): Promise<SiteEvent> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve(event)
    const due = Math.min(Math.max(this.#lastTick, this.#lastEnd) + SECOND, this.#lastTick + LONGEST_WAIT)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#tick(), Math.max(0, due - performance.now()))
      this.#waiting = (happened) => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve(happened)
      }
    })
  }

  /** Children that have been finishing for too long are ended. @param limit ms; 0: none */
  endOverdue(limit: number): void {
    if (limit <= 0) return
    const now = uptime()
    this.#each((child) => {
      const passed = now - child.finishTime
      if (child.finishTime === 0 || passed < limit) return
      const signal = passed < limit + TERM_TO_KILL ? 'SIGTERM' : 'SIGKILL'
      if (this.#overdue.get(child) === signal) return
      this.#overdue.set(child, signal)
      const reason = this.#board!.slot(child.slot).reason
      this.#parts.log('warn', `SY00065: child process ${child.pid} of generation ${child.generation} has been finishing for ${Math.round(passed / SECOND)} s (${reason}), longer than GracefulShutdownTimeout: sending a ${signal}`)
      child.kill(signal)
    })
  }

  /** Ends processes without threads whose handler is over its time: nobody in there can. */
  endHanging(): void {
    if (this.#threads) return
    const now = uptime()
    this.#each((child) => {
      const row = this.#board!.worker(child.slot, 0)
      if (!isOverdue(row, now)) return
      this.#parts.log('error', overdueText(row, `process ${child.pid}`))
      child.kill('SIGKILL')
    })
  }

  /** Ends the children of a generation that never served. */
  endGeneration(generation: number): void {
    this.#each((child) => {
      if (child.generation === generation) child.kill('SIGTERM')
    })
  }

  /** Ends all children: SIGTERM, and more if they do not listen (Apache's ap_reclaim_child_processes). */
  async reclaim(): Promise<void> {
    for (const child of this.alive.values()) child.kill('SIGTERM')
    const begun = uptime()
    const again = [...TERM_AGAIN]
    let killed = false
    while (this.alive.size > 0 && uptime() - begun < GIVE_UP) {
      await this.#pause(20)
      const passed = uptime() - begun
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

  /** Lets all children finish, until a stop is asked for. @param limit ms; 0: no limit */
  async finishAll(limit: number): Promise<void> {
    for (const child of this.alive.values()) child.finish('stop')
    const until = limit > 0 ? uptime() + limit : Infinity
    while (this.alive.size > 0 && uptime() < until) {
      const event = this.#events.shift()
      if (event?.kind === 'asked' && event.asked === 'stop') return
      this.endHanging()
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
    this.#overdue.delete(child)
    this.#lastEnd = performance.now()
    if (this.#board !== undefined) this.#clean(this.#board, child, signal === null ? code !== Exit.ok : !child.killed)
    // Where no process could be made, it is the system that has to recover.
    const failed = child.pid >= 0 && !child.ready && !child.finishing && !FROM_OUTSIDE.has(signal)
    if (failed && child.generation === this.#generation) this.#failures++
    if (signal !== null && !QUIET.has(signal)) this.#parts.log('notice', this.#deathText(child, signal))
    this.#happened({ kind: 'ended', child, code, signal })
  }

  #clean(board: Scoreboard, { slot }: Child, crashed: boolean): void {
    board.clear(slot)
    if (crashed) board.setGlobal('crashes', board.global('crashes') + 1)
  }

  #deathText(child: Child, signal: NodeJS.Signals): string {
    const text = `child pid ${child.pid} exit signal ${SIGNAL_TEXT[signal] ?? signal} (${constants.signals[signal]})`
    return hasCore(this.#coreDumps, child) ? `AH00051: ${text}, possible coredump in ${this.#coreDumps}` : `AH00052: ${text}`
  }

  #tick(): void {
    this.#lastTick = performance.now()
    this.#happened({ kind: 'tick' })
  }

  #happened(event: SiteEvent): void {
    if (this.#waiting !== undefined) this.#waiting(event)
    else if (event.kind !== 'tick' && !this.#isQueued(event)) this.#events.push(event)
  }

  // Asked twice before it is done once is asked once, as with signals themselves.
  #isQueued(event: SiteEvent): boolean {
    return event.kind === 'asked' && this.#events.some((queued) => queued.kind === 'asked' && queued.asked === event.asked)
  }
}

// Node does not say whether the kernel dumped core: a file that is younger than the child does.
function hasCore(directory: string | undefined, child: Child): boolean {
  if (directory === undefined) return false
  return ['core', `core.${child.pid}`].some((name) => {
    const stat = statSync(join(directory, name), { throwIfNoEntry: false })
    return stat !== undefined && stat.mtimeMs >= child.startTime
  })
}
