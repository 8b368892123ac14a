/**
 * The error log as messages to the system's log: datagrams in the form of RFC 3164 to the socket that syslogd,
 * journald and their like listen at. A message never waits for them: what they do not take at once is kept for a
 * while, up to a limit.
 */
import { strftime } from '../base/dates.ts'
import { ConfigError } from '../config/errors.ts'
import { Errno, type Service } from '../port/port.ts'

/** Facilities by name, as in syslog(3). */
const FACILITIES: Readonly<Record<string, number>> = {
  kern: 0, user: 1, mail: 2, daemon: 3, auth: 4, security: 4, syslog: 5, lpr: 6, news: 7, uucp: 8, cron: 9, authpriv: 10,
  ftp: 11, local0: 16, local1: 17, local2: 18, local3: 19, local4: 20, local5: 21, local6: 22, local7: 23,
}
const LEAST_SERIOUS = 7
/** Longer messages are cut, as in Apache (bytes). */
const LONGEST = 8191
/** Messages that wait for a receiver which is busy, and how often (ms) it is tried again. */
const WAITING = 1000
const AGAIN = 20
/** How often (ms) a receiver that is gone is looked for. */
const REOPEN = 1000

export interface SyslogTarget {
  /** Facility times 8. */
  readonly facility: number
  readonly tag: string
}

const PATTERN = /^syslog(?::([^:]*)(?::(.*))?)?$/is

export const isSyslog = (target: string): boolean => /^syslog(:|$)/i.test(target)

/** `syslog[:facility[:tag]]`. @throws ConfigError for a facility that does not exist */
export function syslogTarget(text: string): SyslogTarget {
  const [, facility, tag] = PATTERN.exec(text)!
  const number = facility === undefined || facility === '' ? FACILITIES['local7'] : FACILITIES[facility.toLowerCase()]
  if (number === undefined)
    throw new ConfigError(`ErrorLog cannot be "${text}": the facility must be one of ${Object.keys(FACILITIES).join(', ')}`)
  return { facility: number * 8, tag: tag === undefined || tag === '' ? 'httpd' : tag }
}

/** Where messages go; for tests and for containers another place can be named. */
const socketPath = (): string => process.env['SYSLOG_SOCKET'] ?? '/dev/log'

export type OpenDatagram = Service['datagram']

export class Syslog {
  readonly #target: SyslogTarget
  readonly #open: OpenDatagram
  #socket: ReturnType<OpenDatagram> | undefined
  #triedAt = -Infinity
  #waiting: string[] = []
  #timer: NodeJS.Timeout | undefined
  #lost = 0

  constructor(target: SyslogTarget, open: OpenDatagram) {
    this.#target = target
    this.#open = open
    // A new root directory (ChrootDir) may have none: the socket of now is kept.
    this.#connect()
  }

  /** @param rank 0 emerg to 15 trace8; what is less serious than debug is debug */
  write(line: string, rank: number): void {
    const message = this.#message(line.slice(0, LONGEST), rank)
    if (this.#waiting.length > 0 || !this.#send(message)) this.#keep(message)
  }

  #message(line: string, rank: number): string {
    const { facility, tag } = this.#target
    const time = strftime('%b %e %H:%M:%S', Date.now())
    return `<${facility + Math.min(rank, LEAST_SERIOUS)}>${time} ${tag}[${process.pid}]: ${line}`
  }

  /** False: not now. What nobody is there for is gone. */
  #send(message: string): boolean {
    if (this.#socket === undefined && !this.#connect()) return true
    let took = this.#socket!.send(message)
    // It was restarted, and has another socket.
    if (took < 0 && took !== -Errno.again && this.#connect()) took = this.#socket!.send(message)
    return took !== -Errno.again
  }

  #connect(): boolean {
    this.#socket?.close()
    this.#socket = undefined
    const now = performance.now()
    if (now < this.#triedAt + REOPEN) return false
    this.#triedAt = now
    try {
      this.#socket = this.#open(socketPath())
      this.#triedAt = -Infinity
      return true
    } catch {
      // As with syslog(3): nobody is there, and there is nowhere to tell of it.
      return false
    }
  }

  #keep(message: string): void {
    if (this.#waiting.length < WAITING) this.#waiting.push(message)
    else this.#lost++
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#sendKept(), AGAIN).unref()
  }

  #sendKept(): void {
    this.#timer = undefined
    let sent = 0
    while (sent < this.#waiting.length && this.#send(this.#waiting[sent]!)) sent++
    this.#waiting.splice(0, sent)
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#sendKept(), AGAIN).unref()
    else if (this.#lost > 0) {
      const lost = this.#lost
      this.#lost = 0
      this.write(`SY00093: ${lost} messages were lost: the system's log does not take them fast enough`, 4)
    }
  }
}
