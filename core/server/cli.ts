/**
 * The command line of httpd. One row per switch: parsing and the usage text
 * read the same table. Pure: the answer says what to do, nothing is done here.
 */
import { basename } from 'node:path'
import { levelNamed } from './notes.ts'
import type { LogLevel } from '../hook/types.ts'

export const SIGNALS = ['start', 'restart', 'graceful', 'graceful-stop', 'stop'] as const
export type Signal = (typeof SIGNALS)[number]

export interface Option {
  readonly letter: string
  readonly value?: string
}

export interface CommandLine {
  /** The program as it was invoked, for the usage text and the log. */
  readonly invokedAs: string
  /** Its last path component, for messages. */
  readonly program: string
  /** -D, and the defines that -S, -M and -X stand for, in order. */
  readonly defines: readonly string[]
  readonly serverRoot: string | undefined
  readonly configFile: string | undefined
  readonly pre: readonly string[]
  readonly post: readonly string[]
  readonly level: LogLevel | undefined
  readonly errorFile: string | undefined
  /** -t, and what implies it. */
  readonly check: boolean
  readonly skipDocumentRoot: boolean
  /** -L */
  readonly listDirectives: boolean
  /** -V of a program that must read its configuration to know its MPM. */
  readonly showSettings: boolean
  readonly signal: Signal | undefined
  /** All options but -k, in order: what a detached server is started with. */
  readonly options: readonly Option[]
}

export type Parsed =
  | { readonly kind: 'run'; readonly line: CommandLine }
  /** -v, -V, -l answer as soon as they are met: what follows is not looked at. */
  | { readonly kind: 'version' | 'settings' | 'modules'; readonly line: CommandLine }
  | { readonly kind: 'usage'; readonly line: CommandLine; readonly message: string | undefined }

type Draft = { -readonly [K in keyof CommandLine]: CommandLine[K] } & {
  defines: string[]
  pre: string[]
  post: string[]
  options: Option[]
}

/** What a switch answers: go on, answer at once, or show the usage text, with a message or without. */
type Outcome = undefined | 'version' | 'settings' | 'modules' | 'usage' | 'illegal'

interface Switch {
  readonly letter: string
  /** Takes a value. */
  readonly value?: true
  /** Lines of the usage text: left column, meaning. */
  readonly usage: readonly (readonly [left: string, meaning: string])[]
  readonly run: (draft: Draft, value: string, staticMpm: boolean) => Outcome
}

/** In the order of the usage text. */
const SWITCHES: readonly Switch[] = [
  { letter: 'D', value: true, usage: [['-D name', 'define a name for use in <IfDefine name> directives']],
    run: (draft, value) => void draft.defines.push(value) },
  { letter: 'd', value: true, usage: [['-d directory', 'specify an alternate initial ServerRoot']],
    run: (draft, value) => void (draft.serverRoot = value) },
  { letter: 'f', value: true, usage: [['-f file', 'specify an alternate ServerConfigFile']],
    run: (draft, value) => void (draft.configFile = value) },
  { letter: 'C', value: true, usage: [['-C "directive"', 'process directive before reading config files']],
    run: (draft, value) => void draft.pre.push(value) },
  { letter: 'c', value: true, usage: [['-c "directive"', 'process directive after reading config files']],
    run: (draft, value) => void draft.post.push(value) },
  { letter: 'e', value: true, usage: [['-e level', 'show startup errors of level (see LogLevel)']],
    run: (draft, value) => ((draft.level = levelNamed(value)) === undefined ? 'usage' : undefined) },
  { letter: 'E', value: true, usage: [['-E file', 'log startup errors to file']],
    run: (draft, value) => void (draft.errorFile = value) },
  { letter: 'v', usage: [['-v', 'show version number']], run: () => 'version' },
  { letter: 'V', usage: [['-V', 'show compile settings']],
    run: (draft, _, staticMpm) => (staticMpm ? 'settings' : void (draft.showSettings = draft.check = true)) },
  { letter: 'h', usage: [['-h', 'list available command line options (this page)']], run: () => 'usage' },
  { letter: '?', usage: [], run: () => 'usage' },
  { letter: 'l', usage: [['-l', 'list compiled in modules']], run: () => 'modules' },
  { letter: 'L', usage: [['-L', 'list available configuration directives']],
    run: (draft) => void (draft.listDirectives = draft.check = true) },
  { letter: 'S', run: (draft) => implied(draft, 'DUMP_VHOSTS', 'DUMP_RUN_CFG'), usage: [
    ['-t -D DUMP_VHOSTS', 'show parsed vhost settings'],
    ['-t -D DUMP_RUN_CFG', 'show parsed run settings'],
    ['-S', 'a synonym for -t -D DUMP_VHOSTS -D DUMP_RUN_CFG'],
  ] },
  { letter: 'M', run: (draft) => implied(draft, 'DUMP_MODULES'), usage: [
    ['-t -D DUMP_MODULES', 'show all loaded modules '],
    ['-M', 'a synonym for -t -D DUMP_MODULES'],
    ['-t -D DUMP_INCLUDES', 'show all included configuration files'],
  ] },
  { letter: 't', usage: [['-t', 'run syntax check for config files']], run: (draft) => void (draft.check = true) },
  { letter: 'T', usage: [['-T', 'start without DocumentRoot(s) check']],
    run: (draft) => void (draft.skipDocumentRoot = true) },
  { letter: 'X', usage: [['-X', 'debug mode (only one worker, do not detach)']],
    run: (draft) => void draft.defines.push('DEBUG') },
  { letter: 'k', value: true, usage: [], run: takeSignal },
]

function implied(draft: Draft, ...defines: string[]): undefined {
  draft.check = true
  draft.defines.push(...defines)
}

/** Apache takes the first -k with a known word out of the line beforehand; another one is an unknown switch to it. */
function takeSignal(draft: Draft, value: string): Outcome {
  const signal = SIGNALS.find((name) => name === value)
  if (signal === undefined || draft.signal !== undefined) return 'illegal'
  draft.signal = signal
  return undefined
}

/**
 * Reads the arguments after the program's name, in the way of getopt(3).
 * @param staticMpm whether the program knows its MPM without reading a configuration
 */
export function parseCommandLine(invokedAs: string, argv: readonly string[], staticMpm: boolean): Parsed {
  const draft: Draft = {
    invokedAs, program: basename(invokedAs), defines: [], serverRoot: undefined, configFile: undefined,
    pre: [], post: [], level: undefined, errorFile: undefined, check: false, skipDocumentRoot: false,
    listDirectives: false, showSettings: false, signal: undefined, options: [],
  }
  const usage = (complaint?: string, letter = ''): Parsed =>
    ({ kind: 'usage', line: draft, message: complaint && `${draft.program}: ${complaint} -- ${letter}` })
  let at = 0
  for (; at < argv.length; at++) {
    const word = argv[at]!
    if (word === '--') at++
    if (word === '--' || word === '-' || !word.startsWith('-')) break
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!
      const row = SWITCHES.find((candidate) => candidate.letter === letter)
      if (row === undefined) return usage('illegal option', letter)
      const value = row.value ? word.slice(i + 1) || argv[++at] : ''
      if (value === undefined) return usage(letter === 'k' ? 'illegal option' : 'option requires an argument', letter)
      const outcome = row.run(draft, value, staticMpm)
      if (outcome === 'illegal') return usage('illegal option', letter)
      if (outcome === 'usage') return usage()
      if (outcome !== undefined) return { kind: outcome, line: draft }
      if (letter !== 'k') draft.options.push(row.value ? { letter, value } : { letter })
      if (row.value) break
    }
  }
  return at < argv.length ? usage() : { kind: 'run', line: draft }
}

/** Options as words again, each by itself: `-DX` is `-D`, `X`. */
export const wordsOf = (options: readonly Option[]): string[] =>
  options.flatMap(({ letter, value }) => (value === undefined ? [`-${letter}`] : [`-${letter}`, value]))

/** What `-h` prints, with a line break at its end. */
export function usageText(invokedAs: string): string {
  const pad = ' '.repeat(`Usage: ${invokedAs} `.length)
  const lines = [
    `Usage: ${invokedAs} [-D name] [-d directory] [-f file]`,
    `${pad}[-C "directive"] [-c "directive"]`,
    `${pad}[-k start|restart|graceful|graceful-stop|stop]`,
    `${pad}[-v] [-V] [-h] [-l] [-L] [-t] [-T] [-S] [-X]`,
    'Options:',
    ...SWITCHES.flatMap(({ usage }) => usage.map(([left, meaning]) => `  ${left.padEnd(19)}: ${meaning}`)),
  ]
  return lines.join('\n') + '\n'
}
