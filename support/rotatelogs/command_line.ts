/* The command line of rotatelogs. Pure. */
import { OptionFault, optionsOf } from '../shared/options.ts'

export interface Wanted {
  /** The log's name as given; with a `%` it is a format of strftime(3). */
  readonly name: string
  /** Seconds; 0: not by time. */
  readonly period: number
  /** Bytes; 0: not by size. */
  readonly size: number
  /** Seconds that are added to UTC. */
  readonly offset: number
  /** -l: local time. */
  readonly local: boolean
  /** -L: the name that the current log has besides its own. */
  readonly link: string | undefined
  /** -p: a program that is told of each new log. */
  readonly program: string | undefined
  /** -n: how many files take turns; 0: as many as come. */
  readonly files: number
  /** -f, -D, -t, -T, -v, -e, -c */
  readonly open: boolean
  readonly directories: boolean
  readonly truncate: boolean
  readonly truncateNext: boolean
  readonly verbose: boolean
  readonly echo: boolean
  readonly empty: boolean
}

export const USAGE = `Usage: rotatelogs [-vlfDtTec] [-L link] [-p program] [-n number] log {seconds | size(B|K|M|G)} [minutes from UTC]

Reads its standard input and writes it to files that follow one another, for

  CustomLog "|bin/rotatelogs /var/log/site 86400" common      a new file each day
  CustomLog "|bin/rotatelogs /var/log/site 5M" common         one after each 5 MiB
  CustomLog "|bin/rotatelogs /var/log/site.%Y-%m-%d 86400 120" common

A file is called log.NNNNNNNNNN after the second in which it begins (a multiple of the time between two rotations), or as
strftime(3) says where the name has a %.

  -v  say on standard error what is done
  -l  go by local time and not by UTC
  -L  another name (a hard link) for the file that is being written
  -p  run a program after a new file was opened: program NEW [OLD]
  -f  open the first file at once, not with the first line
  -D  make the directories that the name needs
  -t  one file, which is emptied instead
  -T  empty a file that is there, but for the first one
  -e  copy all to standard output
  -c  make a file for each period even if nothing is to be written to it
  -n  so many files, log, log.1, log.2 ..., which take turns
`

const MOST_SECONDS = 0x7fff_ffff
const UNITS: Readonly<Record<string, number>> = { B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }

const FLAGS = {
  l: 'local', f: 'open', D: 'directories', t: 'truncate', T: 'truncateNext', v: 'verbose', e: 'echo', c: 'empty',
} as const
type State = { -readonly [Name in keyof Wanted]: Wanted[Name] }

/** The number that a text begins with, as atoi(3) finds it. */
const numberOf = (text: string): number => Number(/^\s*[-+]?\d+/.exec(text)?.[0] ?? 0)

/** @throws OptionFault, or Fault for what is understood and cannot be */
export function wantedBy(words: readonly string[]): Wanted {
  const { given, rest } = optionsOf(words, 'lL:p:fDtTvecn:')
  const state: State = {
    name: rest[0] ?? '', period: 0, size: 0, offset: 0, local: false, link: undefined, program: undefined, files: 0,
    open: false, directories: false, truncate: false, truncateNext: false, verbose: false, echo: false, empty: false,
  }
  for (const { letter, value } of given) takeOption(state, letter, value)
  if (rest.length < 2 || rest.length > 4) throw new UsageFault('Incorrect number of arguments')
  for (const [i, word] of rest.slice(1).entries()) takeWhen(state, word, i === rest.length - 2)
  if (state.files > 0 && state.name.includes('%')) throw new Fault('Cannot use -n with % in filename')
  return state
}

function takeOption(state: State, letter: string, value: string): void {
  if (letter === 'L') state.link = value
  else if (letter === 'p') state.program = value
  else if (letter === 'n') {
    state.files = numberOf(value)
    if (state.files <= 0) throw new Fault('Invalid -n argument')
  } else state[FLAGS[letter as keyof typeof FLAGS]] = true
}

/** A size, a time, or as the last of several words the offset. */
function takeWhen(state: State, word: string, isLast: boolean): void {
  const unit = /[BKMG]/.exec(word)?.[0]
  if (unit !== undefined) {
    if (state.size > 0) throw new UsageFault('Rotation size parameter allowed only once')
    state.size = numberOf(word) * UNITS[unit]!
    if (!(state.size > 0)) throw new UsageFault('Invalid rotation size parameter')
  } else if (isLast && (state.size > 0 || state.period > 0)) {
    if (state.local) throw new UsageFault('UTC offset parameter is not valid with -l')
    state.offset = numberOf(word) * 60
  } else {
    if (state.period > 0) throw new UsageFault('Rotation time parameter allowed only once')
    state.period = numberOf(word)
    if (!(state.period > 0 && state.period <= MOST_SECONDS)) throw new UsageFault('Invalid rotation time parameter')
  }
}

/** Ends the program with a message. */
export class Fault extends Error {
  readonly exit: number

  constructor(message: string, exit = 1) {
    super(message)
    this.exit = exit
  }
}

/** The same, and how the program is used. */
export class UsageFault extends Fault {}

export { OptionFault }

/** What -v says at first. */
export function settingsText(wanted: Wanted): string {
  const rows: readonly (readonly [what: string, value: string | number | boolean])[] = [
    ['Rotation time interval:', wanted.period], ['Rotation size interval:', wanted.size],
    ['Rotation time UTC offset:', wanted.offset], ['Rotation based on localtime:', wanted.local],
    ['Rotation file date pattern:', wanted.name.includes('%')], ['Rotation file forced open:', wanted.open],
    ['Create parent directories:', wanted.directories], ['Rotation verbose:', wanted.verbose],
    ['Rotation create empty logs:', wanted.empty], ['Rotation file name:', wanted.name],
    ['Post-rotation prog:', wanted.program ?? 'not used'],
  ]
  return rows.map(([what, value]) => what + wordFor(value).padStart(41 - what.length)).join('\n')
}

const wordFor = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)
