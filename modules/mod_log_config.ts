/*
 * mod_log_config: the access logs. Formats are compiled when the configuration is read; a request costs the
 * putting together of its line, and a turn of the event loop one write for each log.
 */
import { isMainThread } from 'node:worker_threads'
import {
  ConfigError, GLOBAL_ONLY, OK, RSRC_CONF, Settings, each, errnoPrefix, flag, log, openLog, optional, parseCondition,
  tableValue, word,
  type Command, type Configured, type Module, type Request, type Startup, type Status,
} from 'httpd'
import { flushWhenEnded } from './log_config/ending.ts'
import { compileFormat, type Line } from './log_config/format.ts'
import { compileJson, DEFAULT_JSON } from './log_config/json.ts'
import { Sink } from './log_config/sink.ts'

/** One CustomLog, TransferLog or GlobalLog line. Its sink is there from open_logs on. */
interface Log {
  /** Absolute path, or `|program`. */
  readonly target: string
  /** Name of a format or a format as written; undefined: that of the last LogFormat without a name. */
  readonly format: string | undefined
  readonly line: Line | undefined
  readonly condition: Condition | undefined
}

const COMMON = compileFormat('%h %l %u %t "%r" %>s %b')
const BUILT_IN: Readonly<Record<string, Line>> = { CLF: COMMON, json: compileJson(DEFAULT_JSON) }

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
/** The server asked for last is nearly always the one asked for now. */
let lastAsked: Holds | undefined
let lastFound: readonly Output[] = []

function outputsOf(holds: Holds): readonly Output[] {
  if (holds !== lastAsked) {
    lastAsked = holds
    lastFound = outputs.get(holds) ?? []
  }
  return lastFound
}

/** log_transaction, with the request that was asked for. */
export function logRequest(r: Request): Status {
  for (const { line, sink, condition } of outputsOf(r.server.get(logging)))
    if (condition === undefined || holds(condition, r)) sink.write(line(r))
  return OK
}

function openLogs(startup: Startup): Status {
  if (startup.checking) return OK
  const sinks = new Map<string, Sink>()
  const buffered = startup.server.all.some((server) => server.get(logging).buffered)
  outputs = new WeakMap()
  lastAsked = undefined
  for (const server of startup.server.all) {
    const holds = server.get(logging)
    const opened: Output[] = []
    for (const log of [...holds.logs, ...holds.globalLogs]) {
      const sink = sinkFor(log.target, sinks, buffered, startup)
      if (sink === undefined) return 500
      opened.push({ line: lineOf(log, holds), sink, condition: log.condition })
    }
    outputs.set(holds, opened)
  }
  current = { sinks: [...sinks.values()], buffered }
  return OK
}

let current: { readonly sinks: readonly Sink[]; readonly buffered: boolean } = { sinks: [], buffered: false }

/** child_init: the thread's lines are its own until they are written. */
function keepLines(): void {
  const { sinks, buffered } = current
  if (sinks.length > 0) flushWhenEnded(() => sinks.forEach(({ flush }) => flush()), buffered, isMainThread)
}

const lineOf = ({ format, line }: Log, { formats, defaultFormat }: Holds): Line =>
  format === undefined ? defaultFormat : Object.hasOwn(formats, format) ? formats[format]! : line!

/** Two lines about one file share its sink, so that lines are written in order. */
function sinkFor(target: string, sinks: Map<string, Sink>, buffered: boolean, startup: Startup): Sink | undefined {
  let sink = sinks.get(target)
  if (sink === undefined) {
    try {
      sinks.set(target, sink = new Sink(openLog(startup, target), { buffered, trouble: teller(target) }))
    } catch (error) {
      const reason = target.startsWith('|') && error instanceof Error ? ` (${error.message})` : ''
      startup.note('error', 'log_config',
        `${errnoPrefix(error)}AH00649: could not open transfer log file ${target}.${reason}`)
    }
  }
  return sink
}

const teller = (target: string) => (error: Error | undefined, lost: number): void => {
  if (error === undefined) log('warn', 'log_config', `SY00092: ${target} can be written again: ${lost} lines were lost`)
  else {
    log('error', 'log_config', `${errnoPrefix(error)}SY00091: could not write to ${target}: ` +
      'lines are lost until it can be written again')
  }
}

type Said = { -readonly [K in keyof Holds]?: Holds[K] }

function logFormat(said: Said, _command: Command, format: string, name: string | undefined): void {
  const line = compileFormat(format)
  if (name !== undefined) nameFormat(said, name, line)
  else said.defaultFormat = namedFormat(said, format) ?? line
}

function nameFormat(said: Said, name: string, line: Line): void {
  said.formats = { ...(said.formats ?? BUILT_IN), [name]: line }
}

/** `JsonLogFormat NAME KEY=FORMAT ...` */
function jsonLogFormat(said: Said, command: Command, name: string, words: readonly string[]): void {
  if (name.includes('=')) throw command.usage('takes a name first')
  nameFormat(said, name, compileJson(words))
}

/** `LogFormat common` makes a format with that name the default. */
function namedFormat({ formats = BUILT_IN }: Said, name: string): Line | undefined {
  return Object.hasOwn(formats, name) ? formats[name] : undefined
}

const targetOf = (command: Command, text: string): string =>
  text.startsWith('|') ? text : command.serverRootRelative(text)

function logOf(command: Command, file: string, format: string, clause: string | undefined): Log {
  return { target: targetOf(command, file), format, line: compileFormat(format), condition: conditionOf(clause, command) }
}

// Nobody keeps a request out of a log by making it undecidable whether it belongs there.
function holds(condition: Condition, r: Request): boolean {
  try {
    return condition.holds(r)
  } catch (error) {
    r.log('error', 'log_config', `AH00646: Error evaluating log condition: ${error instanceof Error ? error.message : String(error)}`)
    return true
  }
}

/** Whether a request is logged: an `env=` or `expr=` clause. */
interface Condition {
  /** It may take its time, and so is not for event's listener. */
  readonly slow: boolean
  holds(r: Request): boolean
}

function conditionOf(clause: string | undefined, command: Command): Condition | undefined {
  if (clause === undefined) return undefined
  if (/^expr=/i.test(clause)) return byExpression(clause.slice(5), command)
  const match = /^env=(!?)(.*)$/is.exec(clause)
  if (match === null) throw new ConfigError('error in condition clause')
  const [, not, variable] = match
  if (variable === '') throw new ConfigError('missing environment variable name')
  const wanted = not === ''
  return { slow: false, holds: (r) => (tableValue(r.env, variable!) !== undefined) === wanted }
}

function byExpression(text: string, command: Command): Condition {
  if (text === '') throw new ConfigError('missing condition')
  const expression = parseCondition(text, command, 'error in condition clause: ', { vary: false })
  // The answer is out, and the connection does not wait.
  if (!expression.sync) throw new ConfigError(`error in condition clause: "${text}" may have to wait for another lookup`)
  const holds = (r: Request) => expression.resolve(r, 'log_config', itself, (reason) => {
    r.log('warn', 'log_config', `AH00644: Error evaluating log condition: ${reason}`)
    return false
  }) === true
  return { slow: !expression.quick, holds }
}

const itself = (value: boolean): boolean => value

const CUSTOM_HELP =
  'a file name, a custom log format string or format name, and an optional "env=" or "expr=" clause (see docs)'

export const module = {
  name: 'log_config_module',
  file: 'mod_log_config.c',
  settings: [logging],
  directives: [
    logging.directive('LogFormat', [word, optional(word)], logFormat, RSRC_CONF,
      'a log format string (see docs) and an optional format name'),
    logging.directive('JsonLogFormat', [word, each(word)], jsonLogFormat, RSRC_CONF,
      'a format name, and KEY=FORMAT for each member of the object that a line is'),
    logging.directive('CustomLog', [word, word, optional(word)], (said, command, file, format, clause) => {
      said.logs = [...(said.logs ?? []), logOf(command, file, format, clause)]
    }, RSRC_CONF, CUSTOM_HELP),
    logging.directive('GlobalLog', [word, word, optional(word)], (said, command, file, format, clause) => {
      said.globalLogs = [...(said.globalLogs ?? []), logOf(command, file, format, clause)]
    }, GLOBAL_ONLY, 'Same as CustomLog, but forces virtualhosts to inherit the log'),
    logging.directive('TransferLog', [word], (said, command, file) => {
      const target = targetOf(command, file)
      said.logs = [...(said.logs ?? []), { target, format: undefined, line: undefined, condition: undefined }]
    }, RSRC_CONF, 'the filename of the access log'),
    logging.directive('BufferedLogs', [flag], 'buffered', RSRC_CONF,
      'Lines of up to a second are written together; holds for all logs'),
  ],
  register(hooks, on) {
    on(hooks.openLogs, openLogs)
    on(hooks.childInit, keepLines)
    const logsOf = (settings: Configured): readonly Log[] => {
      const { logs, globalLogs } = settings.server(logging)
      return [...logs, ...globalLogs]
    }
    const isSlow = (settings: Configured) => logsOf(settings).some(({ condition }) => condition?.slow)
    on(hooks.logTransaction, logRequest, {
      quick: true, when: (settings) => logsOf(settings).length > 0 && !isSlow(settings),
    })
    on(hooks.logTransaction, logRequest, { when: isSlow })
  },
} satisfies Module
