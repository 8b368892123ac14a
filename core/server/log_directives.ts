/** ErrorLog, ErrorLogFormat and LogLevel: where the error log goes, what its lines hold, and which are written. */
import { each, word } from '../config/args.ts'
import type { Command, Directive } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import { RSRC_AND_ACCESS, RSRC_CONF } from '../config/where.ts'
import type { LogLevel } from '../hook/types.ts'
import { dirCore, serverCore, type ServerCore } from './core_settings.ts'
import { checkErrorFormat } from './log_format.ts'
import { levelNamed } from './notes.ts'
import { isSyslog, syslogTarget } from './syslog.ts'

function errorLog(said: Partial<ServerCore>, command: Command, target: string): void {
  if (isSyslog(target)) syslogTarget(target)
  const elsewhere = target.startsWith('|') || isSyslog(target)
  said.errorLog = elsewhere ? target : command.serverRootRelative(target)
}

const FORMAT_TYPES = ['request', 'connection']

/** `ErrorLogFormat [connection|request] FORMAT` */
function errorLogFormat(said: Partial<ServerCore>, command: Command, words: readonly string[]): void {
  if (words.length > 2) throw command.usage('takes 1-2 arguments')
  const type = words.length === 2 ? words[0]!.toLowerCase() : undefined
  if (type !== undefined && !FORMAT_TYPES.includes(type))
    throw new ConfigError('ErrorLogFormat type must be one of request, connection')
  const format = words.at(-1)!
  checkErrorFormat(format, type === undefined)
  if (type === undefined) said.errorLogFormat = format
  else if (type === 'request') said.errorLogRequestFormats = [...(said.errorLogRequestFormats ?? []), format]
  else said.errorLogConnectionFormats = [...(said.errorLogConnectionFormats ?? []), format]
}

interface Levels { logLevel?: LogLevel | undefined; moduleLogLevels?: Readonly<Record<string, LogLevel>> }

/** `LogLevel [LEVEL] [MODULE:LEVEL ...]`, in a server or in a section. */
function logLevel(said: Levels, command: Command, words: readonly string[]): void {
  for (const text of words) {
    const at = text.indexOf(':')
    if (at >= 0 && at === text.length - 1)
      throw new ConfigError(`Module specifier '${text.slice(0, at)}' must be followed by a log level keyword`)
    const level = levelNamed(text.slice(at + 1))
    if (level === undefined) {
      throw new ConfigError(
        'Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8')
    }
    if (at < 0) {
      said.logLevel = level
      // As in Apache: a level without a module is for all modules, also for those named before.
      said.moduleLogLevels = {}
    } else said.moduleLogLevels = { ...said.moduleLogLevels, [moduleNamed(text.slice(0, at), command)]: level }
  }
}

/** The name in log lines for `ssl`, `ssl_module` or `mod_ssl.c`. */
function moduleNamed(text: string, command: Command): string {
  const name = text.replace(/^mod_/, '').replace(/\.c$/, '').replace(/_module$/, '')
  const spellings = [text, `${name}_module`, `mod_${name}.c`, `${name}.c`]
  if (command.table !== undefined && !spellings.some((spelling) => command.table!.has(spelling)))
    throw new ConfigError(`Cannot find module ${text}`)
  return name
}

const LEVEL_HELP = 'Level of verbosity in error logging'
const ofServer = serverCore.directive('LogLevel', [each(word)],
  (said, command, words) => logLevel(said, command, words), RSRC_AND_ACCESS, LEVEL_HELP)
const ofSection = dirCore.directive('LogLevel', [each(word)],
  (said, command, words) => logLevel(said, command, words), RSRC_AND_ACCESS, LEVEL_HELP)

/** All of them, in the order in which they are listed. */
export const logDirectives: readonly Directive[] = [
  serverCore.directive('ErrorLog', [word], errorLog, RSRC_CONF, 'The filename of the error log'),
  serverCore.directive('ErrorLogFormat', [each(word)], errorLogFormat, RSRC_CONF,
    'Format string for the ErrorLog'),
  {
    ...ofServer,
    scope: 'directory',
    apply: (command, words) => (command.path === undefined ? ofServer : ofSection).apply(command, words),
  },
]
