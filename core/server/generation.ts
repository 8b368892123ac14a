/**
 * A generation of the configuration, opened: its sockets, logs, scoreboard and payload, in descriptors of the control
 * process. Opening one touches nothing of another, so that there is always one to go back to.
 */
import { faultText } from '../base/fault_text.ts'
import { writeSync } from 'node:fs'
import { OK } from '../hook/hook.ts'
import type { FixedLimits } from '../hook/hooks.ts'
import type { Server } from '../hook/types.ts'
import { machine } from '../port/machine.ts'
import type { Fd, Port } from '../port/port.ts'
import type { GenerationFiles } from './children.ts'
import { globalCore } from './core_settings.ts'
import { bucketsNote } from './listen_buckets.ts'
import { Listeners, type Listening } from './listeners.ts'
import { errorLogs, log, openErrorLogs, useErrorLogs, type ErrorLogs } from './log.ts'
import type { Population } from './mpm.ts'
import type { Note } from './notes.ts'
import { PassedListeners } from './passed_listeners.ts'
import { takePipedLogs, type PipedLogs } from './piped_log.ts'
import { payloadOf } from './rebuild.ts'
import type { Scoreboard } from './scoreboard.ts'
import { createBoard, type Board } from './scoreboard_file.ts'
import type { PassedSocket } from './service_manager.ts'
import type { Prepared } from './startup.ts'
import { identityFor, type IdentityParts } from './startup_identity.ts'
import { processArguments } from './v8_limits.ts'

export interface Generation {
  readonly prepared: Prepared
  readonly files: GenerationFiles
  readonly logs: ErrorLogs
  readonly pipedLogs: PipedLogs
}

export interface GenerationParts {
  readonly port: Port
  /** What decides whether and as whom this server may serve. */
  readonly identity: IdentityParts
  /** Sockets that came with this process. */
  readonly sockets: readonly PassedSocket[]
  /** The command line, for modules and logs that show it. */
  readonly argv: readonly string[]
  /** -X: this process serves by itself. */
  readonly oneProcess: boolean
  /** Shows a message of the first start. */
  readonly show: (note: Note) => void
}

interface Refused {
  readonly texts: readonly string[]
}

/** A generation whose logs and sockets are open. */
interface Incomplete {
  readonly prepared: Prepared
  readonly opened: Opened
  readonly buckets: readonly (readonly Listening[])[]
  readonly wanted: Population
  readonly identity: GenerationFiles['identity']
}

/** What a generation's logs and modules have opened. */
interface Opened {
  readonly descriptors: Map<string, Fd>
  readonly pipedLogs: PipedLogs
}

export class Generations {
  readonly #parts: GenerationParts
  readonly #passed: PassedListeners
  readonly #listeners: Listeners
  #board: Board | undefined
  /** Undefined until the first generation is open. */
  #fixed: FixedLimits | undefined
  #number = -1

  constructor(parts: GenerationParts) {
    this.#parts = parts
      this.#passed = new PassedListeners(parts.sockets, () => parts.port.service)
    this.#listeners = new Listeners(parts.port.net, this.#passed)
  }

  /** Undefined until the first generation is open. */
  get board(): Scoreboard | undefined {
    return this.#board?.board
  }

  get fixed(): FixedLimits | undefined {
    return this.#fixed
  }

  get #first(): boolean {
    return this.#number < 0
  }

  /** Opens all that a generation needs. Messages go to its error log from then on; if it cannot be opened, as before. */
  async open(prepared: Prepared): Promise<Generation | Refused> {
    const before = errorLogs()
    const answer = await this.#open(prepared).catch((error: unknown) => refusalOf(error))
    if ('texts' in answer) useErrorLogs(before)
    return answer
  }

  /** Closes what belongs to a generation alone. Children have their own copies. */
  close({ files: { payload, descriptors }, pipedLogs }: Generation): void {
    this.#parts.port.net.close(payload.fd)
    for (const fd of descriptors.values()) this.#parts.port.net.close(fd)
    pipedLogs.retire()
  }

  /** Closes the listening sockets of all others. */
  listenOnlyFor(...generations: readonly (Generation | undefined)[]): void {
    this.#listeners.closeOthers(generations.flatMap((each) => each?.files.buckets.flat() ?? []))
  }

  async #open(prepared: Prepared): Promise<Generation | Refused> {
    const { identity: parts, port } = this.#parts
    const server = prepared.servers[0]!
    const identity = identityFor(prepared, parts, () => port.service)
    if ('texts' in identity) return identity
    this.#warn(identity.warnings)
    const wanted = prepared.mpm.population(server, this.#fixed)
    const buckets = this.#listen(server, wanted)
    if ('texts' in buckets) return buckets
    const opened = await this.#openLogs(prepared)
    if ('texts' in opened) return opened
    this.#warn(this.#passed.unusedWarnings())
    try {
      const answer = this.#complete({ prepared, opened, buckets, wanted, identity: identity.identity })
      if ('texts' in answer) this.#closeOpened(opened)
      return answer
    } catch (error) {
      this.#closeOpened(opened)
      throw error
    }
  }

  #complete({ prepared, opened, buckets, wanted, identity }: Incomplete): Generation | Refused {
    const settings = prepared.servers[0]!.get(globalCore)
    const made = this.#boardFor({ ...wanted, buckets: buckets.length }, settings.scoreBoardFile)
    if ('texts' in made) return made
    const payload = this.#payload(prepared, [...opened.descriptors.keys()])
    made.board.describe(++this.#number)
    return {
      prepared, logs: errorLogs(), pipedLogs: opened.pipedLogs,
      files: {
        generation: this.#number, buckets, population: { ...within(wanted, made.board), buckets: buckets.length },
        descriptors: opened.descriptors, identity, coreDumpDirectory: settings.coreDumpDirectory,
        nodeArguments: processArguments(settings), payload, board: made.fd,
      },
    }
  }

  #listen(server: Server, wanted: Population): readonly (readonly Listening[])[] | Refused {
    const { oneProcess, show } = this.#parts
    const buckets = this.#listeners.openFor(server, oneProcess ? 1 : wanted.buckets)
    if ('texts' in buckets) return { texts: [...buckets.texts, 'AH00015: Unable to open logs'] }
    if (!this.#first) return buckets
    const note = bucketsNote(server, oneProcess ? buckets.length : wanted.buckets, buckets.length, machine().cores)
    if (note !== undefined) show(note)
    return buckets
  }

  async #openLogs(prepared: Prepared): Promise<Opened | Refused> {
    const descriptors = new Map<string, Fd>()
    const texts = await this.#runOpenHooks(prepared, descriptors).catch((error: unknown) => refusalOf(error).texts)
    const opened = { descriptors, pipedLogs: takePipedLogs() }
    if (texts.length === 0) return opened
    this.#closeOpened(opened)
    return { texts }
  }

  /** @returns why it cannot be served; nothing if it can */
  async #runOpenHooks(prepared: Prepared, descriptors: Map<string, Fd>): Promise<readonly string[]> {
    const { hooks } = prepared.modules
    const startup = prepared.startup((level, module, text) => this.#say({ level, module, text }), (name, open) => {
      const fd = descriptors.get(name) ?? open()
      descriptors.set(name, fd)
      return fd
    }, this.#parts.port.shared)
    if (openErrorLogs(startup, (path) => this.#parts.port.service.datagram(path)) !== OK) return ['AH00015: Unable to open logs']
    if ((await hooks.openLogs.run(startup)) !== OK) return ['AH00015: Unable to open logs']
    return (await hooks.postConfig.run(startup)) === OK ? [] : ['AH00016: Configuration Failed']
  }

  #closeOpened({ descriptors, pipedLogs }: Opened): void {
    for (const fd of descriptors.values()) this.#parts.port.net.close(fd)
    pipedLogs.retire()
  }

  #warn(texts: readonly string[]): void {
    for (const text of texts) this.#say({ level: 'warn', module: 'core', text })
  }

  // Plain on standard error at the first start, in the log at a restart.
  #say(note: Note): void {
    if (this.#first) this.#parts.show(note)
    else log(note.level, note.module, note.text)
  }

  // The scoreboard's size is that of the first start: ServerLimit and ThreadLimit hold until a stop.
  #boardFor(limits: FixedLimits, file: string | undefined): Board | Refused {
    if (this.#board !== undefined) return this.#board
    const made = createBoard(this.#parts.port.shared, limits, file)
    if ('texts' in made) return made
    const { serverLimit, threadLimit, buckets } = limits
    this.#fixed = { serverLimit, threadLimit, buckets }
    return (this.#board = made)
  }

  #payload(prepared: Prepared, names: readonly string[]): { fd: Fd; bytes: number } {
    const text = Buffer.from(JSON.stringify(payloadOf(prepared, this.#parts.argv, names)))
    const fd = this.#parts.port.shared.file('httpd-generation')
    for (let at = 0; at < text.length;) at += writeSync(fd, text, at, text.length - at, at)
    return { fd, bytes: text.length }
  }
}

/** A module threw, or the system refused something: one configuration cannot be served, nothing else is touched. */
export const refusalOf = (error: unknown): Refused => {
  const text = faultText(error)
  return { texts: [`SY00067: fault while a configuration was opened: ${text}`, 'AH00016: Configuration Failed'] }
}

/** The error log's descriptor, the first that is opened. */
export const errorLogOf = ({ files }: Generation): Fd | undefined =>
  [...files.descriptors].find(([name]) => name.startsWith('log:'))?.[1]

// ServerLimit and ThreadLimit are fixed at the first start: what a restart asks for must fit into the scoreboard.
function within(wanted: Population, { serverLimit, threadLimit }: Scoreboard): Population {
  const threadsPerChild = Math.min(wanted.threadsPerChild, threadLimit)
  const maxServers = Math.min(wanted.maxServers, serverLimit)
  return { ...wanted, serverLimit, threadLimit, threadsPerChild, maxServers, startServers: Math.min(wanted.startServers, maxServers) }
}
