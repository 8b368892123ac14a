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
import type { ChildStart, GenerationFiles, Relaunch } from './children.ts'
import { ChildrenOf } from './control_children.ts'
import { globalCore } from './core_settings.ts'
import { bucketsNote } from './listen_buckets.ts'
import { Listeners } from './listeners.ts'
import { log, openErrorLogs } from './log.ts'
import type { Asked, Population } from './mpm.ts'
import { removePidFile, writePidFile } from './pidfile.ts'
import type { ServerStart } from './program.ts'
import { payloadOf } from './rebuild.ts'
import type { Scoreboard } from './scoreboard.ts'
import { createBoard, type Board } from './scoreboard_file.ts'
import { serverTokens } from './server_tokens.ts'
import type { Prepared } from './startup.ts'
import { unixd } from './unixd_settings.ts'
import { processArguments } from './v8_limits.ts'
import { endingText, upText } from './control_texts.ts'

export interface ControlParts {
  readonly port: Port
  readonly relaunch: Relaunch
  /** Serves a generation in this very process (-X). */
  readonly here: (start: ChildStart) => Promise<void>
}

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
  #board: Board | undefined
  /** Undefined until the first generation is open. */
  #fixed: FixedLimits | undefined
  #generation = 0
  #saidReady = false
  readonly #said = new Set<string>()
  #logFd: Fd | undefined

  constructor(start: ServerStart, { port, relaunch, here }: ControlParts) {
    this.#here = here
    this.#start = start
    this.#port = port
    this.#listeners = new Listeners(port.net)
    this.#children = new ChildrenOf({
      relaunch,
      heard: () => this.#heard(),
      log: (level, text) => log(level, 'core', text),
    })
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
    await this.#here({ ...files, slot: 0, listeners: files.buckets[0]!, control: -1, descriptors: Object.fromEntries(files.descriptors) })
    return new Promise<number>(() => undefined)
  }

  async #generations(first: Generation): Promise<number> {
    let now = first
    this.#announce(now.prepared)
    for (;;) {
      const asked = await this.#runGeneration(now)
      if (asked === 'stop' || asked === 'graceful-stop' || asked === 'fatal') return this.#end(now, asked)
      log('notice', logName(now.prepared.mpm), endingText(now.prepared.mpm, asked))
      const next = await this.#next(now, asked)
      if (next === undefined) continue
      now = next
      this.#announce(now.prepared)
    }
  }

  async #runGeneration(now: Generation): Promise<Asked> {
    const { prepared, files } = now
    const module = logName(prepared.mpm)
    const { board } = this.#board!
    return prepared.mpm.run({
      generation: files.generation, server: prepared.servers[0]!, population: files.population, board,
      children: this.#children.alive,
      start: (slot, bucket) => this.#children.start(slot, bucket, files, board),
      next: () => this.#nextEvent(),
      said: this.#said, now: () => performance.now(),
      log: (level, text) => log(level, module, text),
    })
  }

  async #nextEvent() {
    const event = await this.#children.next()
    const failed = event.kind === 'ended' && !this.#saidReady && this.#children.neverServed
    if (!failed) return event
    const text = `SY00030: no child process could begin to serve; the last one ${event.signal === null ? `ended with code ${event.code ?? 0}` : `was ended by ${event.signal}`}`
    this.#start.stderr(`${text}\n${this.#hint()}`)
    return { kind: 'asked', asked: 'fatal' } as const
  }

  #hint(): string {
    const { userId } = this.#userOf(this.#start.prepared)
    return userId < 0 || process.getuid?.() !== 0 ? ''
      : `Children run as user ${this.#start.prepared.servers[0]!.get(unixd).userName}: can that user read ${process.execPath} and ${this.#start.prepared.serverRoot}?\n`
  }

  // The first child of the first generation serves: whoever started the server may go.
  #heard(): void {
    if (this.#saidReady) return
    this.#saidReady = true
    this.#start.ready(this.#logFd)
  }

  #announce(prepared: Prepared): void {
    const description = serverTokens(prepared.servers[0]!.get(globalCore).serverTokens)
    log('notice', logName(prepared.mpm), upText(prepared.mpm, description))
    log('notice', 'core', `AH00094: Command line: '${this.#start.commandLine}'`)
  }

  // Opens all that a generation needs. Nothing of the one before is touched.
  async #open(prepared: Prepared, restart: boolean): Promise<Generation | { readonly texts: readonly string[] }> {
    const server = prepared.servers[0]!
    const wanted = prepared.mpm.population(server, this.#fixed)
    const buckets = this.#listeners.openFor(server, this.#start.oneProcess ? 1 : wanted.buckets)
    if ('texts' in buckets) return { texts: [...buckets.texts, 'AH00015: Unable to open logs'] }
    if (!restart) this.#showBuckets(server, wanted.buckets, buckets.length)
    const descriptors = new Map<string, Fd>()
    const fault = await this.#openLogs(prepared, descriptors, restart)
    if (fault !== undefined) return { texts: fault }
    const made = this.#boardFor({ ...wanted, buckets: buckets.length }, server)
    if ('texts' in made) return made
    const { fd, board } = made
    if (restart) this.#generation++
    board.describe(this.#generation)
    return {
      prepared,
      files: {
        generation: this.#generation, buckets, population: { ...within(wanted, board), buckets: buckets.length }, descriptors,
        nodeArguments: processArguments(server.get(globalCore)), ...this.#userOf(prepared), payload: this.#payload(prepared), board: fd,
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

  #userOf(prepared: Prepared): { userId: number; groupId: number } {
    if (process.getuid?.() !== 0) return { userId: -1, groupId: -1 }
    const { userId, groupId } = prepared.servers[0]!.get(unixd)
    return { userId, groupId }
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
    const { fd } = this.#port.shared.create('httpd-generation', text.length)
    for (let at = 0; at < text.length;) at += writeSync(fd, text, at, text.length - at, at)
    return { fd, bytes: text.length }
  }

  // The next generation, or undefined if the configuration cannot be served: then the old one goes on.
  async #next(now: Generation, asked: 'restart' | 'graceful'): Promise<Generation | undefined> {
    const answer = await this.#start.again(this.#fixed)
    for (const { level, module, text } of answer.notes) log(level, module, text)
    if (answer.kind === 'refused') return this.#keep(answer.texts)
    if (answer.mpm.name !== now.prepared.mpm.name)
      return this.#keep(['AH00534: httpd: Configuration error: The MPM cannot be changed during restart.'])
    const next = await this.#open(answer, true)
    if ('texts' in next) return this.#keep(next.texts)
    if (asked === 'restart') await this.#children.reclaim()
    this.#listeners.closeOthers(next.files.buckets.flat())
    this.#closeFiles(now, next)
    return next
  }

  #keep(texts: readonly string[]): undefined {
    for (const text of texts) log('error', 'core', text)
    log('error', 'core', 'SY00031: the configuration on disk cannot be served: going on with the one in use')
    return undefined
  }

  // Children of the old generation have their own copies.
  #closeFiles(old: Generation, next: Generation): void {
    const keep = new Set<Fd>(next.files.descriptors.values())
    this.#port.net.close(old.files.payload.fd)
    for (const fd of old.files.descriptors.values()) if (!keep.has(fd)) this.#port.net.close(fd)
  }

  async #end(now: Generation, asked: 'stop' | 'graceful-stop' | 'fatal'): Promise<number> {
    const removed = removePidFile(this.#start.pidFile, process.pid)
    for (const { level, module, text } of removed.notes) log(level, module, text)
    if (asked !== 'fatal') log('notice', logName(now.prepared.mpm), endingText(now.prepared.mpm, asked))
    if (asked === 'graceful-stop') {
      this.#listeners.closeOthers([])
      await this.#children.finishAll(now.prepared.servers[0]!.get(globalCore).gracefulShutdownTimeout)
    }
    await this.#children.reclaim()
    return asked === 'fatal' ? 1 : 0
  }

  #refuse(texts: readonly string[]): 1 {
    for (const text of texts) this.#start.stderr(`${text}\n`)
    return 1
  }
}

// ServerLimit and ThreadLimit are fixed at the first start: what a restart asks for must fit into the scoreboard.
function within(wanted: Population, { serverLimit, threadLimit }: Scoreboard): Population {
  const threadsPerChild = Math.min(wanted.threadsPerChild, threadLimit)
  const maxServers = Math.min(wanted.maxServers, serverLimit)
  return { ...wanted, serverLimit, threadLimit, threadsPerChild, maxServers, startServers: Math.min(wanted.startServers, maxServers) }
}
