/**
 * The PidFile: who runs, and the file that says so. A process that is alive
 * but is not a server of ours (its number was given out again) does not count.
 */
import { readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { errnoPrefix, type Note } from './notes.ts'

export type PidFile =
  | { readonly kind: 'none' }
  /** Not a process number; `error` is set if the file could not be read at all. */
  | { readonly kind: 'corrupt'; readonly error: unknown }
  | { readonly kind: 'pid'; readonly pid: number }

export function readPidFile(path: string): PidFile {
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch (error) {
    return isMissing(error) ? { kind: 'none' } : { kind: 'corrupt', error }
  }
  const pid = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : 0
  return pid > 0 ? { kind: 'pid', pid } : { kind: 'corrupt', error: undefined }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** What tells one process from another; a test gives its own. */
export interface Processes {
  readonly self: number
  alive(pid: number): boolean
  /** Its command line, words separated by NUL; undefined where the system does not say. */
  commandLine(pid: number): string | undefined
}

export const processes: Processes = {
  self: process.pid,
  alive(pid) {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPERM'
    }
  },
  commandLine(pid) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return undefined
    }
  },
}

/** True if a server runs under that number. `program` is the name that this program was called by. */
export function isRunning(pid: number, program: string, system: Processes = processes): boolean {
  if (pid === system.self || !system.alive(pid)) return false
  const line = system.commandLine(pid)
  return line === undefined || isServer(line, program)
}

/** A server's title is `httpd`, perhaps with a role behind it; before it sets one, its bundle is node's argument. */
function isServer(commandLine: string, program: string): boolean {
  const names = new Set(['httpd', program])
  const [first = '', ...rest] = commandLine.split('\0')
  const title = basename(first.split(/[ :]/, 1)[0]!)
  if (names.has(title)) return true
  return title.startsWith('node') && rest.some((word) => names.has(basename(word).replace(/\.[cm]?js$/, '')))
}

/** What a call said, and whether it went well. */
export interface PidFileResult {
  readonly ok: boolean
  readonly notes: readonly Note[]
}

/** Writes the file so that a reader never sees half of it. */
export function writePidFile(path: string, pid: number, program: string): PidFileResult {
  const notes: Note[] = []
  const say = (level: Note['level'], text: string) => notes.push({ level, module: 'core', text })
  const before = readPidFile(path)
  if (before.kind === 'pid' && before.pid !== pid)
    say('warn', `AH00098: pid file ${path} overwritten -- Unclean shutdown of previous Apache run?`)
  const temporary = `${path}.${pid}`
  try {
    rmSync(temporary, { force: true })
    writeFileSync(temporary, '', { flag: 'wx', mode: 0o644 })
  } catch (error) {
    say('error', `${errnoPrefix(error)}AH00099: could not create ${temporary}`)
    say('error', `${errnoPrefix(error)}AH00100: ${program}: could not log pid to file ${path}`)
    return { ok: false, notes }
  }
  try {
    writeFileSync(temporary, `${pid}\n`)
    renameSync(temporary, path)
  } catch (error) {
    say('error', `${errnoPrefix(error)}AH10231: ${program}: Failed creating pid file ${temporary}`)
    rmSync(temporary, { force: true })
    return { ok: false, notes }
  }
  return { ok: true, notes }
}

/** Removes the file when the server ends. */
export function removePidFile(path: string, pid: number): PidFileResult {
  try {
    unlinkSync(path)
    const text = `AH00096: removed PID file ${path} (pid=${pid})`
    return { ok: true, notes: [{ level: 'info', module: 'core', text }] }
  } catch (error) {
    const text = `${errnoPrefix(error)}AH00095: failed to remove PID file ${path}`
    return { ok: false, notes: [{ level: 'error', module: 'core', text }] }
  }
}
