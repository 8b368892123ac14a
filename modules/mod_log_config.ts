/*
 * mod_log_config: the access logs. Formats are compiled when the configuration is read; a request costs the
 * putting together of its line, and a turn of the event loop one write for each log.
 */
import {
  ConfigError, GLOBAL_ONLY, OK, Order, RSRC_CONF, Settings, errnoPrefix, flag, openLog, optional, word,
  type Command, type Module, type Request, type Startup, type Status,
} from 'httpd'
import { compileFormat, type Line } from './log_config/format.ts'
import { Sink } from './log_config/sink.ts'

/** One CustomLog, TransferLog or GlobalLog line. Its sink is there from open_logs on. */
interface Log {
  /** Absolute path, or `|program`. */
  readonly target: string
  /** Name of a format or a format as written; undefined: that of the last LogFormat without a name. */
  readonly format: string | undefined
  readonly line: Line | undefined
  /** Variable that must (`wanted`) or must not be set. */
  readonly condition: { readonly variable: string; readonly wanted: boolean } | undefined
}

const COMMON = compileFormat('%h %l %u %t "%r" %>s %b')
const BUILT_IN: Readonly<Record<string, Line>> = { CLF: COMMON }

const logging = new Settings('server', {
  logs: [] as readonly Log[],
  globalLogs: [] as readonly Log[],
  /** By name. */
  formats: BUILT_IN,
  /** For TransferLog. */
  defaultFormat: COMMON,
  buffered: false,
}, {
  formats: (outer, inner) => ({ ...outer, ...inner }),
})

type Holds = Readonly<typeof logging.defaults>

/** What is written for a request of one server. */
interface Output {
  readonly line: Line
  readonly sink: Sink
  readonly condition: Log['condition']
}

let outputs = new WeakMap<Holds, readonly Output[]>()

/** log_transaction, with the request that was asked for. */
export function logRequest(r: Request): Status {
  for (const { line, sink, condition } of outputs.get(r.server.get(logging)) ?? [])
    if (condition === undefined || r.env.has(condition.variable) === condition.wanted) sink.write(line(r))
  return OK
}

function openLogs(startup: Startup): Status {
  if (startup.checking) return OK
  const sinks = new Map<string, Sink>()
  outputs = new WeakMap()
  for (const server of startup.server.all) {
    const holds = server.get(logging)
    const opened: Output[] = []
    for (const log of [...holds.logs, ...holds.globalLogs]) {
      const sink = sinkFor(log.target, sinks, startup)
      if (sink === undefined) return 500
      opened.push({ line: lineOf(log, holds), sink, condition: log.condition })
    }
    outputs.set(holds, opened)
  }
  return OK
}

const lineOf = ({ format, line }: Log, { formats, defaultFormat }: Holds): Line =>
  format === undefined ? defaultFormat : Object.hasOwn(formats, format) ? formats[format]! : line!

/** Two lines about one file share its sink, so that lines are written in order. */
function sinkFor(target: string, sinks: Map<string, Sink>, startup: Startup): Sink | undefined {
  let sink = sinks.get(target)
  if (sink === undefined) {
    try {
      sinks.set(target, sink = new Sink(openLog(startup, target)))
    } catch (error) {
      const reason = target.startsWith('|') && error instanceof Error ? ` (${error.message})` : ''
      startup.note('error', 'log_config',
        `${errnoPrefix(error)}AH00649: could not open transfer log file ${target}.${reason}`)
    }
  }
  return sink
}

type Said = { -readonly [K in keyof Holds]?: Holds[K] }

function logFormat(said: Said, _command: Command, format: string, name: string | undefined): void {
  const line = compileFormat(format)
  if (name !== undefined) said.formats = { ...(said.formats ?? BUILT_IN), [name]: line }
  else said.defaultFormat = namedFormat(said, format) ?? line
}

/** `LogFormat common` makes a format with that name the default. */
function namedFormat({ formats = BUILT_IN }: Said, name: string): Line | undefined {
  return Object.hasOwn(formats, name) ? formats[name] : undefined
}

const targetOf = (command: Command, text: string): string => {
  if (text === '') throw new ConfigError(`${command.name} requires a file or a program`)
  return text.startsWith('|') ? text : command.serverRootRelative(text)
}

function logOf(command: Command, file: string, format: string, clause: string | undefined): Log {
  return { target: targetOf(command, file), format, line: compileFormat(format), condition: conditionOf(clause) }
}

function conditionOf(clause: string | undefined): Log['condition'] {
  if (clause === undefined) return undefined
  if (/^expr=/i.test(clause))
    throw new ConfigError(`Cannot use "${clause}": expressions are not available in this version`)
  const match = /^env=(!?)(.+)$/i.exec(clause)
  if (match === null) throw new ConfigError(`error in condition clause: "${clause}" must begin with env= or expr=`)
  return { variable: match[2]!, wanted: match[1] === '' }
}

const CUSTOM_HELP =
  'a file name, a custom log format string or format name, and an optional "env=" or "expr=" clause (see docs)'

export const module = {
  name: 'log_config_module',
  file: 'mod_log_config.c',
  settings: [logging],
  directives: [
    logging.directive('LogFormat', [word, optional(word)], logFormat, RSRC_CONF,
      'A log format, and optionally a name for it'),
    logging.directive('CustomLog', [word, word, optional(word)], (said, command, file, format, clause) => {
      said.logs = [...(said.logs ?? []), logOf(command, file, format, clause)]
    }, RSRC_CONF, CUSTOM_HELP),
    logging.directive('GlobalLog', [word, word, optional(word)], (said, command, file, format, clause) => {
      said.globalLogs = [...(said.globalLogs ?? []), logOf(command, file, format, clause)]
    }, GLOBAL_ONLY, CUSTOM_HELP),
    logging.directive('TransferLog', [word], (said, command, file) => {
      const target = targetOf(command, file)
      said.logs = [...(said.logs ?? []), { target, format: undefined, line: undefined, condition: undefined }]
    }, RSRC_CONF, 'A file or program for the access log, in the format of the last LogFormat without a name'),
    logging.directive('BufferedLogs', [flag], 'buffered', GLOBAL_ONLY,
      'Lines are always written together at the end of a turn: accepted without effect'),
  ],
  register(hooks, on) {
    on(hooks.openLogs, openLogs)
    on(hooks.logTransaction, logRequest, {
      order: Order.middle,
      quick: true,
      when: (settings) => {
        const { logs, globalLogs } = settings.server(logging)
        return logs.length > 0 || globalLogs.length > 0
      },
    })
  },
} satisfies Module
