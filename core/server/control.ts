/**
 * The control process: it binds, starts children, hears signals, and leads from
 * one generation of the configuration to the next. It never touches a connection.
 *
 *   open sockets and logs ─► children ─► the MPM looks after them ─► asked ─┐
 *        ▲                                                                  │
 *        └──────────── read the configuration again ◄─── restart ───────────┤
 *                                                          stop ◄───────────┘
 */
import { writeSync } from 'node:fs'
import { OK } from '../hook/hook.ts'
import { logName } from '../hook/module.ts'
import type { FixedLimits } from '../hook/hooks.ts'
import type { Server } from '../hook/types.ts'
import { machine } from '../port/machine.ts'
import type { Fd, Port } from '../port/port.ts'
import { Exit, type ChildStart, type GenerationFiles } from './children.ts'
import { ChildrenOf } from './control_children.ts'
import { globalCore } from './core_settings.ts'
import { bucketsNote } from './listen_buckets.ts'
import { Listeners } from './listeners.ts'
import { log, openErrorLogs } from './log.ts'
import type { Asked, Population, SiteEvent } from './mpm.ts'
import { errnoPrefix } from './notes.ts'
import { OrphanReaper, zombiesOf } from './orphans.ts'
import { PassedListeners } from './passed_listeners.ts'
import { removePidFile, writePidFile } from './pidfile.ts'
import type { ServerStart } from './program.ts'
import { payloadOf } from './rebuild.ts'
import type { Relaunch } from './relaunch.ts'
import type { Scoreboard } from './scoreboard.ts'
import { createBoard, type Board } from './scoreboard_file.ts'
import { serverTokens } from './server_tokens.ts'
import { figuresOf } from './service_figures.ts'
import { openNotifier, type PassedSocket, type Reporting } from './service_manager.ts'
import type { ServiceNotifier } from './service_notifier.ts'
import type { Prepared } from './startup.ts'
import { identityFor, type IdentityParts } from './startup_identity.ts'
import { processArguments } from './v8_limits.ts'
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

/** Runs the server in this process until it ends. @returns the exit code */
export function serve(start: ServerStart, parts: ControlParts): Promise<number> {
  return new Control(start, parts).run()
}

/** The generation that serves, in descriptors. */
interface Generation {
  readonly prepared: Prepared
  readonly files: GenerationFiles
}

class Control {
  readonly #start: ServerStart
  readonly #port: Port
  readonly #listeners: Listeners
  readonly #children: ChildrenOf
  readonly #here: ControlParts['here']
  readonly #builtOn: string
  readonly #identity: IdentityParts
  readonly #passed: PassedListeners
  readonly #notify: ServiceNotifier
  #board: Board | undefined
  /** Undefined until the first generation is open. */
  #fixed: FixedLimits | undefined
  #generation = 0
  #saidReady = false
  readonly #said = new Set<string>()
  #logFd: Fd | undefined
  /** The generation that served before, until a child of the new one does. */
  #before: Generation | undefined

  constructor(start: ServerStart, { port, relaunch, here, builtOn, identity, sockets, reporting }: ControlParts) {
    this.#here = here
    this.#identity = identity
    this.#start = start
    this.#port = port
    this.#builtOn = builtOn
    const service = () => port.service
    this.#passed = new PassedListeners(sockets, service)
    this.#listeners = new Listeners(port.net, this.#passed)
    this.#notify = openNotifier(reporting, service, (text) => start.show({ level: 'warn', module: 'core', text }))
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
    if (this.#notify.interval > 0) every(this.#notify.interval, () => this.#notify.tick(() => figuresOf(this.#board?.board)))
    if (process.pid !== 1) return
    const orphans = new OrphanReaper({
      zombies: () => zombiesOf(process.pid).filter((pid) => ![...this.#children.alive.values()].some((child) => child.pid === pid)),
      reap: (pid) => this.#port.service.reap(pid),
    })
    every(1000, () => orphans.look())
  }

  async run(): Promise<number> {
    process.title = 'httpd'
    const first = await this.#open(this.#start.prepared, false)
    if ('texts' in first) return this.#refuse(first.texts)
    const pid = writePidFile(this.#start.pidFile, process.pid, this.#start.line.program)
    pid.notes.forEach((note) => this.#start.show(note))
    if (!pid.ok) return 1
    return this.#start.oneProcess ? this.#serveHere(first) : this.#generations(first)
  }

  // -X: no children, no word in the log, ended by the first TERM or INT.
  async #serveHere({ files }: Generation): Promise<number> {
    const { board } = this.#board!
    board.use(0, files.population.threadsPerChild)
    board.slot(0).begin(process.pid, files.generation, 0)
    await this.#here({
      ...files, slot: 0, listeners: files.buckets[0]!, control: -1, descriptors: Object.fromEntries(files.descriptors),
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
    const { board } = this.#board!
    board.setGlobal(restarts, board.global(restarts) + 1)
  }

  async #runGeneration(now: Generation): Promise<Asked> {
    const { prepared, files } = now
    const module = logName(prepared.mpm)
    const { board } = this.#board!
    this.#children.begin(files.generation, prepared.servers[0]!.get(globalCore).coreDumpDirectory)
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
      if (now.prepared.mpm.traits.threads === 'none') this.#children.endHanging()
    }
    if (event.kind === 'ready' && event.child.generation === now.files.generation) this.#forgetBefore(now)
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

  #revert({ files }: Generation): Generation {
    log('error', 'core', 'SY00064: the new configuration cannot be served: going back to the one before')
    const before = this.#before!
    this.#before = undefined
    this.#children.endGeneration(files.generation)
    this.#closeFiles(files, before.files)
    this.#listeners.closeOthers(before.files.buckets.flat())
    this.#board!.board.setGlobal('generation', before.files.generation)
    this.#notify.ready()
    return before
  }

  // A child of the new generation serves: there is no way back, and nothing of the old one is needed any more.
  #forgetBefore({ files }: Generation): void {
    const before = this.#before
    if (before === undefined) return
    this.#before = undefined
    this.#listeners.closeOthers(files.buckets.flat())
    this.#closeFiles(before.files, files)
  }

  // The first child of the first generation serves: whoever started the server may go.
  #heard(): void {
    this.#notify.ready()
    if (this.#saidReady) return
    this.#saidReady = true
    this.#start.ready(this.#logFd)
  }

  #announce({ mpm, servers }: Prepared): void {
    log('notice', logName(mpm), upText(mpm, serverTokens(servers[0]!.get(globalCore).serverTokens)))
    log('info', logName(mpm), builtText(mpm, this.#builtOn))
    log('notice', 'core', `AH00094: Command line: '${this.#start.commandLine}'`)
  }

  // Opens all that a generation needs. Nothing of the one before is touched.
  async #open(prepared: Prepared, restart: boolean): Promise<Generation | { readonly texts: readonly string[] }> {
    const server = prepared.servers[0]!
    const identity = identityFor(prepared, this.#identity, () => this.#port.service)
    if ('texts' in identity) return identity
    this.#take(identity.warnings, restart)
    const wanted = prepared.mpm.population(server, this.#fixed)
    const buckets = this.#listeners.openFor(server, this.#start.oneProcess ? 1 : wanted.buckets)
    if ('texts' in buckets) return { texts: [...buckets.texts, 'AH00015: Unable to open logs'] }
    if (!restart) this.#showBuckets(server, wanted.buckets, buckets.length)
    const descriptors = new Map<string, Fd>()
    const fault = await this.#openLogs(prepared, descriptors, restart)
    if (fault !== undefined) {
      for (const fd of descriptors.values()) this.#port.net.close(fd)
      return { texts: fault }
    }
    this.#take(this.#passed.unusedWarnings(), restart)
    const made = this.#boardFor({ ...wanted, buckets: buckets.length }, server)
    if ('texts' in made) return made
    const { fd, board } = made
    if (restart) this.#generation++
    board.describe(this.#generation)
    return {
      prepared,
      files: {
        generation: this.#generation, buckets, population: { ...within(wanted, board), buckets: buckets.length }, descriptors,
        identity: identity.identity, coreDumpDirectory: server.get(globalCore).coreDumpDirectory,
        nodeArguments: processArguments(server.get(globalCore)), payload: this.#payload(prepared), board: fd,
      },
    }
  }

  async #openLogs(prepared: Prepared, descriptors: Map<string, Fd>, restart: boolean): Promise<readonly string[] | undefined> {
    const startup = prepared.startup(
      (level, module, text) => {
        if (restart) log(level, module, text)
        else this.#start.show({ level, module, text })
      },
      (name, open) => {
        const known = descriptors.get(name)
        if (known !== undefined) return known
        const fd = open()
        descriptors.set(name, fd)
        return fd
      })
    if (openErrorLogs(startup) !== OK) return ['AH00015: Unable to open logs']
    this.#logFd = [...descriptors].find(([name]) => name.startsWith('log:'))?.[1]
    if ((await prepared.modules.hooks.openLogs.run(startup)) !== OK) return ['AH00015: Unable to open logs']
    if ((await prepared.modules.hooks.postConfig.run(startup)) !== OK) return ['AH00016: Configuration Failed']
    return undefined
  }

  #take(warnings: readonly string[], restart: boolean): void {
    for (const text of warnings) {
      if (restart) log('warn', 'core', text)
      else this.#start.show({ level: 'warn', module: 'core', text })
    }
  }

  // The scoreboard's size is that of the first start: ServerLimit and ThreadLimit hold until a stop.
  #boardFor(limits: FixedLimits, server: Server): Board | { readonly texts: readonly string[] } {
    if (this.#board !== undefined) return this.#board
    const made = createBoard(this.#port.shared, limits, server.get(globalCore).scoreBoardFile)
    if ('texts' in made) return made
    const { serverLimit, threadLimit, buckets } = limits
    this.#fixed = { serverLimit, threadLimit, buckets }
    return (this.#board = made)
  }

  #showBuckets(server: Server, wanted: number, opened: number): void {
    const note = bucketsNote(server, this.#start.oneProcess ? opened : wanted, opened, machine().cores)
    if (note !== undefined) this.#start.show(note)
  }

  #payload(prepared: Prepared): { fd: Fd; bytes: number } {
    const text = Buffer.from(JSON.stringify(payloadOf(prepared, this.#start.argv)))
    const fd = this.#port.shared.file('httpd-generation')
    for (let at = 0; at < text.length;) at += writeSync(fd, text, at, text.length - at, at)
    return { fd, bytes: text.length }
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
    // What never served is nothing to go back to.
    if (this.#before === undefined) this.#before = now
    else this.#closeFiles(now.files, next.files, this.#before.files)
    this.#count(asked === 'restart' ? 'restarts' : 'gracefulRestarts')
    this.#announce(next.prepared)
    return next
  }

  async #next(now: Generation): Promise<Generation | undefined> {
    const answer = await this.#start.again(this.#fixed)
    for (const { level, module, text } of answer.notes) log(level, module, text)
    if (answer.kind === 'refused') return this.#keep(answer.texts)
    if (answer.mpm.name !== now.prepared.mpm.name)
      return this.#keep(mpmChangeTexts(now.prepared.mpm, answer.mpm))
    const next = await this.#open(answer, true)
    if (!('texts' in next)) return next
    this.#listeners.closeOthers([now, this.#before].flatMap((generation) => generation?.files.buckets.flat() ?? []))
    return this.#keep(next.texts)
  }

  #keep(texts: readonly string[]): undefined {
    this.#notify.ready()
    for (const text of texts) log('error', 'core', text)
    log('error', 'core', 'SY00031: the configuration on disk cannot be served: going on with the one in use')
    return undefined
  }

  // Children have their own copies.
  #closeFiles(old: GenerationFiles, ...others: readonly GenerationFiles[]): void {
    const keep = new Set<Fd>(others.flatMap(({ descriptors }) => [...descriptors.values()]))
    this.#port.net.close(old.payload.fd)
    for (const fd of old.descriptors.values()) if (!keep.has(fd)) this.#port.net.close(fd)
  }

  async #end(now: Generation, asked: 'stop' | 'graceful-stop' | 'fatal'): Promise<number> {
    const { mpm } = now.prepared
    this.#notify.stopping()
    if (asked !== 'fatal' || mpm.traits.threads === 'none') this.#removePidFile()
    if (asked === 'fatal') {
      if (mpm.traits.threads === 'none') log('emerg', 'core', 'AH02818: MPM run failed, exiting')
    } else log('notice', logName(mpm), endingText(mpm, asked))
    if (asked === 'graceful-stop') {
      this.#listeners.closeOthers([])
      await this.#children.finishAll(gracefulTimeout(now))
    }
    await this.#children.reclaim()
    return asked === 'fatal' ? 1 : 0
  }

  #removePidFile(): void {
    const { notes } = removePidFile(this.#start.pidFile, process.pid)
    for (const { level, module, text } of notes) log(level, module, text)
  }

  #refuse(texts: readonly string[]): 1 {
    for (const text of texts) this.#start.stderr(`${text}\n`)
    return 1
  }
}

const gracefulTimeout = ({ prepared }: Generation): number =>
  prepared.servers[0]!.get(globalCore).gracefulShutdownTimeout

// ServerLimit and ThreadLimit are fixed at the first start: what a restart asks for must fit into the scoreboard.
function within(wanted: Population, { serverLimit, threadLimit }: Scoreboard): Population {
  const threadsPerChild = Math.min(wanted.threadsPerChild, threadLimit)
  const maxServers = Math.min(wanted.maxServers, serverLimit)
  return { ...wanted, serverLimit, threadLimit, threadsPerChild, maxServers, startServers: Math.min(wanted.startServers, maxServers) }
}
