/**
 * Byte ranges of a complete response (Apache's BYTERANGE filter): whatever made
 * the body, and whatever filters it went through, the parts that the client
 * asked for are cut out of it last.
 */
import { parseHttpDate } from '../base/dates.ts'
import type { Data } from '../hook/filter.ts'
import type { Request } from '../hook/types.ts'
import { ifRangeHolds } from '../http/conditional.ts'
import { HEADER } from '../http/known_headers.ts'
import {
  contentRange, multipartEnd, multipartType, parseRange, partHead, rangeBoundary, type ByteRange,
} from '../http/range.ts'
import type { RequestHead } from '../http/request_head.ts'
import { dirCore } from './core_settings.ts'
import { isRange } from './filter_chain.ts'

/**
 * @param parts the whole body @param length its bytes
 * @returns the parts to send instead, with status and headers of `r` set; 416; or undefined for the whole
 */
export function cutRanges(r: Request, head: RequestHead, parts: readonly Data[], length: number): Data[] | 416 | undefined {
  const { maxRanges, maxRangeOverlaps, maxRangeReversals } = r.dir(dirCore)
  if (length === 0 || r.headersOut.has('Content-Range') || r.contentType?.startsWith('multipart/byteranges')) return undefined
  // A filter has said so; what MaxRanges says is seen to below.
  if (maxRanges > 0 && r.headersOut.get('Accept-Ranges') === 'none') return undefined
  if (head.protocol === 9 || !ifRangeAllows(r, head)) return undefined
  const limits = { ranges: most(maxRanges), overlaps: limit(maxRangeOverlaps), reversals: limit(maxRangeReversals) }
  const ranges = parseRange(head.value(HEADER.RANGE) ?? '', length, limits)
  if (ranges === 416) return 416
  // As Apache: with MaxRanges none, what lies behind the end is refused all the same.
  return ranges === 'ignore' || maxRanges === 0 ? undefined : cut(r, parts, ranges, length)
}

/**
 * The same for a filter that lets a body leave in its own time, so that it cannot wait for the end.
 * @param body all of it
 */
export function rangesOf(r: Request, body: Data): Data[] | 416 | undefined {
  const { head } = r as Request & { readonly head: RequestHead }
  return r.status === 200 && head.has(HEADER.RANGE) ? cutRanges(r, head, [body], body.length) : undefined
}

// The settings say 0 for none and Infinity for no limit; the parser says -1 and 0.
const limit = (count: number): number => (count === 0 ? -1 : most(count))
const most = (count: number): number => (count === Infinity ? 0 : count)

function ifRangeAllows(r: Request, head: RequestHead): boolean {
  if (!head.has(HEADER.IF_RANGE)) return true
  const lastModified = r.headersOut.get('Last-Modified')
  return ifRangeHolds({
    methodNumber: head.methodNumber, status: r.status, etag: r.headersOut.get('ETag'),
    mtimeMs: lastModified === undefined ? undefined : parseHttpDate(lastModified), nowMs: r.requestTime,
  }, head)
}

/** With the character set of AddDefaultCharset, if it is text without one (Apache's ap_make_content_type). */
export const withCharset = (type: string, charset: string | undefined): string =>
  charset !== undefined && /^text\/(plain|html)$/i.test(type) ? `${type}; charset=${charset}` : type

let boundaries = 0

function cut(r: Request, parts: readonly Data[], ranges: readonly ByteRange[], length: number): Data[] {
  r.status = 206
  const only = ranges.length === 1 ? ranges[0]! : undefined
  const within = only === undefined ? multipart(r, parts, ranges, length) : partsWithin(parts, only)
  if (r.headersOut.has('Content-Length'))
    r.headersOut.set('Content-Length', String(within.reduce((sum, part) => sum + part.length, 0)))
  if (only !== undefined) r.headersOut.set('Content-Range', contentRange(only, length))
  return within
}

function multipart(r: Request, parts: readonly Data[], ranges: readonly ByteRange[], length: number): Data[] {
  const boundary = rangeBoundary(Math.floor(r.requestTime * 1000), ++boundaries)
  const type = r.contentType && withCharset(r.contentType, r.dir(dirCore).addDefaultCharset)
  const out: Data[] = []
  for (const range of ranges) {
    out.push(Buffer.from(partHead(boundary, type, range, length), 'latin1'), ...partsWithin(parts, range))
  }
  out.push(Buffer.from(multipartEnd(boundary), 'latin1'))
  r.contentType = multipartType(boundary)
  return out
}

function partsWithin(parts: readonly Data[], [first, last]: ByteRange): Data[] {
  const out: Data[] = []
  let at = 0
  for (const part of parts) {
    const from = Math.max(0, first - at)
    const to = Math.min(part.length, last + 1 - at)
    if (from < to) out.push(isRange(part) ? part.slice(from, to - from) : (part as Uint8Array).subarray(from, to))
    at += part.length
  }
  return out
}
