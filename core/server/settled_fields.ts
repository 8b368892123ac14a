/**
 * The fields of a response where modules or configuration have set some that the core has its own word on, put together
 * as Apache does it (ap_http_header_filter). Every other response writes its lines as they are.
 */
import { Recent } from '../base/recent.ts'
import { isUsual, type Own } from './head_lines.ts'
import { Headers, type Fields } from './header_table.ts'

/** What environment variables ask of a response, for clients that cannot do better (SetEnvIf, BrowserMatch). */
export interface Quirks {
  /** nokeepalive */
  readonly closes: boolean
  /** downgrade-1.0: the request counts as one of HTTP/1.0. */
  readonly downgrades: boolean
  /** force-response-1.0: such a request is answered in the same version. */
  readonly answers10: boolean
  /** force-no-vary */
  readonly withoutVary: boolean
}

export function quirksOf(env: ReadonlyMap<string, string>): Quirks | undefined {
  const withoutVary = env.has('force-no-vary')
  const quirks = {
    closes: env.has('nokeepalive'), downgrades: withoutVary || env.has('downgrade-1.0'),
    answers10: withoutVary || env.has('force-response-1.0'), withoutVary,
  }
  return quirks.closes || quirks.downgrades || quirks.answers10 ? quirks : undefined
}

const tokensOf = (value: string): string[] => value.split(/[\t ]*,[\t ]*/).filter(Boolean)

/** Whether one of the tables says `Connection: close`. */
export const saysClose = (tables: Iterable<Headers>): boolean => [...tables].some((table) =>
  tokensOf(table.get('Connection')?.toLowerCase() ?? '').includes('close'))

/** What came of it, for whoever asks, and the rest of the head as bytes. */
export interface Settled {
  readonly headers: Headers
  readonly bytes: Buffer
}

interface Known extends Settled {
  readonly own: Own
  readonly withoutVary: boolean
  readonly tables: readonly Fields[]
}

/** Heads that many responses have alike: this thread's last ones, by what tells files apart. */
const known = new Recent<string, Known>(64)

/** As `settle`. Nobody may change what it answers. @param tables those for all statuses first */
export function settledOf(tables: readonly Headers[], own: Own, withoutVary: boolean): Settled {
  if (!isUsual(own.connection)) return make(tables, own, withoutVary)
  const key = tables[tables.length - 1]!.mark
  const last = known.get(key)
  if (last?.withoutVary === withoutVary && isAlike(last, tables, own)) return last
  return known.set(key, { ...make(tables, own, withoutVary), own, withoutVary, tables: tables.map((table) => table.snapshot()) })
}

function isAlike(last: Known, tables: readonly Headers[], own: Own): boolean {
  const had = last.own
  if (had.length !== own.length || had.connection !== own.connection || had.chunked !== own.chunked ||
    had.contentType !== own.contentType || had.contentEncoding !== own.contentEncoding ||
    had.contentLanguages.length + own.contentLanguages.length > 0 || last.tables.length !== tables.length) return false
  for (let i = 0; i < tables.length; i++) if (!tables[i]!.isAs(last.tables[i]!)) return false
  return true
}

function make(tables: readonly Headers[], own: Own, withoutVary: boolean): Settled {
  const headers = settle(tables, own, withoutVary)
  return { headers, bytes: Buffer.from(`${headers.text()}\r\n`, 'latin1') }
}

/** @param tables those for all statuses first */
export function settle(tables: Iterable<Headers>, own: Own, withoutVary: boolean): Headers {
  const all = new Headers()
  for (const table of tables) for (const [name, value] of table) all.put(name, value)
  // Those are the core's alone, and the framing of a body is nobody else's to tell.
  for (const name of ['Date', 'Server', 'Transfer-Encoding']) all.unset(name)
  if (withoutVary) all.unset('Vary')
  else uniteVary(all)
  if (own.length !== undefined) all.set('Content-Length', String(own.length))
  for (const line of own.connection.split('\r\n')) addConnection(all, line)
  if (own.chunked) {
    all.unset('Content-Length')
    all.set('Transfer-Encoding', 'chunked')
  }
  if (own.contentType !== undefined) all.set('Content-Type', own.contentType)
  if (own.contentEncoding !== undefined) all.set('Content-Encoding', own.contentEncoding)
  if (own.contentLanguages.length > 0) all.set('Content-Language', own.contentLanguages.join(','))
  return all
}

/** Each name once, all of them in one field. */
function uniteVary(all: Headers): void {
  if (!all.has('Vary')) return
  const names = new Map<string, string>()
  for (const [name, value] of all) {
    if (name.toLowerCase() !== 'vary') continue
    for (const each of tokensOf(value)) if (!names.has(each.toLowerCase())) names.set(each.toLowerCase(), each)
  }
  all.set('Vary', [...names.values()].join(','))
}

function addConnection(all: Headers, line: string): void {
  if (line === '') return
  const colon = line.indexOf(':')
  const [name, value] = [line.slice(0, colon), line.slice(colon + 2)]
  if (name !== 'Connection') all.set(name, value)
  else if (value !== 'close' || !saysClose([all])) all.merge(name, value)
}
