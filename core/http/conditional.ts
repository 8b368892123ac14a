// Conditional requests (RFC 9110 section 13), in Apache's order and with Apache's care.
//
// One rule: 304 only when every validator that the client sent agrees that nothing has changed.

import { parseHttpDate } from '../base/dates.ts'
import { listHasETag } from './etag.ts'
import { HEADER } from './known_headers.ts'
import { M_GET } from './methods.ts'
import type { RequestHead } from './request_head.ts'

/** What there is to compare with. */
export interface Validators {
  readonly methodNumber: number
  /** The status that the handler is about to send: only 2xx can become 304 or 412. */
  readonly status: number
  /** With quotes, and `W/` when weak; undefined without one. */
  readonly etag: string | undefined
  /** Last-Modified, milliseconds since 1970; undefined without one. */
  readonly mtimeMs: number | undefined
  /** The request's time, milliseconds since 1970. */
  readonly nowMs: number
}

/** A file changed within this time may change again within the same second: its date is a weak validator. */
const WEAK_DATE_MS = 60_000
const NEVER_SENT = 0, SAYS_CHANGED = 1, SAYS_SAME = 2

/** @returns 'go' to send the response as planned, or the status to send instead. */
export function evaluate(what: Validators, head: RequestHead): 'go' | 304 | 412 {
  if (what.status < 200 || what.status > 299 || !hasCondition(head)) return 'go'
  const match = head.value(HEADER.IF_MATCH)
  if (match !== undefined && !isMatched(match, what.etag, true)) return 412
  const unmodified = unmodifiedSince(what, head)
  if (unmodified === SAYS_CHANGED) return 412
  const noneMatch = head.value(HEADER.IF_NONE_MATCH)
  let etagSays = NEVER_SENT
  if (noneMatch !== undefined) {
    // Weak tags are good enough to save a transfer, not to guard a change or to put a part beside another.
    const strong = head.has(HEADER.RANGE) || what.methodNumber !== M_GET
    etagSays = isMatched(noneMatch, what.etag, strong) ? SAYS_SAME : SAYS_CHANGED
    if (etagSays === SAYS_SAME && what.methodNumber !== M_GET) return 412
  }
  const dateSays = what.methodNumber === M_GET ? modifiedSince(what, head) : NEVER_SENT
  // Whoever makes sure that nothing has changed wants the response itself.
  if (unmodified === SAYS_SAME) return 'go'
  // So does whoever wants a part of it: it gets that, or all if there is something new (If-Range).
  if (head.has(HEADER.RANGE) && head.has(HEADER.IF_RANGE)) return 'go'
  const isSame = etagSays !== SAYS_CHANGED && dateSays !== SAYS_CHANGED && etagSays + dateSays > 0
  return isSame ? 304 : 'go'
}

function hasCondition(head: RequestHead): boolean {
  return head.has(HEADER.IF_NONE_MATCH) || head.has(HEADER.IF_MODIFIED_SINCE) || head.has(HEADER.IF_MATCH) ||
    head.has(HEADER.IF_UNMODIFIED_SINCE)
}

function isMatched(list: string, etag: string | undefined, strong: boolean): boolean {
  if (list.trim() === '*') return true
  return etag !== undefined && listHasETag(list, etag, strong)
}

/** Last-Modified as sent: whole seconds, never in the future. */
function lastModified(what: Validators): number | undefined {
  if (what.mtimeMs === undefined) return undefined
  return Math.floor(Math.min(what.mtimeMs, what.nowMs) / 1000) * 1000
}

function unmodifiedSince(what: Validators, head: RequestHead): number {
  const value = head.value(HEADER.IF_UNMODIFIED_SINCE)
  if (value === undefined) return NEVER_SENT
  const mtime = lastModified(what) ?? what.nowMs
  // A date that is none refuses nothing (RFC 9110 section 13.1.4), but saves no transfer either.
  return mtime > parseHttpDate(value) ? SAYS_CHANGED : SAYS_SAME
}

function modifiedSince(what: Validators, head: RequestHead): number {
  const value = head.value(HEADER.IF_MODIFIED_SINCE)
  const mtime = lastModified(what)
  if (value === undefined || mtime === undefined) return NEVER_SENT
  const date = parseHttpDate(value)
  // A date in the future says nothing about the past, and one that is none says nothing at all: both compare false.
  return date >= mtime && date <= what.nowMs ? SAYS_SAME : SAYS_CHANGED
}

/**
 * Whether a Range header may be honoured: there is no If-Range, or it names exactly what we have.
 * A tag must be strong and equal, a date must be the Last-Modified of a file old enough for its date to be strong.
 */
export function ifRangeHolds(what: Validators, head: RequestHead): boolean {
  const value = head.value(HEADER.IF_RANGE)
  if (value === undefined) return true
  if (value.startsWith('"')) return value === what.etag
  const mtime = lastModified(what)
  const date = parseHttpDate(value)
  if (mtime === undefined || Number.isNaN(date)) return false
  return date === mtime && what.nowMs - mtime > WEAK_DATE_MS
}
