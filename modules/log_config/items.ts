/*
 * The items of access log formats: for each letter, what makes the function that gives its value for a
 * request. Values are escaped; undefined shows as `-`.
 */
import { threadId } from 'node:worker_threads'
import { ConfigError, dirCore, escapeLogItem, knownLogId, remoteHost, serverCore, type Request } from 'httpd'
import { timeItem, elapsedItem } from './times.ts'

export type Value = (r: Request) => string | undefined

interface Row {
  /** With the item's argument, the text in braces. */
  readonly make: (argument: string) => Value
  /** Of the chain of internal redirects, the request that was asked for, not the one that answered. */
  readonly original?: true
}

const escaped = (text: string | undefined): string | undefined => text === undefined ? undefined : escapeLogItem(text)
const PID = String(process.pid)
const TID = threadId === 0 ? PID : String(threadId)

function cookie(name: string): Value {
  return (r) => {
    for (const pair of r.headersIn.get('Cookie')?.split(';') ?? []) {
      const at = pair.indexOf('=')
      if (at > 0 && pair.slice(0, at).trim() === name) return escapeLogItem(pair.slice(at + 1).trim())
    }
    return undefined
  }
}

function responseHeader(name: string): Value {
  if (name.toLowerCase() === 'content-type') return (r) => escaped(r.contentType)
  return (r) => escaped(r.headersOut.get(name) ?? r.errHeadersOut.get(name))
}

/** The port that this server would give in a URL of its own. */
function canonicalPort(r: Request): string {
  const { serverPort } = r.server.get(serverCore)
  if (r.dir(dirCore).useCanonicalName === 'off') {
    const asked = /:(\d+)$/.exec(r.headersIn.get('Host') ?? '')
    if (asked !== null) return asked[1]!
  }
  return String(serverPort > 0 ? serverPort : r.connection.localPort)
}

function port(which: string): Value {
  if (which === '' || which === 'canonical') return canonicalPort
  if (which === 'local') return (r) => String(r.connection.localPort)
  if (which === 'remote') return (r) => String(r.connection.clientPort)
  return () => which
}

function processId(which: string): Value {
  if (which === '' || which === 'pid') return () => PID
  if (which === 'tid') return () => TID
  if (which === 'hextid') return () => Number(TID).toString(16)
  return () => which
}

const user = (r: Request): string | undefined => r.user === '' ? '""' : escaped(r.user)
const serverName = (r: Request): string => r.server.get(serverCore).serverName ?? r.connection.localIp
const clientIp = (r: Request): string => r.connection.clientIp

function connectionState(r: Request): string {
  return r.connection.aborted ? 'X' : r.keepAlive === true ? '+' : '-'
}

export const ITEMS: Readonly<Record<string, Row>> = {
  a: { make: () => clientIp },
  A: { make: () => (r) => r.connection.localIp },
  b: { make: () => (r) => r.bytesSent === 0 ? undefined : String(r.bytesSent) },
  B: { make: () => (r) => String(r.bytesSent) },
  C: { make: cookie },
  D: { make: () => elapsedItem('us'), original: true },
  e: { make: (name) => (r) => escaped(r.env.get(name)) },
  f: { make: () => (r) => escaped(r.filename) },
  h: { make: (which) => which === 'c' ? clientIp : (r) => escapeLogItem(remoteHost(r.connection) ?? clientIp(r)) },
  H: { make: () => (r) => escapeLogItem(r.protocolText) },
  i: { make: (name) => (r) => escaped(r.headersIn.get(name)) },
  k: { make: () => (r) => String(Math.max(0, r.connection.keepalives - 1)) },
  l: { make: () => () => undefined },
  L: { make: (which) => (r) => knownLogId(which === 'c' ? r.connection : r), original: true },
  m: { make: () => (r) => escapeLogItem(r.method) },
  n: { make: (name) => (r) => escaped(r.notes.get(name)) },
  o: { make: responseHeader },
  p: { make: port },
  P: { make: processId },
  q: { make: () => (r) => r.args === undefined ? '' : `?${escapeLogItem(r.args)}` },
  r: { make: () => (r) => escapeLogItem(r.requestLine), original: true },
  R: { make: () => (r) => escaped(r.handler), original: true },
  s: { make: () => (r) => String(r.status), original: true },
  t: { make: timeItem },
  T: { make: (unit) => elapsedItem(unit === '' ? 's' : unit), original: true },
  u: { make: () => user },
  U: { make: () => (r) => escapeLogItem(r.uri), original: true },
  v: { make: () => (r) => escapeLogItem(serverName(r)) },
  V: { make: () => (r) => escapeLogItem(
    (r.dir(dirCore).useCanonicalName === 'off' ? r.hostname : undefined) ?? serverName(r)) },
  X: { make: () => connectionState },
  '^ti': { make: (name) => (r) => escaped(r.trailersIn?.get(name)) },
  // Responses have none.
  '^to': { make: () => () => undefined },
}

/** @throws ConfigError for a letter without a row */
export function itemRow(letter: string): Row {
  const row = ITEMS[letter]
  if (row === undefined) throw new ConfigError(`Unrecognized LogFormat directive %${letter}`)
  return row
}
