/*
 * mod_status: what the server is doing, for people (server-status), for programs that know Apache's lines
 * (server-status with ?auto), and for Prometheus (server-metrics). It only reads: what is shown has been written to the
 * scoreboard by those who do it.
 */
import { loadavg } from 'node:os'
import { DECLINED, dirCore, OK, running, serverCore, type Module, type Request, type Status } from 'httpd'
import { autoText } from './status/auto.ts'
import { METRICS_TYPE, metricsText } from './status/metrics.ts'
import { pageHtml } from './status/page.ts'
import { procfs } from './status/proc.ts'
import { takeSnapshot, type Depth, type Snapshot } from './status/snapshot.ts'

const HTML = 'text/html; charset=ISO-8859-1'
const PLAIN = 'text/plain; charset=ISO-8859-1'
const REFRESH_DEFAULT = 10

const isRead = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD'

/** How the request calls the server, or how it calls itself: UseCanonicalName. */
function nameOf(r: Request): string {
  const own = r.server.get(serverCore).serverName ?? r.connection.localIp
  return r.dir(dirCore).useCanonicalName === 'off' ? (r.hostname ?? own) : own
}

/** The system answers zeros where it knows no load. */
function loadOf(): Snapshot['load'] {
  const [one = 0, five = 0, fifteen = 0] = loadavg()
  return one === 0 && five === 0 && fifteen === 0 ? undefined : [one, five, fifteen]
}

const snapshotFor = (r: Request, depth: Depth): Snapshot => takeSnapshot(running(), {
  name: nameOf(r), localIp: r.connection.localIp, now: Date.now(), load: loadOf(), facts: procfs,
}, depth)

/** Seconds after which the page is to be loaded again: of `refresh`, `refresh=N`; undefined without. */
export function refreshOf(args: string): number | undefined {
  const match = /refresh(?:=\s*([+-]?\d*))?/.exec(args)
  if (match === null) return undefined
  const seconds = Number.parseInt(match[1] ?? '', 10)
  return seconds >= 1 ? seconds : REFRESH_DEFAULT
}

/** Texts have one byte per character: what came from clients is shown byte by byte. */
function send(r: Request, contentType: string, text: () => string): Status {
  r.contentType = contentType
  if (!r.isHead) void r.write(Buffer.from(text(), 'latin1'))
  return OK
}

export function statusHandler(r: Request): Status {
  if (!isRead(r)) return DECLINED
  const args = r.args ?? ''
  const refresh = refreshOf(args)
  if (refresh !== undefined) r.headersOut.set('Refresh', String(refresh))
  if (args.includes('auto')) return send(r, PLAIN, () => autoText(snapshotFor(r, { requests: false, memory: false })))
  const tables = !args.includes('notable')
  return send(r, HTML, () => pageHtml(snapshotFor(r, { requests: true, memory: tables }), tables))
}

export function metricsHandler(r: Request): Status {
  if (!isRead(r)) return DECLINED
  return send(r, METRICS_TYPE, () => metricsText(snapshotFor(r, { requests: false, memory: true })))
}

export const module = {
  name: 'status_module',
  file: 'mod_status.c',
  // Neither is quick: both read files of /proc.
  register({ handler }, on) {
    on(handler, statusHandler, { handler: 'server-status' })
    on(handler, metricsHandler, { handler: 'server-metrics' })
  },
} satisfies Module
