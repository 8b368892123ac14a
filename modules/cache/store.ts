/** What of a response is stored, and what Cache-Control it has. */
import {
  dirCore, parseHttpDate, withCharset, type CachedHead, type Field, type Request,
} from 'httpd'
import type { Caching } from './caching.ts'
import { reasonAgainst } from './cacheable.ts'
import { parseControl, type CacheControl } from './control.ts'
import { expiryOf, fieldOf } from './freshness.ts'
import type { DirectorySettings } from './settings.ts'

/** A field of the response, whichever table it is in. */
export const out = (r: Request, name: string): string | undefined => r.errHeadersOut.get(name) ?? r.headersOut.get(name)

/** All that it says, in however many lines: each of them is sent. */
function allOut(r: Request, name: string): string | undefined {
  const lower = name.toLowerCase()
  const lines = [...r.headersOut, ...r.errHeadersOut].filter(([each]) => each.toLowerCase() === lower)
  return lines.length === 0 ? undefined : lines.map(([, value]) => value).join(', ')
}

export const responseControl = (r: Request): CacheControl => parseControl(allOut(r, 'Cache-Control'), allOut(r, 'Pragma'))

/** Why the response of the request may not be stored. */
export function reasonFor(r: Request, { conf, stale }: Caching, dir: DirectorySettings): string | undefined {
  const reason = reasonAgainst({
    status: r.status, control: responseControl(r), hasControl: out(r, 'Cache-Control') !== undefined, expires: out(r, 'Expires'),
    lastModified: out(r, 'Last-Modified'), etag: out(r, 'ETag'), vary: allOut(r, 'Vary'),
    hasQuery: r.args !== undefined && !conf.ignoreQuery, isAuthorized: r.headersIn.get('Authorization') !== undefined,
    isForbidden: r.hasEnv === true && r.env.has('no-cache') ? 'env' : r.noCache ? 'module' : undefined, now: r.requestTime, settings: dir,
  })
  if (reason !== undefined || r.status !== 304) return reason
  if (stale === undefined) return 'HTTP Status 304 Not Modified'
  const other = OF_ENTITY.find((name) => contradicts(r, stale.entry.head, name))
  return other === undefined ? undefined : `contradiction: 304 Not Modified; but ${other} modified`
}

const OF_ENTITY = [
  'Allow', 'Content-Encoding', 'Content-Language', 'Content-Length', 'Content-Location', 'Content-MD5', 'Content-Range',
  'Content-Type', 'ETag', 'Last-Modified',
]

function contradicts(r: Request, { fields }: CachedHead, name: string): boolean {
  const [before, now] = [fieldOf(fields, name), out(r, name)]
  return before !== undefined && now !== undefined && before !== now
}

/** They are about one connection, not about what is stored (RFC 9111 section 3.1). */
const OF_CONNECTION = [
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'date', 'server',
]

function storedFields(r: Request, ignored: readonly string[]): Field[] {
  const all = [...r.headersOut, ...r.errHeadersOut]
  const named = all.filter(([name]) => /^connection$/i.test(name)).flatMap(([, value]) => value.toLowerCase().split(/[\s,]+/))
  const { guarded } = responseControl(r)
  const left = new Set([...OF_CONNECTION, 'content-type', ...named, ...ignored, ...guarded])
  return all.filter(([name]) => !left.has(name.toLowerCase()))
}

/** What the response varies by, with what the request says of that. */
function variedBy(r: Request): CachedHead['varied'] {
  const names = new Set((allOut(r, 'Vary') ?? '').toLowerCase().split(/[\s,]+/).filter(Boolean))
  return [...names].sort().map((name) => [name, r.headersIn.get(name)] as const)
}

/** When a response with these fields runs out, and all else that is known of it now. */
function times(r: Request, fields: readonly Field[], dir: DirectorySettings) {
  const responseTime = Date.now()
  const time = (name: string): number => parseHttpDate(fieldOf(fields, name) ?? '')
  const stated = parseHttpDate(out(r, 'Date') ?? '')
  const date = Number.isNaN(stated) ? responseTime : stated
  const [said, pragma] = [fieldOf(fields, 'Cache-Control'), fieldOf(fields, 'Pragma')]
  const expires = expiryOf({
    date, control: parseControl(said, pragma), expires: time('Expires'), lastModified: time('Last-Modified'),
    limits: { least: dir.minExpire, most: dir.maxExpire, otherwise: dir.defaultExpire, factor: dir.factor },
  })
  return { date, expires, requestTime: r.requestTime, responseTime, control: said, pragma, fields }
}

export function newHead(r: Request, { conf }: Caching, dir: DirectorySettings): CachedHead {
  return {
    ...times(r, storedFields(r, conf.ignoredFields), dir), status: r.status,
    contentType: r.contentType && withCharset(r.contentType, r.dir(dirCore).addDefaultCharset),
    contentEncoding: r.contentEncoding, contentLanguages: r.contentLanguages, varied: variedBy(r), headOnly: r.isHead,
  }
}

/** What was stored, with what a 304 says of it (RFC 9111 section 4.3.4). */
export function refreshedHead(r: Request, { conf }: Caching, before: CachedHead, dir: DirectorySettings): CachedHead {
  return { ...before, ...times(r, renewed(before.fields, storedFields(r, conf.ignoredFields)), dir) }
}

/** What is said anew takes the place of what was said, so that answers look alike. */
function renewed(before: readonly Field[], now: readonly Field[]): Field[] {
  const placed = new Set<string>(['age'])
  const saying = (name: string): Field[] => now.filter(([each]) => each.toLowerCase() === name)
  const place = (field: Field, otherwise: Field[]): Field[] => {
    const name = field[0].toLowerCase()
    if (placed.has(name)) return []
    const anew = saying(name)
    if (anew.length > 0) placed.add(name)
    return anew.length > 0 ? anew : otherwise
  }
  return [...before.flatMap((field) => place(field, [field])), ...now.flatMap((field) => place(field, []))]
}
