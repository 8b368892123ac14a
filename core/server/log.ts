/**
 * The error log. Until it is open, messages are plain lines on standard error;
 * then each is one line in the log of its server, written with one system call.
 * A message that nobody wants costs one comparison.
 */
import { openSync, writeSync } from 'node:fs'
import { devNull } from 'node:os'
import { followClock, timeOfDay } from '../base/clock.ts'
import { OK, type Status } from '../hook/hook.ts'
import type { Startup } from '../hook/hooks.ts'
import type { LogLevel, Request, Server } from '../hook/types.ts'
import type { Section } from '../config/server_conf.ts'
import { dirCore, serverCore } from './core_settings.ts'
import {
  DEFAULT_ERROR_FORMAT, DEFAULT_SYSLOG_FORMAT, compileErrorFormat, logId, type About, type ErrorEntry, type ErrorFormat,
} from './log_format.ts'
import { openLog } from './log_target.ts'
import { LEVELS, errnoPrefix, readable } from './notes.ts'
import { Syslog, isSyslog, syslogTarget, type OpenDatagram } from './syslog.ts'

export { knownLogId, logId, setThreadNumber, type About } from './log_format.ts'

const RANK = Object.fromEntries(LEVELS.map((level, rank) => [level, rank])) as Readonly<Record<LogLevel, number>>
const NOTICE = RANK.notice
const DEBUG = RANK.debug
const DEFAULT_ERROR_LOG = 'logs/error_log'

/** Takes a line without its end. */
type Put = (line: string, rank: number) => void

/** The error log of one server. */
export class ErrorLog {
  readonly #put: Put
  readonly #format: ErrorFormat
  readonly #connectionFormats: readonly ErrorFormat[]
  readonly #requestFormats: readonly ErrorFormat[]
  readonly #level: number
  readonly #moduleLevels: ReadonlyMap<string, number>
  readonly #told = new WeakSet<object>()

  constructor(put: Put, settings: typeof serverCore.defaults, format = DEFAULT_ERROR_FORMAT) {
    this.#put = put
    this.#format = compileErrorFormat(settings.errorLogFormat ?? format)
    this.#connectionFormats = settings.errorLogConnectionFormats.map(compileErrorFormat)
    this.#requestFormats = settings.errorLogRequestFormats.map(compileErrorFormat)
    this.#level = RANK[settings.logLevel]
    this.#moduleLevels = ranks(settings.moduleLogLevels)
  }

  /** True if a message of this rank is written here; notices always are. */
  wants(rank: number, module: string, about: About): boolean {
    if (rank === NOTICE) return true
    const section = about.request?.dir(dirCore)
    const level = section === undefined ? undefined : section.moduleLogLevels[module] ?? section.logLevel
    return rank <= (level === undefined ? this.#moduleLevels.get(module) ?? this.#level : RANK[level])
  }

  write(entry: ErrorEntry): void {
    const connection = entry.connection ?? entry.request?.connection
    // An access log can name (%L) what something was logged about.
    if (connection !== undefined) {
      logId(connection)
      if (this.#connectionFormats.length > 0) this.#tellOnce(connection, this.#connectionFormats, { ...entry, scope: 'connection' })
    }
    if (entry.request !== undefined) {
      logId(entry.request)
      if (this.#requestFormats.length > 0) this.#tellOnce(entry.request, this.#requestFormats, entry)
    }
    this.#line(this.#format(entry), entry.rank)
  }

  #tellOnce(about: object, formats: readonly ErrorFormat[], entry: ErrorEntry): void {
    if (this.#told.has(about)) return
    this.#told.add(about)
    for (const format of formats) this.#line(format(entry), entry.rank)
  }

  #line(line: string, rank: number): void {
    if (line !== '') this.#put(line, rank)
  }
}

const toFile = (fd: number): Put => (line) => {
  try {
    writeSync(fd, `${line}\n`, null, 'latin1')
  } catch {
    // A full disk or a log program that is gone must not stop the server, and there is nowhere to tell of it.
  }
}

const ranks = (levels: Readonly<Record<string, LogLevel>>): Map<string, number> =>
  new Map(Object.entries(levels).map(([module, level]) => [module, RANK[level]]))

/** The error logs of a generation. */
export interface ErrorLogs {
  readonly of: WeakMap<Server, ErrorLog>
  readonly main: ErrorLog | undefined
  /** No log wants a message of a higher rank. */
  readonly mostVerbose: number
}

/** Until logs are open: LogLevel's default, on standard error. */
const NOT_OPEN: ErrorLogs = { of: new WeakMap(), main: undefined, mostVerbose: RANK.warn }
let logs = NOT_OPEN

const NOTHING: About = {}

/**
 * Logs a message.
 * @param module the module's log name: `core`, `mpm_event`, `ssl`
 * @param message begins with its number: `AH01630: client denied by server configuration: ...`
 */
export function log(level: LogLevel, module: string, message: string, about: About = NOTHING): void {
  const rank = RANK[level]
  if (rank > logs.mostVerbose && rank !== NOTICE) return
  const server = about.request?.server ?? about.server
  const target = (server && logs.of.get(server)) ?? logs.main
  if (target === undefined) return toStandardError(message)
  if (!target.wants(rank, module, about)) return
  const file = rank >= DEBUG && about.file !== undefined ? { file: about.file } : undefined
  followClock()
  const time = Math.round(timeOfDay() * 1000)
  target.write({ ...about, ...file, level, rank, module, message, time })
}

/** A server's own `log`. */
export const serverLog = (server: Server, level: LogLevel, module: string, message: string): void =>
  log(level, module, message, { server })

/** True if a message of that level might be written somewhere: ask before making a long one. */
export const mightLog = (level: LogLevel): boolean => RANK[level] <= logs.mostVerbose || level === 'notice'

/** True if a message of that level and module is written for this request: mightLog, exactly. */
export function logsFor(request: Request, level: LogLevel, module: string): boolean {
  const target = logs.of.get(request.server) ?? logs.main
  return target?.wants(RANK[level], module, { request, server: request.server, connection: request.connection }) ?? false
}

function toStandardError(message: string): void {
  try {
    const isBytes = !/[^\0-\xff]/.test(message)
    writeSync(2, `${message}\n`, null, isBytes ? 'latin1' : 'utf8')
  } catch {
    // Standard error is closed: nowhere to tell.
  }
}

/**
 * Opens (in a child: takes over) the error logs of all servers. Messages go there from now on.
 * @param datagram for logs that are the system's
 * @returns OK, or a status that stops the start, after a note that says why
 */
export function openErrorLogs(startup: Startup, datagram: OpenDatagram = noDatagram): Status {
  if (startup.checking) return OK
  const opened = new WeakMap<Server, ErrorLog>()
  for (const server of startup.server.all) {
    const settings = server.get(serverCore)
    const target = settings.errorLog ?? startup.serverRootRelative(DEFAULT_ERROR_LOG)
    const fault = tryToOpen(() => opened.set(server, openOne(startup, target, settings, datagram)), target)
    if (fault !== undefined) {
      startup.note('crit', 'core', fault)
      return 500
    }
  }
  logs = { of: opened, main: opened.get(startup.server.main), mostVerbose: Math.max(...startup.server.all.map(verbosity)) }
  return OK
}

const noDatagram: OpenDatagram = () => { throw new Error('no datagrams here') }

function openOne(startup: Startup, target: string, settings: typeof serverCore.defaults, datagram: OpenDatagram): ErrorLog {
  if (!isSyslog(target)) return new ErrorLog(toFile(openLog(startup, target)), settings)
  const syslog = new Syslog(syslogTarget(target), datagram)
  // Where the children's own output goes: as in Apache nowhere, and not into the next log.
  startup.descriptor(`log:${target}`, () => openSync(devNull, 'a'))
  return new ErrorLog((line, rank) => syslog.write(readable(line), rank), settings, DEFAULT_SYSLOG_FORMAT)
}

function tryToOpen(open: () => void, target: string): string | undefined {
  try {
    open()
    return undefined
  } catch (error) {
    const prefix = errnoPrefix(error)
    if (target.startsWith('|')) return `${prefix}AH00088: httpd: ${(error as Error).message}`
    if (prefix === '') return (error as Error).message
    return `${prefix}AH00091: httpd: could not open error log file ${target}.`
  }
}

/** The highest rank that any module or section of a server wants. */
function verbosity(server: Server): number {
  const { logLevel, moduleLogLevels } = server.get(serverCore)
  const sections = (list: readonly Section[]): LogLevel[] => list.flatMap((section) => {
    const said = section.vector.holds(dirCore)
    return [said.logLevel ?? logLevel, ...Object.values(said.moduleLogLevels), ...sections(section.inner)]
  })
  const levels = [logLevel, ...Object.values(moduleLogLevels), ...sections(server.conf.sections)]
  return Math.max(...levels.map((level) => RANK[level]))
}

/** Where messages go now. */
export const errorLogs = (): ErrorLogs => logs

/** Messages go there again: what was opened meanwhile is not served. Without an argument: plain lines on standard error. */
export const useErrorLogs = (before: ErrorLogs = NOT_OPEN): void => void (logs = before)
