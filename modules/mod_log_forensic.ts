/*
 * mod_log_forensic: a line before a request is worked on and a line after it, so that a request that ends the server, or
 * never ends, can be found: the first has no second. Lines are written at once, and where that may block.
 */
import { writeSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import {
  DECLINED, errnoPrefix, log, mergedFields, OK, openLog, Order, RSRC_CONF, Settings, word,
  type Command, type Configured, type Module, type Request, type Startup, type Status,
} from 'httpd'

const forensic = new Settings('server', { target: undefined as string | undefined })

/** Descriptors of this generation's logs, by target. */
let opened = new Map<string, number>()

function openLogs(startup: Startup): Status {
  if (startup.checking) return OK
  opened = new Map()
  for (const server of startup.server.all) {
    const { target } = server.get(forensic)
    if (target === undefined || opened.has(target)) continue
    try {
      opened.set(target, openLog(startup, target))
    } catch (error) {
      startup.note('error', 'log_forensic', errnoPrefix(error) + (target.startsWith('|')
        ? `AH00650: couldn't spawn forensic log pipe ${target.slice(1)}` : `AH00651: could not open forensic log file ${target}.`))
      return 500
    }
  }
  return OK
}

const ESCAPED = /[^\x20-\x7e]|[:|%]/g

/** Bytes that end a field, or that no line shows, as `%hh`. */
export const escapeForensic = (text: string): string =>
  text.replace(ESCAPED, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

const COUNTS = 0x1000000
let count = 0

/** Of the process, the second, and the requests of the thread. */
function nextId(): string {
  count = (count + 1) % COUNTS
  return `${process.pid}:${Math.floor(Date.now() / 1000).toString(16)}:${(threadId * COUNTS + count).toString(16)}`
}

const NOTE = 'forensic-id'

/** post_read_request */
export function before(r: Request): Status {
  const fd = descriptorOf(r)
  if (fd === undefined || r.prev !== undefined) return DECLINED
  const id = (r.hasEnv === true ? r.env.get('UNIQUE_ID') : undefined) ?? nextId()
  let line = `+${id}|${escapeForensic(r.requestLine)}`
  for (const [name, value] of mergedFields(r.headersIn.fields())) line += `|${escapeForensic(name)}:${escapeForensic(value)}`
  write(fd, `${line}\n`)
  r.notes.set(NOTE, id)
  return OK
}

/** log_transaction */
export function behind(r: Request): Status {
  const fd = descriptorOf(r)
  const id = fd === undefined || r.prev !== undefined ? undefined : r.notes.get(NOTE)
  if (id !== undefined) write(fd!, `-${id}\n`)
  return OK
}

function descriptorOf(r: Request): number | undefined {
  const { target } = r.server.get(forensic)
  return target === undefined ? undefined : opened.get(target)
}

let isFailing = false

/** Told once, until it can be written again. */
function write(fd: number, line: string): void {
  try {
    writeSync(fd, line, null, 'latin1')
    isFailing = false
  } catch (error) {
    if (!isFailing) log('error', 'log_forensic', `${errnoPrefix(error)}SY00160: could not write to the forensic log: lines are lost until it can be written again`)
    isFailing = true
  }
}

function forensicLog(said: { target?: string | undefined }, command: Command, text: string): void {
  said.target = text.startsWith('|') ? text : command.serverRootRelative(text)
}

export const module = {
  name: 'log_forensic_module',
  file: 'mod_log_forensic.c',
  settings: [forensic],
  directives: [
    forensic.directive('ForensicLog', [word], forensicLog, RSRC_CONF, 'the filename of the forensic log'),
  ],
  register(hooks, on) {
    const when = (settings: Configured): boolean => settings.server(forensic).target !== undefined
    on(hooks.openLogs, openLogs)
    // None is quick: they write, and a request that begins anew elsewhere would have two first lines.
    on(hooks.postReadRequest, before, { order: Order.reallyFirst, after: ['unique_id_module'], when })
    on(hooks.logTransaction, behind, { order: Order.reallyLast, when })
  },
} satisfies Module
