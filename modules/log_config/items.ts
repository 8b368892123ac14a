/*
 * The items of access log formats: for each letter, what makes the function that gives its value for a request.
 * What other modules add is in the core's table.
 */
import { threadId } from 'node:worker_threads'
import {
  ConfigError, dirCore, knownLogId, registeredLogItem, remoteHost, serverCore, tableValue, type LogItem, type LogValue, type Request,
} from 'httpd'
import { elapsedItem, timeItem } from './times.ts'

type Of = LogValue['of']

const number = (of: Of): LogValue => ({ kind: 'number', of })
const plain = (of: Of): LogValue => ({ kind: 'plain', of })
const bytes = (of: Of): LogValue => ({ kind: 'bytes', of })
/** An argument that means nothing stands for itself, as in Apache. */
const itself = (argument: string): LogValue => plain(() => argument)
const none: LogValue = plain(() => undefined)

const PID = String(process.pid)
const TID = threadId === 0 ? PID : String(threadId)

const host = (r: Request): string => remoteHost(r) ?? r.clientIp
const clientIp = (r: Request): string => r.clientIp

/** Names in any case of letters, no quotes, no commas between cookies. */
function cookie(name: string): LogValue {
  const wanted = name.toLowerCase()
  return bytes((r) => {
    for (const pair of r.headersIn.get('Cookie')?.split(';') ?? []) {
      const at = pair.indexOf('=')
      if (at > 0 && at < pair.length - 1 && pair.slice(0, at).trim().toLowerCase() === wanted)
        return pair.slice(at + 1).trim()
    }
    return undefined
  })
}

function responseHeader(name: string): LogValue {
  const lower = name.toLowerCase()
  if (lower === 'content-type') {
    // The field as it was sent, and so none for a 304.
    const type = (r: Request) => r.sentHeader === undefined ? r.contentType ?? sent(r, name) : sent(r, name)
    return bytes((r) => type(r)?.replace(/\s*;.*$/s, ''))
  }
  return bytes(lower === 'set-cookie' ? setCookies : (r) => sent(r, name))
}

const sent = (r: Request, name: string): string | undefined =>
  r.sentHeader?.(name) ?? r.errHeadersOut.get(name) ?? r.headersOut.get(name)

function setCookies(r: Request): string | undefined {
  const values: string[] = []
  for (const table of [r.errHeadersOut, r.headersOut])
    for (const [name, value] of table) if (name.toLowerCase() === 'set-cookie') values.push(value)
  return values.length > 0 ? values.join(', ') : undefined
}

/** The port of ServerName, else of the <VirtualHost>, else the protocol's. */
function canonicalPort(r: Request): string {
  const { serverPort, serverScheme } = r.server.get(serverCore)
  return String(serverPort > 0 ? serverPort : serverScheme === 'https' ? 443 : 80)
}

function port(which: string): LogValue {
  const name = which.toLowerCase()
  if (name === '' || name === 'canonical') return number(canonicalPort)
  if (name === 'local') return number((r) => String(r.connection.localPort))
  if (name === 'remote') return number((r) => String(r.clientPort))
  return itself(which)
}

function processId(which: string): LogValue {
  if (which === '' || which === 'pid') return number(() => PID)
  if (which === 'tid') return number(() => TID)
  if (which === 'hextid') return plain(() => Number(TID).toString(16))
  return itself(which)
}

const serverName = (r: Request): string => r.server.get(serverCore).serverName ?? r.connection.localIp

function connectionState(r: Request): string {
  if (r.connection.aborted) return 'X'
  const { maxKeepAliveRequests: most } = r.server.get(serverCore)
  return r.keepAlive === true && (most === 0 || most > r.connection.keepalives) ? '+' : '-'
}

/** As Apache counts: a request after which the connection ends is not counted itself. */
function keptRequests(r: Request): string {
  return String(Math.max(0, r.connection.keepalives - (r.keepAlive === true ? 1 : 2)))
}

const PASSWORD = /(\/\/[^/?#@:\s]*):[^/?#@\s]*@/

/** The request line; a password in it is nobody's business. */
export function requestLine(r: Request): string {
  const line = r.requestLine
  return line.includes('@') ? line.replace(PASSWORD, '$1:XXXXXXXX@') : line
}

/** Of a request that was refused before it had one: the path as it stands in the request line. */
const askedPath = (r: Request): string =>
  /^\S+ (?:[a-z][a-z0-9+.-]*:\/\/[^/?# ]*)?([^?# ]*)/i.exec(r.requestLine)?.[1] ?? ''

export const ITEMS: Readonly<Record<string, LogItem>> = {
  a: { make: (which) => plain(which === 'c' ? (r) => r.connection.peerIp : clientIp) },
  A: { make: () => plain((r) => r.connection.localIp) },
  b: { make: () => number((r) => r.bytesSent === 0 ? undefined : String(r.bytesSent)) },
  B: { make: () => number((r) => String(r.bytesSent)) },
  C: { make: cookie },
  D: { make: () => elapsedItem('us'), original: true },
  e: { make: (name) => bytes((r) => tableValue(r.env, name)) },
  f: { make: () => bytes((r) => r.filename) },
  h: { make: () => bytes(host) },
  H: { make: () => bytes((r) => r.protocolText) },
  i: { make: (name) => bytes((r) => r.headersIn.get(name)) },
  k: { make: () => number(keptRequests) },
  l: { make: () => none },
  L: { make: (which) => plain((r) => knownLogId(which === 'c' ? r.connection : r)), original: true },
  m: { make: () => bytes((r) => r.method || undefined) },
  n: { make: (name) => bytes((r) => tableValue(r.notes, name)) },
  o: { make: responseHeader },
  p: { make: port },
  P: { make: processId },
  q: { make: () => bytes((r) => r.args === undefined ? '' : `?${r.args}`) },
  r: { make: () => bytes((r) => requestLine(r) || undefined), original: true },
  R: { make: () => bytes((r) => r.handler), original: true },
  s: { make: () => number((r) => String(r.status)), original: true },
  t: { make: timeItem },
  T: { make: (unit) => elapsedItem(unit === '' ? 's' : unit), original: true },
  u: { make: () => ({ kind: 'bytes', of: (r) => r.user, empty: '""' }) },
  U: { make: () => bytes((r) => (r.uri === '' ? askedPath(r) : r.uri) || undefined), original: true },
  v: { make: () => bytes(serverName) },
  V: { make: () => bytes((r) => (r.dir(dirCore).useCanonicalName === 'off' ? r.hostname : undefined) ?? serverName(r)) },
  X: { make: () => plain(connectionState) },
  '^ti': { make: (name) => bytes((r) => r.trailersIn?.get(name)) },
  // Nothing here sends any.
  '^to': { make: () => none },
}

/**
 * The item whose name a text begins with: `^` and two letters, or one letter.
 * @throws ConfigError if there is none
 */
export function itemFor(text: string): { readonly item: LogItem; readonly length: number } {
  for (const length of text.startsWith('^') && text.length === 3 ? [3, 1] : [1]) {
    const name = text.slice(0, length)
    const item = Object.hasOwn(ITEMS, name) ? ITEMS[name] : registeredLogItem(name)
    if (item !== undefined) return { item, length }
  }
  const belongs = 'IOS'.includes(text[0]!) || text === '^FB' ? ': it is an item of mod_logio, which is not loaded' : ''
  throw new ConfigError(`Unrecognized LogFormat directive %${text[0]!}${belongs}`)
}
