/*
 * rotatelogs: what comes on standard input goes to files that follow one another. Options, names of files, messages and
 * exit codes are those of Apache's program. Two rules of its own: no line is cut in two where one file ends and the next
 * begins, and what was written stays when the disk is full or a new file cannot be opened.
 */
import { spawn } from 'node:child_process'
import { closeSync, fstatSync, ftruncateSync, linkSync, mkdirSync, openSync, read, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { describeErrno } from '../core/port/port.ts'
import { Fault, OptionFault, settingsText, USAGE, UsageFault, wantedBy, type Wanted } from './rotatelogs/command_line.ts'
import { beginning, nameOf, timeLeft } from './rotatelogs/schedule.ts'

const EXIT = { file: 2, input: 3, output: 4 } as const
const CHUNK = 65_536
const LF = 0x0a
/** How long (ms) to wait where a descriptor that somebody else has made non-blocking has nothing. */
const PAUSE = 20

/** Nobody who reads it, or a full disk, is no reason to end: the lines of the log matter more. */
function say(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // There is nowhere else to say it.
  }
}

const errnoOf = (error: unknown): number => Math.abs((error as NodeJS.ErrnoException).errno ?? 0)
const reasonOf = (error: unknown): string => describeErrno(errnoOf(error))
const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
const pause = (ms: number): Promise<void> => new Promise((done) => void setTimeout(done, ms))
/** Waits here and now: what is written keeps its order. */
const sleep = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

interface Log {
  readonly name: string
  readonly fd: number
  /** As `beginning` counts. */
  readonly begun: number
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error
      sleep(PAUSE)
    }
  }
}

class Rotation {
  readonly #wanted: Wanted
  #log: Log | undefined
  /** How many files were opened before, for -n. */
  #turn = 0
  /** The file ends in the middle of a line. */
  #midLine = false
  /** Of the file that cannot be written. */
  #lost = 0

  constructor(wanted: Wanted) {
    this.#wanted = wanted
  }

  /** How long until a file has to be opened or to end by itself. */
  get timeLeft(): number {
    if (this.#log === undefined) return this.#wanted.period * 1000
    return Math.max(0, timeLeft(this.#wanted, this.#log.begun, Date.now()))
  }

  /** Opens the next file if it is time, or if there is none. */
  turn(): void {
    const reason = this.#reason()
    if (reason === undefined) return
    this.#tell(`File rotation needed, reason: ${reason}`)
    this.openNext()
  }

  #reason(): string | undefined {
    const { size } = this.#wanted
    if (this.#log === undefined) return 'Open a new file'
    if (timeLeft(this.#wanted, this.#log.begun, Date.now()) <= 0) return 'Time interval expired'
    return size > 0 && fstatSync(this.#log.fd).size > size ? 'Maximum size reached' : undefined
  }

  /** @throws Fault if there is none yet and none can be opened */
  openNext(): void {
    const before = this.#log
    const { truncate, truncateNext, files } = this.#wanted
    const now = Date.now()
    const begun = beginning(this.#wanted, now)
    const name = nameOf(this.#wanted, begun, now, this.#turn)
    this.#makeDirectories(name)
    this.#tell(`Opening file ${name}`)
    const isEmptied = truncate || ((files > 0 || truncateNext) && before !== undefined)
    const fd = this.#open(name, isEmptied)
    if (fd === undefined) {
      // The old file goes on, and the next attempt is due when it would have ended as a new one.
      this.#log = { ...before!, begun }
      return
    }
    this.#turn++
    this.#afterOpening(name, before?.name)
    if (before !== undefined) {
      this.#tell(`Closing file ${before.name}`)
      closeSync(before.fd)
    }
    this.#log = { name, fd, begun }
    this.#midLine = false
  }

  #open(name: string, isEmptied: boolean): number | undefined {
    try {
      const fd = openSync(name, 'a', 0o666)
      if (isEmptied) ftruncateSync(fd)
      return fd
    } catch (error) {
      const text = `Could not open log file '${name}' (${reasonOf(error)})`
      if (this.#log === undefined) throw new Fault(text, EXIT.file)
      say(`${text}: going on with '${this.#log.name}'`)
      return undefined
    }
  }

  #makeDirectories(name: string): void {
    const directory = dirname(name)
    if (!this.#wanted.directories || directory === '.') return
    this.#tell(`Creating directory tree ${directory}`)
    try {
      mkdirSync(directory, { recursive: true })
    } catch (error) {
      say(`Could not create directory '${directory}' (${reasonOf(error)})`)
    }
  }

  #afterOpening(name: string, before: string | undefined): void {
    const { link, program } = this.#wanted
    if (link !== undefined) this.#link(name, link)
    if (program === undefined) return
    this.#tell(`Calling post-rotate program: ${program}`)
    const child = spawn(program, before === undefined ? [name] : [name, before], { stdio: ['ignore', 1, 2] })
    child.unref()
    child.on('error', (error) => say(`Could not spawn post-rotate process '${program}': ${reasonOf(error)}`))
  }

  #link(name: string, link: string): void {
    this.#tell(`Linking ${name} to ${link}`)
    try {
      rmSync(link, { force: true })
      linkSync(name, link)
    } catch (error) {
      throw new Fault(`Error linking file ${name} to ${link} (${reasonOf(error)})`, EXIT.file)
    }
  }

  /** All of a chunk goes to one file, but for the end of a line that the file before has begun. */
  take(chunk: Buffer): void {
    if (this.#midLine && this.#reason() !== undefined) {
      const end = chunk.indexOf(LF) + 1
      this.#write(end === 0 ? chunk : chunk.subarray(0, end))
      if (end === 0 || end === chunk.length) return
      chunk = chunk.subarray(end)
    }
    this.turn()
    this.#write(chunk)
  }

  #write(bytes: Buffer): void {
    this.#midLine = bytes.at(-1) !== LF
    try {
      writeAll(this.#log!.fd, bytes)
      if (this.#lost > 0) say(`Writing to '${this.#log!.name}' again: ${this.#lost} bytes were lost`)
      this.#lost = 0
    } catch (error) {
      if (this.#lost === 0) say(`Error ${errnoOf(error)} writing to log file '${this.#log!.name}' (${reasonOf(error)})`)
      this.#lost += bytes.length
    }
  }

  #tell(line: string): void {
    if (this.#wanted.verbose) say(line)
  }
}

/** The next bytes of standard input; empty at its end. @throws Fault */
async function input(buffer: Buffer): Promise<Buffer> {
  for (;;) {
    const answer = await new Promise<number | NodeJS.ErrnoException>((done) =>
      read(0, buffer, 0, buffer.length, null, (error, count) => done(error ?? count)))
    if (typeof answer === 'number') return buffer.subarray(0, answer)
    if (answer.code !== 'EAGAIN') throw new Fault(`Unable to read stdin (${reasonOf(answer)})`, EXIT.input)
    await pause(PAUSE)
  }
}

/** A file for each period, whether or not anything is read meanwhile. @returns a function that ends it */
function keepTurning(rotation: Rotation, failed: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout
  const MOST = 0x7fff_ffff
  const wait = (): void => {
    timer = setTimeout(() => {
      try {
        rotation.turn()
        wait()
      } catch (error) {
        failed(error)
      }
    }, Math.min(rotation.timeLeft, MOST))
  }
  wait()
  return () => clearTimeout(timer)
}

function echo(chunk: Buffer): void {
  try {
    writeAll(1, chunk)
  } catch {
    throw new Fault('Unable to write to stdout', EXIT.output)
  }
}

async function run(wanted: Wanted, failed: (error: unknown) => void): Promise<void> {
  if (!wanted.local) process.env['TZ'] = 'UTC'
  if (wanted.verbose) say(settingsText(wanted))
  const rotation = new Rotation(wanted)
  if (wanted.open) rotation.openNext()
  const stop = wanted.empty && wanted.period > 0 ? keepTurning(rotation, failed) : (): void => undefined
  const buffer = Buffer.allocUnsafe(CHUNK)
  for (let chunk = await input(buffer); chunk.length > 0; chunk = await input(buffer)) {
    rotation.take(chunk)
    if (wanted.echo) echo(chunk)
  }
  stop()
}

function end(error: unknown): never {
  if (!(error instanceof Fault) && !(error instanceof OptionFault)) throw error
  say(error instanceof OptionFault ? `rotatelogs: ${error.message}` : error.message)
  if (!(error instanceof Fault) || error instanceof UsageFault) process.stderr.write(USAGE)
  process.exit(error instanceof Fault ? error.exit : 1)
}

async function main(): Promise<void> {
  await run(wantedBy(process.argv.slice(2)), end)
}

main().catch(end)
