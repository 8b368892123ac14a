/*
 * mod_log_debug: LogMessage writes a line into the error log when a request comes by a hook. Requests that it is said for
 * are served where they may block: what begins anew on another thread would be told of twice.
 */
import {
  ConfigError, DECLINED, logsFor, OK, optional, Order, parseCondition, parseStringExpression, RSRC_AND_ACCESS, Settings, word,
  type Answer, type Command, type Configured, type Expression, type Hooks, type Module, type On, type Request, type Status,
} from 'httpd'

const HOOKS = [
  'log_transaction', 'quick_handler', 'handler', 'pre_translate_name', 'translate_name', 'map_to_storage', 'fixups',
  'type_checker', 'check_access', 'check_access_ex', 'insert_filter', 'check_authn', 'check_authz',
] as const
type HookName = (typeof HOOKS)[number]

interface Message {
  readonly hook: HookName | 'all'
  readonly text: Expression<string>
  readonly condition: Expression<boolean> | undefined
  readonly file: string
  readonly line: number
}

const perDirectory = new Settings('directory', { messages: [] as readonly Message[] }, {
  messages: (outer, inner) => [...outer, ...inner],
})

function logMessage(
  said: { messages?: readonly Message[] }, command: Command, text: string, ...clauses: readonly (string | undefined)[]
): void {
  let hook: Message['hook'] = 'log_transaction'
  let condition: Message['condition']
  for (const clause of clauses) {
    if (clause === undefined) continue
    const value = clause.slice(5)
    if (/^hook=/i.test(clause)) hook = hookNamed(value)
    else if (/^expr=/i.test(clause)) condition = parseCondition(value, command, `Could not parse expression '${value}': `, { vary: false })
    else throw new ConfigError(`Invalid argument ${clause}`)
  }
  const message = parseStringExpression(text, command, `Could not parse message expression '${text}': `)
  refuseWaiting(hook, [message, condition])
  said.messages = [...(said.messages ?? []), { hook, text: message, condition, file: command.file, line: command.line }]
}

function hookNamed(name: string): Message['hook'] {
  const lower = name.toLowerCase()
  const found = lower === 'all' ? lower : HOOKS.find((hook) => hook === lower)
  if (found === undefined) throw new ConfigError(`Invalid hook name: ${name}`)
  return found
}

/** Where nobody waits: the answer is out (log_transaction), or filters are being put together. */
const WITHOUT_WAIT: readonly Message['hook'][] = ['all', 'log_transaction', 'insert_filter']

function refuseWaiting(hook: Message['hook'], expressions: readonly (Expression<string> | Expression<boolean> | undefined)[]): void {
  const waiting = expressions.find((expression) => expression?.sync === false)
  if (waiting !== undefined && WITHOUT_WAIT.includes(hook))
    throw new ConfigError(`Cannot log "${waiting.text}" here: it may have to wait for another lookup`)
}

const isFor = (name: HookName) => ({ hook }: Message): boolean => hook === name || hook === 'all'

/** One message; whatever comes of it the request goes on. */
function write(r: Request, name: HookName, message: Message): Answer<void> {
  const failed = (error: unknown): void =>
    r.log('error', 'log_debug', `AH00641: Can't evaluate message expression: ${error instanceof Error ? error.message : String(error)}`)
  try {
    const written = evaluate(r, name, message)
    return written instanceof Promise ? written.catch(failed) : written
  } catch (error) {
    // A regular expression that takes too long.
    return failed(error)
  }
}

function evaluate(r: Request, name: HookName, { text, condition, file, line }: Message): Answer<void> {
  // As Apache: where it was said is told with LogLevel debug.
  const place = (): string => logsFor(r, 'debug', 'log_debug') ? ` (${name} hook, ${file}:${line})` : ''
  const tell = (message: string): void => r.log('info', 'log_debug', message + place())
  const go = (holds: boolean): Answer<void> => holds
    ? text.resolve(r, 'log_debug', tell, (reason) => r.log('error', 'log_debug', `AH00641: Can't evaluate message expression: ${reason}`))
    : undefined
  if (condition === undefined) return go(true)
  return condition.resolve(r, 'log_debug', go, (reason) => r.log('error', 'log_debug', `AH00640: Can't evaluate condition: ${reason}`))
}

/** All messages of a hook, one after the other. */
function writeAll(r: Request, name: HookName, messages: readonly Message[], from = 0): Answer<Status> {
  for (let at = from; at < messages.length; at++) {
    if (!isFor(name)(messages[at]!)) continue
    const written = write(r, name, messages[at]!)
    if (written instanceof Promise) return written.then(() => writeAll(r, name, messages, at + 1))
  }
  return DECLINED
}

const logger = (name: HookName) => (r: Request): Answer<Status> => writeAll(r, name, r.dir(perDirectory).messages)

const isUsed = (name: HookName) => (settings: Configured): boolean => settings.dir(perDirectory).messages.some(isFor(name))

/** Where Apache knows of no section (quick_handler) or has forgotten it again (map_to_storage): what is said outside of them. */
const outside = (name: HookName) => (r: Request): Answer<Status> =>
  writeAll(r, name, r.server.conf.defaults.holds(perDirectory).messages)

function registerAll(hooks: Hooks, on: On): void {
  const places = [
    ['pre_translate_name', hooks.translateName, Order.reallyFirst], ['translate_name', hooks.translateName, Order.first],
    ['fixups', hooks.fixups, Order.first],
    ['type_checker', hooks.typeChecker, Order.first], ['check_access', hooks.accessChecker, Order.first],
    // Behind those of check_access: in check_access_ex nobody may be who has nothing to say of access.
    ['check_access_ex', hooks.accessChecker, Order.reallyLast], ['check_authn', hooks.checkUserId, Order.first],
    ['check_authz', hooks.authChecker, Order.first], ['handler', hooks.handler, Order.first],
  ] as const
  for (const [name, hook, order] of places) on(hook, logger(name), { order, when: isUsed(name) })
  on(hooks.postReadRequest, outside('quick_handler'), { order: Order.reallyLast, when: isUsed('quick_handler') })
  on(hooks.mapToStorage, outside('map_to_storage'), { order: Order.first, when: isUsed('map_to_storage') })
  const filters = logger('insert_filter')
  on(hooks.insertFilter, (r) => void filters(r), { order: Order.first, when: isUsed('insert_filter') })
  const log = logger('log_transaction')
  on(hooks.logTransaction, (r) => {
    void log(r)
    return OK
  }, { order: Order.first, when: isUsed('log_transaction') })
}

export const module = {
  name: 'log_debug_module',
  file: 'mod_log_debug.c',
  settings: [perDirectory],
  directives: [
    perDirectory.directive('LogMessage', [word, optional(word), optional(word)], logMessage, RSRC_AND_ACCESS,
      'Log a debug message to the error log if this config block is used for a request'),
  ],
  register: registerAll,
} satisfies Module
