// The head of an HTTP/1 request: bytes in; a length, "more" or "bad" out (RFC 9112, as strict as Apache's Strict).
//
// One rule: the result depends on the bytes alone, never on how they were cut. The parser keeps nothing between calls;
// a caller with an unfinished head calls again with the same start and a larger end.

import { CR, LF } from './bytes.ts'
import { decideFraming } from './framing.ts'
import { joinFolds, parseFields } from './header_fields.ts'
import type { Limits } from './limits.ts'
import { BAD, MORE } from './lines.ts'
import { HTTP_09 } from './request_head.ts'
import type { RequestHead } from './request_head.ts'
import { parseRequestLine } from './request_line.ts'
import { parseUnsafeFields, parseUnsafeRequestLine } from './unsafe_head.ts'

/**
 * Parses the request head at bytes [start, end).
 * @param seen `head.scanned` of the last call for these bytes, when that answered MORE: lets the parser skip what
 *   cannot change the answer, so that a head that drips in costs time in proportion to its size.
 * @returns bytes used, counted from start (body or next request follow); 0 when more bytes are needed (then
 *   `head.scanned` is set); -1 when refused (then `head.fault` says why, and of the head as much is set as was read).
 */
export function parseHead(
  head: RequestHead, bytes: Buffer, start: number, end: number, limits: Limits, seen = 0,
): number {
  head.begin(bytes, start)
  if (seen > 0 && !isWorthParsing(bytes, start, end, limits, seen)) {
    head.scanned = end - start
    return MORE
  }
  const line = skipBlankLines(bytes, start, end, limits)
  const after = limits.strict
    ? parseStrict(head, bytes, line, end, limits)
    : parseUnsafe(head, bytes, line, end, limits)
  if (after === MORE) head.scanned = end - start
  if (after <= 0) return after
  if (head.folded) joinFolds(head, after)
  if (head.protocol === HTTP_09) return after - start
  head.fault = decideFraming(head)
  return head.fault === undefined ? after - start : BAD
}

function parseStrict(head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits): number {
  const fields = parseRequestLine(head, bytes, at, end, limits)
  return fields <= 0 || head.protocol === HTTP_09 ? fields : parseFields(head, bytes, fields, end, limits)
}

function parseUnsafe(head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits): number {
  const fields = parseUnsafeRequestLine(head, bytes, at, end, limits)
  return fields <= 0 || head.protocol === HTTP_09 ? fields : parseUnsafeFields(head, bytes, fields, end, limits)
}

/** The offset of the request line, behind blank lines. */
function skipBlankLines(bytes: Buffer, start: number, end: number, limits: Limits): number {
  let at = start
  for (let n = 0; n < limits.blankLines; n++) {
    if (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2
    else if (!limits.strict && at < end && bytes[at] === LF) at += 1
    else break
  }
  return at
}

/** Up to here a full parse costs less than the read that brought the bytes. */
const SMALL = 4096

/**
 * Whether new bytes can change the answer MORE: the request line or the head has ended, or the unfinished line is at
 * its limit, or twice as much is there as when it was last looked at in full (which adds up to one more pass).
 */
function isWorthParsing(bytes: Buffer, start: number, end: number, limits: Limits, seen: number): boolean {
  if (end - start <= SMALL || Math.clz32(seen) !== Math.clz32(end - start)) return true
  const requestLine = skipBlankLines(bytes, start, end, limits)
  const requestLineEnd = bytes.indexOf(LF, requestLine)
  if (requestLineEnd < 0 || requestLineEnd >= end) return end - requestLine > limits.line
  if (requestLineEnd >= start + seen) return true
  let lf = bytes.indexOf(LF, start + seen - 2)
  for (; lf >= 0 && lf < end; lf = bytes.indexOf(LF, lf + 1)) {
    const next = bytes[lf + 1] === CR ? lf + 2 : lf + 1
    if (next < end && bytes[next] === LF) return true
  }
  return end - bytes.lastIndexOf(LF, end - 1) - 1 > limits.fieldSize
}
