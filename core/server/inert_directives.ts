/**
 * Directives that Apache httpd documents and that have nothing to act on here: they are of other systems, of parts that
 * a JavaScript program does not have, or long retired. Each takes what Apache takes and says once that nothing comes of
 * it, so that a configuration can be moved as it is.
 */
import { each, parsed, word, type Arg } from '../config/args.ts'
import type { Command, Directive } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import { GLOBAL_ONLY, RSRC_CONF, allowedBy, type Where } from '../config/where.ts'
import { dirCore, serverCore } from './core_settings.ts'
import { atLeastOne, onOff } from './directive_values.ts'

/** The same text for each line that has it: the start shows it once. */
export const inert = (command: Command, why: string, level: 'warn' | 'info' = 'warn'): void =>
  command.note(level, `SY00076: ${command.directive.name} has no effect: ${why}`)

const nothing = (name: string, args: readonly Arg<unknown>[], where: Where, why: string, help: string): Directive =>
  serverCore.directive(name, args, (_, command) => inert(command, why), where, help)

const source = parsed((text) => {
  const lower = text.toLowerCase()
  if (lower === 'script' || lower === 'registry' || lower === 'registry-strict') return lower
  throw new ConfigError(`ScriptInterpreterSource "${text}" must be "registry", "registry-strict" or "script"`)
})

const FILEINFO = allowedBy('FileInfo')
const OTHER_SYSTEM = (system: string): string => `it is for ${system}`

const elsewhere: readonly Directive[] = [
  dirCore.directive('CGIMapExtension', [word, word], (_, command) => inert(command, OTHER_SYSTEM('NetWare')), FILEINFO,
    'Interpreter of CGI programs by the extension of their names'),
  dirCore.directive('ScriptInterpreterSource', [source], (_, command, from) => {
    if (from !== 'script') inert(command, OTHER_SYSTEM('Windows'))
  }, FILEINFO, 'Where the interpreter of CGI programs is named: script, registry or registry-strict'),
  nothing('UNCList', [each(word)], GLOBAL_ONLY, OTHER_SYSTEM('Windows'), 'Hosts of UNC paths that may be used'),
]

const withoutParts: readonly Directive[] = [
  nothing('GprofDir', [word], RSRC_CONF, 'this program is not compiled for gprof', 'Directory for gmon.out'),
  serverCore.directive('EnableExceptionHook', [onOff()], (_, command, on) => {
    if (on) inert(command, 'there is no hook for crashes')
  }, GLOBAL_ONLY, 'Whether modules are told of a crash'),
  nothing('ListenTCPDeferAccept', [atLeastOne('ListenTCPDeferAccept')], GLOBAL_ONLY,
    'connections are accepted as soon as they are there', 'Seconds that the system waits for the first bytes'),
]

const retired: readonly Directive[] = [
  dirCore.directive('DefaultType', [word], (_, command, type) => {
    if (type.toLowerCase() !== 'none')
      command.note('warn', `AH00117: Ignoring deprecated use of DefaultType in line ${command.line} of ${command.file}.`)
  }, FILEINFO, 'The default media type for otherwise untyped files (DEPRECATED)'),
  serverCore.directive('Port', [word], () => {
    throw new ConfigError('Port was replaced with Listen in Apache 2.0')
  }, RSRC_CONF, 'Port was replaced with Listen in Apache 2.0'),
]

/** All of them, in the order in which they are listed. */
export const inertDirectives: readonly Directive[] = [...elsewhere, ...withoutParts, ...retired]
