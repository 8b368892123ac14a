/**
 * The core's sections: <Directory>, <Files>, <Location> and their Match
 * forms, <VirtualHost>, <Limit>, <LimitExcept>; and Error. One rule: a
 * section decides here, once, what it matches; nothing is parsed at request
 * time.
 */
import { compile, hasWildcards } from '../base/fnmatch.ts'
import { countDirectories, isAbsolutePath, tidyPath, withTrailingSlash } from '../base/path.ts'
import { checkContext } from './context.ts'
import type { Command, Directive } from './directive.ts'
import { ConfigError } from './errors.ts'
import { nextWord } from './lexer.ts'
import { limitOf } from './limit.ts'
import { compileRegex, type Regex } from './regex.ts'
import { ServerConf, type Section, type SectionKind } from './server_conf.ts'
import { ConfigVector } from './settings.ts'
import { allowedBy, GLOBAL_ONLY, OR_ALL, RSRC_CONF, type Where } from './where.ts'

type Run = NonNullable<Directive['section']>

export const needsArguments = (command: Command): ConfigError =>
  new ConfigError(`${command.directive.name}> directive requires additional arguments`)

/** What makes a section hold, and the name that it is known by. */
interface Test {
  readonly kind: SectionKind
  readonly pattern: string
  readonly components?: number
  readonly named?: Regex
  matches(subject: string): boolean
}

/** `kind`, its regular-expression form, and how a plain argument is understood. */
function matching(kind: 'Directory' | 'Files' | 'Location', plain: (pattern: string) => Test, always: boolean): Run {
  return (command, words, walk) => {
    if (kind === 'Files') checkContext(command, { location: true, limit: true })
    const regex = always || words[0] === '~'
    const [pattern, ...more] = words[0] === '~' && !always ? words.slice(1) : words
    if (pattern === undefined) throw needsArguments(command)
    if (more.length > 0)
      throw new ConfigError(`Multiple ${command.directive.name}> arguments not (yet) supported.`)
    const test = regex ? expression(`${kind}Match`, pattern) : plain(pattern)
    const section: Section = {
      ...test, at: { file: command.file, line: command.line }, vector: new ConfigVector(), inner: [],
    }
    walk({ section })
    if (command.section === undefined) command.server.sections.push(section)
    else command.section.inner.push(section)
  }
}

function expression(kind: SectionKind, pattern: string): Test {
  const regex = compileRegex(pattern)
  const test: Test = { kind, pattern, matches: (subject) => regex.test(subject) }
  return regex.names.some((name) => name !== undefined) ? { ...test, named: regex } : test
}

/** Matches the path of a directory, with its slash. */
function directory(pattern: string): Test {
  if (!isAbsolutePath(pattern)) throw new ConfigError(`<Directory "${pattern}"> path is invalid.`)
  const path = withTrailingSlash(tidyPath(pattern))
  const components = path === '/' ? 0 : countDirectories(path)
  return { kind: 'Directory', pattern: path, components, matches: wild(path) }
}

/** Matches the last component of a file's path. */
const files = (pattern: string): Test => ({ kind: 'Files', pattern, matches: wild(pattern) })

/** Matches the path of a URL up to a slash or its end; with wildcards, all of it. */
function location(pattern: string): Test {
  const prefix = pattern === '' || pattern.endsWith('/') ? pattern : `${pattern}/`
  const matches = hasWildcards(pattern)
    ? compile(pattern, { pathname: true })
    : (uri: string) => uri === pattern || uri.startsWith(prefix)
  return { kind: 'Location', pattern, matches }
}

const wild = (pattern: string): ((subject: string) => boolean) =>
  hasWildcards(pattern) ? compile(pattern, { pathname: true }) : (subject) => subject === pattern

const virtualHost: Run = (command, words, walk) => {
  if (words.length === 0) throw needsArguments(command)
  walk({ server: new ServerConf(true, { file: command.file, line: command.line }, words) })
}

const limited = (except: boolean): Run => (command, words, walk) => {
  if (words.length === 0) throw needsArguments(command)
  walk({ limit: limitOf(command.directive.name, words, except, command.limit) })
}

/** Never called: a section has `section`. */
const apply = (): void => undefined

const row = (name: string, where: Where, help: string, section: Run): Directive =>
  ({ name, where, help, takes: 'takes the rest of the line', scope: 'directory', section, apply })

const DIRECTORY = 'Container for directives affecting resources located in the specified directories'
const FILES = 'Container for directives affecting files matching specified patterns'
const LOCATION = 'Container for directives affecting resources accessed through the specified URL paths'
const LIMIT = allowedBy('AuthConfig', 'Limit')

const error: Directive = {
  name: 'Error', where: OR_ALL, takes: 'takes the rest of the line', scope: 'directory',
  help: 'Generate error message from within configuration',
  apply(command) {
    if (command.args === '') throw new ConfigError('The Error directive was used with no message.')
    const quote = /^["']/.exec(command.args)?.[0]
    const whole = quote !== undefined && command.args.length > 1 && command.args.endsWith(quote) &&
      nextWord(command.args)[1] === ''
    throw new ConfigError(whole ? command.args.slice(1, -1) : command.args)
  },
}

/** For the core module's table. */
export const sectionDirectives: readonly Directive[] = [
  row('<Directory', RSRC_CONF, DIRECTORY, matching('Directory', directory, false)),
  row('<Location', RSRC_CONF, LOCATION, matching('Location', location, false)),
  row('<VirtualHost', GLOBAL_ONLY, 'Container to map directives to a particular virtual host, takes one or more ' +
    'host addresses', virtualHost),
  row('<Files', OR_ALL, FILES, matching('Files', files, false)),
  row('<Limit', LIMIT, 'Container for authentication directives when accessed using specified HTTP methods',
    limited(false)),
  row('<LimitExcept', LIMIT, 'Container for authentication directives to be applied when any HTTP method other than ' +
    'those specified is used to access the resource', limited(true)),
  row('<DirectoryMatch', RSRC_CONF, DIRECTORY, matching('Directory', directory, true)),
  row('<LocationMatch', RSRC_CONF, LOCATION, matching('Location', location, true)),
  row('<FilesMatch', OR_ALL, FILES, matching('Files', files, true)),
  error,
]
