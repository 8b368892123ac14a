/**
 * The control process: it binds, starts children, hears signals, and leads from
 * one generation of the configuration to the next. It never touches a connection.
 *
 *   open sockets and logs ─► children ─► the MPM looks after them ─► asked ─┐
 *        ▲                                                                  │
 *        └──────────── read the configuration again ◄─── restart ───────────┤
 *                                                          stop ◄───────────┘
 */
import { faultText } from '../base/fault_text.ts'
import { logName } from '../hook/module.ts'
import type { Fd, Port } from '../port/port.ts'
import { Exit, type ChildStart } from './children.ts'
import { ChildrenOf } from './control_children.ts'
import { globalCore } from './core_settings.ts'
import { errorLogOf, Generations, refusalOf, type Generation } from './generation.ts'
import { log, useErrorLogs } from './log.ts'
import type { Asked, SiteEvent } from './mpm.ts'
import { errnoPrefix } from './notes.ts'
import { OrphanReaper, zombiesOf } from './orphans.ts'
import { removePidFile, writePidFile } from './pidfile.ts'
import type { ServerStart } from './program.ts'
import type { Relaunch } from './relaunch.ts'
import { serverTokens } from './server_tokens.ts'
import { figuresOf } from './service_figures.ts'
import { openNotifier, type PassedSocket, type Reporting } from './service_manager.ts'
import type { ServiceNotifier } from './service_notifier.ts'
import type { Prepared } from './startup.ts'
import type { IdentityParts } from './startup_identity.ts'
import { builtText, endingText, ignoredFatalText, mpmChangeTexts, SHORTAGE, upText } from './control_texts.ts'

export interface ControlParts {
  readonly port: Port
  readonly relaunch: Relaunch
  /** When the program was built, in Apache's format. */
  readonly builtOn: string
  /** Serves a generation in this very process (-X). */
  readonly here: (start: ChildStart) => Promise<void>
  /** What decides whether and as whom this server may serve. */
  readonly identity: IdentityParts
  /** Sockets that came with this process, and where it reports to. */
  readonly sockets: readonly PassedSocket[]
  readonly reporting: Reporting
}

/** Signal number of SIGUSR1, which a Node with --disable-sigusr1 keeps blocked. */
const SIGUSR1 = 10

/** When a generation serves, this long (ms) after it what its start has freed goes back to the system. */
const TRIM_AFTER = 1000

/** Runs the server in this process until it ends. @returns the exit code */
export function serve(start: ServerStart, parts: ControlParts): Promise<number> {
  return new Control(start, parts).run()
}

class Control {
  readonly #start: ServerStart
  readonly #port: Port
  readonly #all: Generations
  readonly #children: ChildrenOf
  readonly #here: ControlParts['here']
  readonly #builtOn: string
  readonly #notify: ServiceNotifier
  #saidReady = false
  #errorLog: Fd | undefined
  /** Absolute. */
  #pidFile: string
  readonly #said = new Set<string>()
  /** The generation that served before, until a child of the new one does. */
  #before: Generation | undefined

  constructor(start: ServerStart, { port, relaunch, here, builtOn, identity, sockets, reporting }: ControlParts) {
    this.#here = here
    this.#start = start
    this.#pidFile = start.pidFile
    this.#port = port
    this.#builtOn = builtOn
    this.#all = new Generations({
      port, identity, sockets, argv: start.argv, oneProcess: start.oneProcess, show: start.show,
    })
    this.#notify = openNotifier(reporting, () => port.service, (text) => start.show({ level: 'warn', module: 'core', text }))
    this.#children = new ChildrenOf({
      relaunch,
      heard: () => this.#heard(),
      forkFailed: (error) => {
        const { mpm } = this.#start.prepared
        log('error', logName(mpm), `${errnoPrefix(error)}${mpm.logNumbers.forkFailed}: fork: Unable to fork new process`)
      },
      log: (level, text) => log(level, 'core', text),
    })
    port.service.unblock(SIGUSR1)
    this.#lookAfter()
  }

  // What goes on beside the generations.
  #lookAfter(): void {
    const every = (ms: number, act: () => void) => void setInterval(act, ms).unref()
    if (this.#notify.interval > 0) every(this.#notify.interval, () => this.#notify.tick(() => figuresOf(this.#all.board)))
    if (process.pid !== 1) return
    const orphans = new OrphanReaper({
      zombies: () => zombiesOf(process.pid).filter((pid) => ![...this.#children.alive.values()].some((child) => child.pid === pid)),
      reap: (pid) => this.#port.service.reap(pid),
    })
    every(1000, () => orphans.look())
  }

  async run(): Promise<number> {
    process.title = 'httpd'
    process.on('uncaughtException', (error) => this.#fault(error))
    const first = await this.#all.open(this.#start.prepared)
    if ('texts' in first) return this.#refuse(first.texts)
    this.#errorLog = errorLogOf(first)
    const pid = writePidFile(this.#start.pidFile, process.pid, this.#start.line.program)
    pid.notes.forEach((note) => this.#start.show(note))
    if (!pid.ok) return 1
    return this.#start.oneProcess ? this.#serveHere(first) : this.#generations(first)
  }

  // Children notice that nobody looks after them any more, and end in order.
  #fault(error: unknown): never {
    const text = faultText(error)
    if (!this.#saidReady) this.#start.stderr(`SY00069: fault in the control process: ${text}\n`)
    log('emerg', 'core', `SY00069: fault in the control process: the server ends: ${text}`)
    this.#removePidFile()
    process.exit(1)
  }

  // -X: no children, no word in the log, ended by the first TERM or INT.
  async #serveHere({ files }: Generation): Promise<number> {
    const board = this.#all.board!
    board.use(0, files.population.threadsPerChild)
    board.slot(0).begin(process.pid, files.generation, 0)
    await this.#here({
      ...files, slot: 0, listeners: files.buckets[0]!, control: -1, descriptors: [...files.descriptors.values()],
    })
    return new Promise<number>(() => undefined)
  }

  async #generations(first: Generation): Promise<number> {
    let now = first
    if (this.#children.stopAsked) return this.#end(now, 'stop')
    this.#announce(now.prepared)
    for (;;) {
      const asked = await this.#runGeneration(now)
      if (asked === 'stop' || asked === 'graceful-stop' || asked === 'fatal') return this.#end(now, asked)
      now = asked === 'revert' ? this.#revert(now) : await this.#restart(now, asked)
    }
  }

  #count(restarts: 'gracefulRestarts' | 'restarts'): void {
    const board = this.#all.board!
    board.setGlobal(restarts, board.global(restarts) + 1)
  }

  async #runGeneration(now: Generation): Promise<Asked> {
    const { prepared, files } = now
    const module = logName(prepared.mpm)
    const board = this.#all.board!
    this.#children.begin(files.generation, {
      coreDumps: prepared.servers[0]!.get(globalCore).coreDumpDirectory, threads: prepared.mpm.traits.threads !== 'none',
    })
    return prepared.mpm.run({
      generation: files.generation, server: prepared.servers[0]!, population: files.population, board,
      children: this.#children.alive,
      start: (slot, bucket) => this.#children.start(slot, bucket, files, board),
      next: () => this.#nextEvent(now),
      said: this.#said, now: () => performance.now(),
      log: (level, text) => log(level, module, text),
    })
  }

  async #nextEvent(now: Generation): Promise<SiteEvent> {
    const event = await this.#children.next()
    if (event.kind === 'tick') {
      this.#children.endOverdue(gracefulTimeout(now))
      this.#children.endHanging()
    }
    if (event.kind === 'ready' && event.child.generation === now.files.generation) {
      this.#forgetBefore(now)
      this.#notify.ready()
    }
    if (event.kind !== 'ended') return event
    const { child, code, signal } = event
    if (code === Exit.fatal) {
      if (child.generation === now.files.generation) return this.#hopeless(now, `AH00050: Child ${child.pid} returned a Fatal error... Apache is exiting!`)
      log('warn', logName(now.prepared.mpm), ignoredFatalText(now.prepared.mpm, child.pid))
    }
    if (!this.#children.hopeless) return event
    const { shortage } = now.prepared.mpm.logNumbers
    if (code === Exit.sick && shortage !== undefined) return this.#hopeless(now, `${shortage}: ${SHORTAGE}`)
    const ended = signal === null ? `ended with code ${code ?? 0}` : `was ended by ${signal}`
    return this.#hopeless(now, `SY00030: no child process could begin to serve; the last one ${ended}`)
  }

  // No child of this generation will ever serve: the one before goes on, or nobody.
  #hopeless({ prepared }: Generation, text: string): SiteEvent {
    if (!this.#saidReady) this.#start.stderr(`${text}\n`)
    log('alert', logName(prepared.mpm), text)
    return { kind: 'asked', asked: this.#before === undefined ? 'fatal' : 'revert' }
  }

  #revert(failed: Generation): Generation {
    const before = this.#before!
    this.#before = undefined
    this.#children.endGeneration(failed.files.generation)
    useErrorLogs(before.logs)
    log('error', 'core', 'SY00064: the new configuration cannot be served: going back to the one before')
    this.#all.close(failed)
    this.#all.listenOnlyFor(before)
    this.#writePidFile(before.prepared)
    this.#all.board!.setGlobal('generation', before.files.generation)
    this.#notify.ready()
    return before
  }

  // A child of the new generation serves: there is no way back, and nothing of the old one is needed any more.
  #forgetBefore(now: Generation): void {
    const before = this.#before
    if (before === undefined) return
    this.#before = undefined
    this.#all.listenOnlyFor(now)
    this.#all.close(before)
    this.#trimSoon()
  }

  // The first child of the first generation serves: whoever started the server may go.
  #heard(): void {
    if (this.#saidReady) return
    this.#saidReady = true
    this.#trimSoon()
    this.#start.ready(this.#errorLog)
  }

  // Reading a configuration takes memory that is not needed until the next time.
  #trimSoon(): void {
    setTimeout(() => this.#port.host.trim(), TRIM_AFTER).unref()
  }

  #announce({ mpm, servers }: Prepared): void {
    log('notice', logName(mpm), upText(mpm, serverTokens(servers[0]!.get(globalCore).serverTokens)))
    log('info', logName(mpm), builtText(mpm, this.#builtOn))
    log('notice', 'core', `AH00094: Command line: '${this.#start.commandLine}'`)
  }

  /** @returns the next generation, or this one if the configuration on disk cannot be served */
  async #restart(now: Generation, asked: 'restart' | 'graceful'): Promise<Generation> {
    this.#notify.reloading()
    const { mpm } = now.prepared
    const say = () => log('notice', logName(mpm), endingText(mpm, asked))
    const last = asked === 'restart' && mpm.logsRestart === 'last'
    if (!last) say()
    const next = await this.#next(now)
    if (next === undefined) return now
    if (asked === 'restart') await this.#children.reclaim()
    if (last) say()
    // A word of its first child may still be waiting to be heard.
    if (this.#children.served) this.#forgetBefore(now)
    // What never served is nothing to go back to, where there is something that did.
    if (this.#before === undefined) this.#before = now
    else this.#all.close(now)
    this.#writePidFile(next.prepared)
    this.#count(asked === 'restart' ? 'restarts' : 'gracefulRestarts')
    this.#announce(next.prepared)
    return next
  }

  async #next(now: Generation): Promise<Generation | undefined> {
    const answer = await this.#start.again(this.#all.fixed).catch((error: unknown) => ({ kind: 'refused' as const, notes: [], ...refusalOf(error) }))
    for (const { level, module, text } of answer.notes) log(level, module, text)
    if (answer.kind === 'refused') return this.#keep(answer.texts)
    if (answer.mpm.name !== now.prepared.mpm.name)
      return this.#keep(mpmChangeTexts(now.prepared.mpm, answer.mpm))
    const next = await this.#all.open(answer)
    if (!('texts' in next)) return next
    this.#all.listenOnlyFor(now, this.#before)
    return this.#keep(next.texts)
  }

  #keep(texts: readonly string[]): undefined {
    this.#notify.ready()
    for (const text of texts) log('error', 'core', text)
    log('error', 'core', 'SY00031: the configuration on disk cannot be served: going on with the one in use')
    return undefined
  }

  async #end(now: Generation, asked: 'stop' | 'graceful-stop' | 'fatal'): Promise<number> {
    const { mpm } = now.prepared
    this.#notify.stopping()
    // While children still have the ports, the file says that the server runs.
    if (asked === 'stop') await this.#children.reclaim()
    if (asked !== 'fatal' || mpm.traits.threads === 'none') this.#removePidFile()
    if (asked === 'fatal') {
      if (mpm.traits.threads === 'none') log('emerg', 'core', 'AH02818: MPM run failed, exiting')
    } else log('notice', logName(mpm), endingText(mpm, asked))
    if (asked === 'graceful-stop') {
      this.#all.listenOnlyFor()
      await this.#children.finishAll(gracefulTimeout(now))
    }
    await this.#children.reclaim()
    return asked === 'fatal' ? 1 : 0
  }

  // As at the start: it may have another name now, or somebody has removed it.
  #writePidFile(prepared: Prepared): void {
    const path = this.#start.pidFileOf(prepared)
    const { ok, notes } = writePidFile(path, process.pid, this.#start.line.program)
    for (const { level, module, text } of notes) log(level, module, text)
    if (!ok || path === this.#pidFile) return
    this.#removePidFile()
    this.#pidFile = path
  }

  #removePidFile(): void {
    const { notes } = removePidFile(this.#pidFile, process.pid)
    for (const { level, module, text } of notes) log(level, module, text)
  }

  #refuse(texts: readonly string[]): 1 {
    for (const text of texts) this.#start.stderr(`${text}\n`)
    return 1
  }
}

const gracefulTimeout = ({ prepared }: Generation): number =>
  prepared.servers[0]!.get(globalCore).gracefulShutdownTimeout
