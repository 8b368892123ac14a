/**
 * Lines of the error log, compiled from an ErrorLogFormat.
 *
 * A format is a row of fields that begin at spaces. An item without a value
 * takes its whole field with it (`-` in front: stands as `-`; `+`: takes the
 * whole line). `% ` begins a field without showing a space, `\ ` shows one
 * without beginning a field.
 */
import { threadId } from 'node:worker_threads'
import { errorLogTime, strftime, ctime } from '../base/dates.ts'
import { escapeErrorLog } from '../base/escape.ts'
import { tableValue } from '../base/table.ts'
import { ConfigError } from '../config/errors.ts'
import type { Connection, LogLevel, Request, Server } from '../hook/types.ts'
import { describeErrno } from '../port/port.ts'
import { serverCore } from './core_settings.ts'

/** No line ends with blanks; a line feed at the end may be what a client sent, so it is shown. */
function withoutBlanks(text: string): string {
  let end = text.length
  while (text.charCodeAt(end - 1) === BLANK) end--
  return text.slice(0, end)
}

const BLANK = 0x20

/** What a message is about; all of it optional. */
export interface About {
  readonly server?: Server
  readonly connection?: Connection
  readonly request?: Request
  /** Positive number of a failed system call. */
  readonly errno?: number
  /** Source file and line of the message, shown from level debug on. */
  readonly file?: string
}

export interface ErrorEntry extends About {
  readonly level: LogLevel
  /** 0 emerg to 15 trace8. */
  readonly rank: number
  readonly module: string
  readonly message: string
  /** Microseconds since 1970. */
  readonly time: number
  /** The line is logged once for its connection. */
  readonly scope?: 'connection'
}

type Value = (entry: ErrorEntry) => string | undefined

interface Item {
  /** A new field begins here. */
  readonly field: boolean
  readonly text?: string
  readonly value?: Value
  readonly empty: 'field' | 'hyphen' | 'line'
  /** Only for messages of this rank and above (less serious). */
  readonly from: number
  /** It stands whatever becomes of its field. */
  readonly message?: true
}

/** Apache's format for a threaded server. */
export const DEFAULT_ERROR_FORMAT =
  '[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\\ %a] %M% ,\\ referer:\\ %{Referer}i'

/** The system's log has times of its own. */
export const DEFAULT_SYSLOG_FORMAT = DEFAULT_ERROR_FORMAT.slice('[%{u}t] '.length)

/** Answers the line, without line end, or an empty string where an item marked `+` has no value. */
export type ErrorFormat = (entry: ErrorEntry) => string

/** @throws ConfigError for an item that does not exist */
export function compileErrorFormat(format: string): ErrorFormat {
  const items = parse(format)
  return (entry) => render(items, entry)
}

/**
 * @param main the format of messages, not what is logged once for a connection or request
 * @throws ConfigError
 */
export function checkErrorFormat(format: string, main: boolean): void {
  const items = parse(format)
  if (main && items.some(({ empty }) => empty === 'line'))
    throw new ConfigError("The '+' flag cannot be used in the main error log format")
  const hasMessage = items.some(({ message }) => message)
  if (main && !hasMessage) throw new ConfigError("main ErrorLogFormat must contain message format string '%M'")
  if (!main && hasMessage)
    throw new ConfigError('%M cannot be used in once-per-request or once-per-connection formats')
}

function render(items: readonly Item[], entry: ErrorEntry): string {
  let line = ''
  let fieldStart = 0
  let skipping = false
  for (const item of items) {
    if (item.field) {
      fieldStart = line.length
      skipping = false
    } else if (skipping && item.message === undefined) continue
    if (item.text !== undefined) {
      line += item.text
      continue
    }
    const dropped = entry.rank < item.from
    const value = dropped ? undefined : item.value!(entry)
    if (value !== undefined && value !== '') line += value
    else if (!dropped && item.empty === 'hyphen') line += '-'
    else if (!dropped && item.empty === 'line') return ''
    else {
      line = line.slice(0, fieldStart)
      skipping = true
    }
  }
  return line
}

const TOKEN = /% |%%|%((?:[-+]|\d+|\{[^}]*\}?)*)(.?)|\\(.)| |[^%\\ ]+|\\/gs

function parse(format: string): Item[] {
  const items: Item[] = []
  for (const [all, modifiers, letter, escaped] of format.matchAll(TOKEN)) {
    if (all === '% ') items.push({ ...LITERAL, field: true, text: '' })
    else if (all === ' ') items.push({ ...LITERAL, field: true, text: ' ' })
    else if (all === '%%') items.push({ ...LITERAL, text: '%' })
    else if (letter !== undefined) items.push(itemOf(modifiers!, letter))
    else if (escaped !== undefined) items.push({ ...LITERAL, text: UNESCAPED[escaped] ?? all })
    else items.push({ ...LITERAL, text: all })
  }
  return items
}

const LITERAL: Item = { field: false, empty: 'field', from: 0 }
const UNESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', ' ': ' ', '\\': '\\' }

/** @param modifiers any of `-`, `+`, a rank, `{argument}` */
function itemOf(modifiers: string, letter: string): Item {
  if (letter === '') throw new ConfigError('Ran off end of error log format parsing args to some directive')
  const make = Object.hasOwn(ITEMS, letter) ? ITEMS[letter] : undefined
  if (make === undefined) throw new ConfigError(`Unrecognized error log format directive %${letter}`)
  const argument = /\{([^}]*)\}/.exec(modifiers)?.[1] ?? ''
  const plain = modifiers.replace(/\{[^}]*\}/g, ' ')
  return {
    field: false, value: make(argument), ...(letter === 'M' && { message: true }),
    empty: plain.includes('+') ? 'line' : plain.includes('-') ? 'hyphen' : 'field',
    from: Number(/\d+/.exec(plain)?.[0] ?? 0),
  }
}

const connectionOf = ({ connection, request }: About): Connection | undefined => connection ?? request?.connection
const serverOf = ({ server, request }: About): Server | undefined => request?.server ?? server
const escaped = (text: string | undefined): string | undefined => text === undefined ? undefined : escapeErrorLog(text)

const ITEMS: Readonly<Record<string, (argument: string) => Value>> = {
  a: (which) => (entry) => {
    const client = (which === 'c' ? undefined : entry.request) ?? connectionOf(entry)
    return client && `${client.clientIp}:${client.clientPort}`
  },
  A: () => (entry) => {
    const connection = connectionOf(entry)
    return connection && `${connection.localIp}:${connection.localPort}`
  },
  e: (name) => ({ request }) => escaped((request && tableValue(request.env, name)) ?? process.env[name]),
  E: () => ({ errno }) => errno === undefined || errno === 0 ? undefined : `(${errno})${describeErrno(errno)}`,
  F: () => ({ file }) => file,
  i: (name) => ({ request }) => escaped(request?.headersIn.get(name)),
  k: () => (entry) => {
    const connection = connectionOf(entry)
    return connection && String(Math.max(0, connection.keepalives - 1))
  },
  l: () => ({ level }) => level,
  L: logIdOf,
  m: () => ({ module }) => module,
  M: () => ({ message }) => escapeErrorLog(withoutBlanks(message)),
  n: (name) => ({ request }) => escaped(request && tableValue(request.notes, name)),
  P: () => () => PID,
  T: () => () => thread,
  t: timeFormat,
  v: () => (entry) => nameOf(serverOf(entry)),
  V: () => (entry) => entry.request?.hostname ?? nameOf(serverOf(entry)),
}

const nameOf = (server: Server | undefined): string | undefined => server?.get(serverCore).serverName

/** `c` for ISO 8601 in compact form, `u` for microseconds. */
function timeFormat(argument: string): Value {
  const micros = argument.includes('u')
  if (argument.includes('c')) {
    return ({ time }) => strftime('%Y-%m-%d %H:%M:%S', time / 1000) +
      (micros ? `.${String(time % 1_000_000).padStart(6, '0')}` : '')
  }
  return micros ? ({ time }) => errorLogTime(time) : ({ time }) => ctime(time / 1000)
}

/** Of the request; with `c` of the connection; with `C` of the connection, in what is logged once for it. */
function logIdOf(which: string): Value {
  if (which === 'C') return (entry) => entry.scope === 'connection' ? idOf(connectionOf(entry)) : undefined
  return which === 'c' ? (entry) => idOf(connectionOf(entry)) : ({ request }) => idOf(request)
}

const idOf = (about: Connection | Request | undefined): string | undefined => about && logId(about)

const PID = String(process.pid)
let thread = threadId === 0 ? PID : String(threadId)

/** Says under which number this thread logs (the kernel's, where the caller knows it). */
export function setThreadNumber(number: number): void {
  thread = String(number)
}

const ids = new WeakMap<object, string>()
let lastId = 0

/** The name under which log lines tell of a request or connection (`%L`): made when first asked for. */
export function logId(about: Connection | Request): string {
  let id = ids.get(about)
  if (id === undefined) {
    const bytes = Buffer.alloc(12)
    bytes.writeUIntBE(Date.now(), 0, 6)
    bytes.writeUInt32BE((process.pid << 8 ^ threadId) >>> 0, 6)
    bytes.writeUInt16BE(lastId = (lastId + 1) & 0xffff, 10)
    ids.set(about, id = bytes.toString('base64url'))
  }
  return id
}

/** The id of a request that something was logged about, or undefined. */
export const knownLogId = (about: Connection | Request): string | undefined => ids.get(about)
