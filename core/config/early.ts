/**
 * Directives that run while files are read (EXEC_ON_READ): what they do to
 * the reading, and the rows that the core module's table lists them with. One
 * rule: after reading nothing of them is left in the tree.
 */
import { serverRootRelative } from '../base/path.ts'
import { ConfigError } from './errors.ts'
import type { Directive, ReadLine } from './directive.ts'
import { versionHolds } from './if_version.ts'
import { isDirectory, stat } from './include.ts'
import { nextWord, trimBlanks, wordsOf } from './lexer.ts'
import type { Reading } from './reading.ts'
import type { Position } from './server_conf.ts'
import { EXEC_ON_READ, OR_ALL, RSRC_CONF, type Where } from './where.ts'

/** A line that is being read. */
export interface EarlyLine extends Position {
  readonly args: string
  readonly words: readonly string[]
  /** Takes the files of a path in, here. */
  include(path: string, optional: boolean): void
}

interface EarlyRow {
  readonly name: string
  readonly where: Where
  readonly help: string
  readonly takes: string
  /** Fewest and most words; an empty word is none. */
  readonly count: readonly [min: number, max: number]
  run(reading: Reading, line: EarlyLine): void
}

/** A conditional section: whether what it encloses is read. `!` in front of the argument is already gone. */
type Condition = (reading: Reading, argument: string) => boolean

const ROOT: Where = { ...RSRC_CONF, early: true }

/** Never called: the reader has carried the line out. */
const apply = (): void => undefined

const rows: readonly EarlyRow[] = [
  {
    name: 'Include', where: EXEC_ON_READ, takes: 'takes one argument', count: [1, 1],
    help: 'Name(s) of the config file(s) to be included; fails if the wildcard does not match at least one file',
    run: (_, line) => line.include(line.words[0]!, false),
  },
  {
    name: 'IncludeOptional', where: EXEC_ON_READ, takes: 'takes one argument', count: [1, 1],
    help: 'Name or pattern of the config file(s) to be included; ignored if the file does not exist or the pattern ' +
      'does not match any files',
    run: (_, line) => line.include(line.words[0]!, true),
  },
  {
    name: 'Define', where: EXEC_ON_READ, takes: 'takes 1-2 arguments', count: [1, 2],
    help: 'Define a variable, optionally to a value.  Same as passing -D to the command line.',
    run: (reading, { words }) => reading.define(variable(words[0]!), words[1]),
  },
  {
    name: 'UnDefine', where: EXEC_ON_READ, takes: 'takes one argument', count: [1, 1],
    help: 'Undefine the existence of a variable. Undo a Define.',
    run: (reading, { words }) => reading.undefine(variable(words[0]!)),
  },
  {
    name: 'ServerRoot', where: ROOT, takes: 'takes one argument', count: [1, 1],
    help: 'Common directory of server-related files (logs, confs, etc.)',
    run(reading, { words }) {
      const path = serverRootRelative(reading.serverRoot, words[0]!)
      if (!isDirectory(path)) throw new ConfigError('ServerRoot must be a valid directory')
      reading.serverRoot = path
    },
  },
  {
    name: 'DefaultRuntimeDir', where: ROOT, takes: 'takes one argument', count: [1, 1],
    help: 'Common directory for run-time files (shared memory, locks, etc.)',
    run(reading, { words }) {
      const path = serverRootRelative(reading.serverRoot, words[0]!)
      if (!isDirectory(path))
        throw new ConfigError('DefaultRuntimeDir must be a valid directory, absolute or relative to ServerRoot')
      reading.runtimeDir = path
    },
  },
]

/** LoadModule and LoadFile: their rows are so_module's. */
const loaders: readonly EarlyRow[] = [
  {
    name: 'LoadModule', where: ROOT, takes: 'takes two arguments', count: [2, 2],
    help: 'a module name and the name of a shared object file to load it from',
    run: (reading, { words, file, line }) => reading.loadModule(words[0]!, words[1]!, { file, line }),
  },
  {
    name: 'LoadFile', where: ROOT, takes: 'requires at least one argument', count: [1, Infinity],
    help: 'shared object file or library to load into the server at runtime',
    run: (reading, { words, file, line }) => words.forEach((path) => reading.loadFile(path, { file, line })),
  },
]

function variable(name: string): string {
  if (name.includes(':')) throw new ConfigError("Variable name must not contain ':'")
  return name
}

/** A whole argument in quotes loses them; anything else stays as it is. */
function unquoted(argument: string): string {
  const [word, rest] = nextWord(argument)
  return rest === '' && /^["']/.test(argument) ? word : argument
}

const conditions: Readonly<Record<string, readonly [help: string, holds: Condition]>> = {
  '<IfModule': ['Container for directives based on existence of specified modules',
    ({ input }, argument) => input.table.has(unquoted(argument))],
  '<IfDefine': ['Container for directives based on existence of command line defines',
    (reading, argument) => reading.defines.has(unquoted(argument))],
  '<IfFile': ['Container for directives based on existence of files on disk', ifFile],
  '<IfDirective': ['Container for directives based on existence of named directive',
    ({ input }, argument) => input.table.find(unquoted(argument)).length > 0],
  '<IfSection': ['Container for directives based on existence of named section',
    ({ input }, argument) => input.table.find(`<${unquoted(argument)}`).length > 0],
}

function ifFile(reading: Reading, argument: string): boolean {
  const [path] = nextWord(argument)
  const negated = path.startsWith('!')
  return (stat(serverRootRelative(reading.serverRoot, negated ? path.slice(1) : path)) !== undefined) !== negated
}

const asDirective = ({ name, where, help, takes }: Omit<EarlyRow, 'count' | 'run'>): Directive =>
  ({ name, where, help, takes, scope: 'directory', apply })

const CONDITION: Where = { ...OR_ALL, early: true }

const conditional = (name: string, help: string): Directive =>
  asDirective({ name, where: CONDITION, help, takes: 'takes the rest of the line' })

/** For the table of mod_version. */
export const ifVersionDirective: Directive =
  conditional('<IfVersion', 'a comparison operator, a version (and a delimiter)')

/** For the table of so_module. */
export const loadDirectives: readonly Directive[] = loaders.map(asDirective)

/** For the core's table. */
export const conditionalDirectives: readonly Directive[] =
  Object.entries(conditions).map(([name, [help]]) => conditional(name, help))
export const readingDirectives: readonly Directive[] = rows.map(asDirective)

const rowsByName = new Map([...rows, ...loaders].map((row) => [row.name.toLowerCase(), row]))
const conditionsByName = new Map(Object.entries(conditions).map(([name, [, holds]]) => [name.toLowerCase(), holds]))

/**
 * What a name does while it is read.
 * @returns undefined: nothing, the line goes into the tree
 */
export function earlyNamed(name: string, reading: Reading): EarlyAction | undefined {
  const key = name.toLowerCase()
  const { table, languageLevel } = reading.input
  if (key === '<ifversion') {
    if (!table.has('mod_version.c')) return undefined
    return sectionAction(ifVersionDirective, (args) => versionHolds(args, languageLevel))
  }
  const directive = table.find(key).find((found) => found.directive.where.early)?.directive
  if (directive === undefined) return undefined
  const holds = conditionsByName.get(key)
  if (holds !== undefined)
    return sectionAction(directive, (args) => conditionHolds(directive.name, reading, holds, args))
  const { read } = directive
  if (read !== undefined) return { directive, run: read }
  const row = rowsByName.get(key)
  return row && { directive, run: (line) => runRow(row, reading, line) }
}

/** Either `run` for a line, or `holds` for a conditional section: its argument is between the name and the `>`. */
export interface EarlyAction {
  readonly directive: Directive
  /** @throws ConfigError */
  readonly run?: (line: Omit<EarlyLine, 'words'> & ReadLine) => void
  /** @throws ConfigError */
  readonly holds?: (args: string) => boolean
}

function runRow(row: EarlyRow, reading: Reading, line: Omit<EarlyLine, 'words'>): void {
  const words = wordsOf(line.args)
  const [min, max] = row.count
  if (words.length < min || words.length > max || words.slice(0, min).includes(''))
    throw new ConfigError(`${row.name} ${row.takes}, ${row.help}`)
  row.run(reading, {
    args: line.args, file: line.file, line: line.line, words, include: (path, optional) => line.include(path, optional),
  })
}

function sectionAction(directive: Directive, holds: (argument: string) => boolean): EarlyAction {
  return {
    directive,
    holds(args) {
      const argument = insideBrackets(directive.name, args)
      if (argument === '' && directive !== ifVersionDirective)
        throw new ConfigError(`${directive.name}> directive requires additional arguments`)
      return holds(argument)
    },
  }
}

function conditionHolds(name: string, reading: Reading, holds: Condition, argument: string): boolean {
  const negated = argument.startsWith('!')
  const rest = negated ? trimBlanks(argument.slice(1)) : argument
  if (rest === '') throw new ConfigError(`${name}> directive requires additional arguments`)
  return holds(reading, rest) !== negated
}

/**
 * The arguments of a section: what stands before the last `>` of the line.
 * @param name the section's, with its `<`
 * @throws ConfigError
 */
export function insideBrackets(name: string, args: string): string {
  const end = args.lastIndexOf('>')
  if (end < 0) throw new ConfigError(`${name}> directive missing closing '>'`)
  return trimBlanks(args.slice(0, end))
}
