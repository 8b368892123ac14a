/**
 * Messages of the start: kept in the order in which they came up, printed on
 * standard error without time stamps, or logged when a running server restarts.
 */
import { describeErrno } from '../port/port.ts'
import type { LogLevel } from '../hook/types.ts'

export interface Note {
  readonly level: LogLevel
  /** Name of the module as the error log shows it: `core`, `mpm_event`. */
  readonly module: string
  readonly text: string
}

/** Takes a message; `text` begins with its number, for example `AH00558: httpd: Could not…`. */
export type TakeNote = (level: LogLevel, module: string, text: string) => void

/** Names of levels, most serious first (LogLevel, syslog(3)). */
export const LEVELS: readonly LogLevel[] = [
  'emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug',
  'trace1', 'trace2', 'trace3', 'trace4', 'trace5', 'trace6', 'trace7', 'trace8',
]

/** The level of that name in any case of letters, or undefined. */
export const levelNamed = (name: string): LogLevel | undefined =>
  LEVELS.find((level) => level === name.toLowerCase())

/** True if a note is shown at start: up to `limit`, and notices always, as Apache does. */
export const isShown = (note: Note, limit: LogLevel): boolean =>
  note.level === 'notice' || LEVELS.indexOf(note.level) <= LEVELS.indexOf(limit)

/** Keeps notes, each distinct one once. */
export class Notes {
  readonly list: Note[] = []
  readonly #seen = new Set<string>()

  readonly take: TakeNote = (level, module, text) => {
    if (this.#seen.has(text)) return
    this.#seen.add(text)
    this.list.push({ level, module, text })
  }
}

/** Apache's prefix for a failed system call: `(2)No such file or directory: `; empty for other errors. */
export function errnoPrefix(error: unknown): string {
  const errno = errnoOf(error)
  return errno === 0 ? '' : `(${errno})${describeErrno(errno)}: `
}

/** The positive number of a failed system call; 0 for other errors. */
export function errnoOf(error: unknown): number {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined
  return typeof errno === 'number' ? Math.abs(errno) : 0
}

/**
 * Text of the configuration, one character per byte, as text for people and for Node's file system:
 * UTF-8 is decoded. Text that is no UTF-8, or no bytes to begin with, stays as it is.
 */
export function readable(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes) || /[^\0-\xff]/.test(bytes)) return bytes
  const decoded = Buffer.from(bytes, 'latin1').toString('utf8')
  return decoded.includes('\ufffd') ? bytes : decoded
}
