/**
 * Programs that take a log on their standard input. The control process keeps
 * the reading end of the pipe, so that a program that dies is replaced without
 * a line being lost and writers never meet a broken pipe.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A program that ends sooner than this (ms) after its start is started again only after the rest of it. */
const SHORT_LIFE = 1000
/** How often a program that fails is started again for what is left when its generation is over. */
const LAST_STARTS = 3

interface PipedLog {
  readonly command: string
  readonly reader: number
  retired: boolean
  runs: boolean
  /** It has been started before. */
  known: boolean
  /** Of those that are left. */
  lastStarts: number
}

/** Programs that were started for a generation. */
export interface PipedLogs {
  /** The generation is over: they end when they have read what was written. One that fails before that is started again. */
  retire(): void
}

let started: PipedLog[] = []
/** Whose program may have to be started again. */
const alive = new Set<PipedLog>()

/**
 * Starts the program of `|program`, `||program` (both without a shell) or `|$command` (with one).
 * @returns the descriptor to write to
 * @throws Error if the program cannot be started
 */
export function openPipedLog(target: string, failed: (text: string) => void): number {
  const command = target.trim()
  const { reader, writer } = openPipe()
  const log: PipedLog = { command, reader, retired: false, runs: false, known: false, lastStarts: LAST_STARTS }
  const child = start(log, failed)
  if (child.pid === undefined) {
    closeSync(reader)
    closeSync(writer)
    throw new Error(`unable to start piped log program '${programText(command)}'`)
  }
  started.push(log)
  if (alive.size === 0) process.once('exit', startLast)
  alive.add(log)
  return writer
}

/** What was started since this was last asked: the programs of the generation that has just been opened. */
export function takePipedLogs(): PipedLogs {
  const logs = started
  started = []
  return {
    retire() {
      for (const log of logs.splice(0)) {
        log.retired = true
        if (!log.runs) start(log, () => undefined)
      }
    },
  }
}

// Node has no pipe(2); a fifo that loses its name at once is one. The first descriptor, open both ways,
// lets the other two open without waiting for each other.
function openPipe(): { reader: number; writer: number } {
  const directory = mkdtempSync(join(tmpdir(), 'httpd-log-'))
  try {
    const fifo = join(directory, 'pipe')
    execFileSync('mkfifo', ['-m', '600', fifo], { stdio: ['ignore', 'ignore', 'pipe'] })
    const both = openSync(fifo, constants.O_RDWR)
    const reader = openSync(fifo, constants.O_RDONLY)
    const writer = openSync(fifo, constants.O_WRONLY)
    closeSync(both)
    return { reader, writer }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The server ends: a program that waits to be started again gets what is left. */
function startLast(): void {
  for (const log of alive) if (!log.runs) start(log, () => undefined)
}

function start(log: PipedLog, failed: (text: string) => void): ChildProcess {
  const begun = Date.now()
  const [program, args] = argv(log.command)
  const output = outputFor(log.reader)
  const child = spawn(program, args, { stdio: [log.reader, output, output] })
  const isFirst = !log.known
  log.known = true
  log.runs = true
  const ended = (code: number | null): void => {
    log.runs = false
    // At its end the pipe is empty and has no writer: whoever has read that far ends without a fault.
    if (log.retired && (code === 0 || log.lastStarts-- === 0)) {
      alive.delete(log)
      return closeSync(log.reader)
    }
    if (!log.retired) failed(`AH00106: piped log program '${programText(log.command)}' failed unexpectedly`)
    setTimeout(() => {
      if (!log.runs) start(log, failed)
    }, Math.max(0, begun + SHORT_LIFE - Date.now())).unref()
  }
  child.once('exit', ended)
  // It could not be started. At first its opener tells; later the program may be on its way to being replaced.
  child.once('error', () => {
    if (!isFirst) ended(null)
  })
  child.unref()
  return child
}

/**
 * Where a program's own words go: to our standard error, since standard output may be somebody's pipe. Not if that is
 * the log which the program itself writes: with a writer in its own hands it would never come to the end of it.
 */
export function outputFor(reader: number, standardError = 2): number | 'ignore' {
  try {
    const [log, error] = [fstatSync(reader), fstatSync(standardError)]
    return log.ino === error.ino && log.dev === error.dev ? 'ignore' : standardError
  } catch {
    // There is no standard error.
    return 'ignore'
  }
}

const programText = (command: string): string => command.replace(/^\|[|$]?\s*/, '')

/** A word may be in quotes, and a backslash takes what a character means away from it (apr_tokenize_to_argv). */
const WORD = /"((?:\\[ \t"']|[^"])*)"?|'((?:\\[ \t"']|[^'])*)'?|((?:\\[ \t"']|[^ \t])+)/g

/** @param command with `|`, `||` or `|$` in front, one character per byte */
export function argv(command: string): [program: string, args: string[]] {
  // Configuration is read as bytes; the system wants them back as they were.
  const text = Buffer.from(programText(command), 'latin1').toString('utf8')
  if (command.startsWith('|$')) return ['/bin/sh', ['-c', text]]
  const words = [...text.matchAll(WORD)]
    .map(([, double, single, plain]) => (double ?? single ?? plain!).replace(/\\([^]?)/g, '$1'))
  return [words[0] ?? '', words.slice(1)]
}
