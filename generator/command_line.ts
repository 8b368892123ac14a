/*
 * The command line of configure, in autoconf's grammar: --enable-X[=V], --with-X[=V], directories, VAR=VALUE,
 * triplets. Words are brought into one form, yargs reads them by the rows of options.ts, and what no row knows
 * is refused with the nearest known name.
 */
import yargs from 'yargs'
import { UserError } from './error.ts'
import { canonicalHost } from './host.ts'
import { nearest } from './nearest.ts'
import { options, type OptionRow } from './options.ts'

/** What was asked for. Option names are without leading dashes and in their positive form: `enable-so` = `no`. */
export interface Request {
  readonly values: Readonly<Record<string, string>>
  /** VAR=VALUE words, in order. */
  readonly variables: readonly (readonly [name: string, value: string])[]
  readonly notices: readonly string[]
  readonly warnings: readonly string[]
}

const byName = new Map<string, OptionRow>()
for (const row of options) {
  byName.set(row.name, row)
  for (const alias of row.alias ?? []) byName.set(alias, row)
}

/** Every spelling of every option, for suggestions. */
function* spellings(): Iterable<string> {
  for (const row of options) {
    yield `--${row.name}`
    if (row.name.startsWith('enable-')) yield `--disable-${row.name.slice(7)}`
    if (row.name.startsWith('with-')) yield `--without-${row.name.slice(5)}`
  }
}

function unknown(word: string, program: string): UserError {
  const spelled = nearest(word, spellings())
  const meant = spelled === undefined ? [] : [`Did you mean ${spelled}?`]
  return new UserError(`unrecognized option: \`${word}'`, [...meant, `Try \`${program} --help' for more information`])
}

/** `--disable-x` as `--enable-x=no`, underscores in names as dashes, a missing value of a switch as `yes`. */
function positive(name: string, value: string | undefined): [name: string, value: string | undefined] {
  const dashed = name.replaceAll('_', '-')
  if (dashed.startsWith('disable-')) return [`enable-${dashed.slice(8)}`, 'no']
  if (dashed.startsWith('without-')) return [`with-${dashed.slice(8)}`, 'no']
  return [dashed, value ?? (/^(enable|with)-/.test(dashed) ? 'yes' : undefined)]
}

function checkDirectory(name: string, value: string): string {
  const bare = value.replace(/(?<=.)\/+$/, '')
  if (bare.startsWith('/') || bare.startsWith('$') || bare === 'NONE') return bare
  if (bare === '' && name.endsWith('prefix')) return bare
  throw new UserError(`expected an absolute directory name for --${name}: ${value}`)
}

const needsValue: Readonly<Record<string, string>> = {
  'with-port': "'option --with-port requires a value (the TCP port number)'",
  'with-sslport': "'option --with-sslport requires a value (the SSL TCP port number)'",
}

/** One option in its canonical words for yargs: `--name=value`, or `--name` for a flag. */
function canonicalOption(word: string, next: string | undefined, program: string): { out: string; took: boolean } {
  const match = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(word)
  if (match === null) throw unknown(word, program)
  const [name, given] = positive(match[1]!, match[2])
  const row = byName.get(name)
  if (row === undefined || (match[1]!.length === 1) === word.startsWith('--')) {
    throw unknown(word.replace(/=[\s\S]*$/, ''), program)
  }
  if (row.kind === 'flag') return { out: `--${row.name}`, took: false }
  const value = given ?? next
  if (value === undefined) throw new UserError(`missing argument to --${name}`)
  if (given === 'yes' && match[2] === undefined && needsValue[name] !== undefined) throw new UserError(needsValue[name])
  const checked = row.kind === 'directory' ? checkDirectory(name, value) : value
  // yargs takes one pair of quotes off a value: these, and none that belong to it.
  return { out: `--${row.name}="${checked}"`, took: given === undefined }
}

/** All words in their canonical form. */
function canonicalWords(argv: readonly string[], program: string): string[] {
  const words: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (word.startsWith('-') && word !== '-') {
      const { out, took } = canonicalOption(word, argv[i + 1], program)
      words.push(out)
      if (took) i++
    } else {
      words.push(word)
    }
  }
  return words
}

/** yargs with a row per option, taking every value as the text it is. */
function parser(program: string): ReturnType<typeof yargs> {
  const instance = yargs([])
    .scriptName('configure').help(false).version(false).exitProcess(false)
    .usage(`\`configure' configures this package to adapt to many kinds of systems.\n\n` +
      `Usage: ${program} [OPTION]... [VAR=VALUE]...`)
    .epilogue('Some influential environment variables:\n  NODE  the node to build and run with\n\n' +
      'Report bugs to the package provider.')
    .parserConfiguration({
      'boolean-negation': false, 'camel-case-expansion': false, 'dot-notation': false, 'parse-numbers': false,
      'parse-positional-numbers': false, 'duplicate-arguments-array': false, 'short-option-groups': false,
    })
  for (const row of options) {
    const type = row.kind === 'flag' ? ('boolean' as const) : ('string' as const)
    const hidden = row.idle === true
    instance.option(row.name, { type, hidden, describe: row.help, alias: row.alias ?? [], group: row.group })
  }
  return instance
}

/** The text that --help prints. */
export async function helpText(program: string): Promise<string> {
  const text = await parser(program).wrap(null).getHelp()
  return text.replace(/ *\[(boolean|string)\]$/gm, '')
}

function readVariable(word: string): [string, string] {
  const [, name = '', value = ''] = /^([^=]*)=([\s\S]*)$/.exec(word)!
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new UserError(`invalid variable name: \`${name}'`)
  return [name, value]
}

function checkHosts(values: Readonly<Record<string, string>>): void {
  for (const name of ['build', 'host', 'target']) {
    const text = values[name]
    if (text === undefined || canonicalHost(text) !== undefined) continue
    throw new UserError(`Invalid configuration \`${text}': machine \`${text}-unknown' not recognized`)
  }
}

/** Reads the command line; throws UserError for what cannot be meant. `program` is the path of configure. */
export function readCommandLine(argv: readonly string[], program: string): Request {
  const parsed = parser(program).parseSync(canonicalWords(argv, program))
  const values: Record<string, string> = {}
  for (const row of options) {
    const value = parsed[row.name]
    if (typeof value === 'string') values[row.name] = value
    if (value === true) values[row.name] = 'yes'
  }
  const variables: [string, string][] = []
  const warnings: string[] = []
  for (const word of parsed._.map(String)) {
    if (word.includes('=')) {
      variables.push(readVariable(word))
    } else {
      warnings.push('you should use --build, --host, --target')
      values['host'] ??= word
    }
  }
  checkHosts(values)
  const notices = options
    .filter((row) => row.idle === true && values[row.name] !== undefined)
    .map((row) => `--${row.name} has no meaning for this server and is ignored`)
  return { values, variables, notices, warnings }
}
