// The header fields of a strict head (RFC 9112 section 5), also the trailer fields of a chunked body.
//
// One rule, as in request_line.ts: the fast path accepts or steps aside; `troubledField` waits for the whole line and
// says what is wrong. Folded values (obs-fold) are joined by joinFolds, once the head is complete.

import { COLON, CR, isBlank, LF, skipBlanks, SP, TOKEN, trimBlanks } from './bytes.ts'
import { badRequest, overLimit, quoted } from './fault.ts'
import type { HttpFault } from './fault.ts'
import { headerNumberAt } from './known_headers.ts'
import type { Limits } from './limits.ts'
import { BAD, lineLength, MORE, TOO_LONG, UNFINISHED } from './lines.ts'
import type { RequestHead } from './request_head.ts'

/** @returns the offset behind the blank line that ends the fields, MORE or BAD. */
export function parseFields(head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits): number {
  const most = limits.fields === 0 ? Infinity : limits.fields
  for (;;) {
    if (at >= end) return MORE
    if (bytes[at] === CR && at + 1 < end && bytes[at + 1] === LF) return at + 2
    let i = at
    while (i < end && TOKEN[bytes[i]!] === 1) i++
    const nameEnd = i
    if (i === at || i >= end || bytes[i] !== COLON) return troubledField(head, bytes, at, end, limits)
    i++
    while (i < end && isBlank(bytes[i])) i++
    const valueStart = i
    i = endOfValue(bytes, i, end)
    if (
      i + 2 >= end || bytes[i] !== CR || bytes[i + 1] !== LF || i - at > limits.fieldSize + 1 || head.count >= most
    ) return troubledField(head, bytes, at, end, limits)
    let valueEnd = i
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--
    head.addField(at, nameEnd, valueStart, valueEnd, headerNumberAt(bytes, at, nameEnd))
    i += 2
    at = isBlank(bytes[i]) ? parseFold(head, bytes, i, end, limits) : i
    if (at <= 0) return at
  }
}

/** The first byte at or after `at` that may not stand in a value: control bytes except tab. */
function endOfValue(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at]!
    if (byte < SP ? byte !== 0x09 : byte === 0x7f) break
    at++
  }
  return at
}

/** Continuation lines of the last field, from `at` on. @returns the offset of the next field's line, MORE or BAD. */
function parseFold(head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits): number {
  const field = head.count - 1
  // The size that the joined field will have: continuation lines count with one blank instead of theirs.
  let size = head.valueEnd[field]! - head.nameStart[field]!
  head.folded = true
  while (at < end && isBlank(bytes[at])) {
    const length = lineLength(bytes, at, end, limits.fieldSize)
    if (length === UNFINISHED) return MORE
    if (length === TOO_LONG) return refuse(head, fieldTooLong('AH00561', ':', head, bytes, field))
    const lineEnd = at + length
    const first = skipBlanks(bytes, at, lineEnd)
    if (first === lineEnd) return refuse(head, badRequest('AH03443', 'Empty folded line encountered'))
    if (bytes[lineEnd] !== CR || endOfValue(bytes, first, lineEnd) < lineEnd) {
      return refuse(head, malformedValue(bytes, first, lineEnd))
    }
    const last = trimBlanks(bytes, first, lineEnd)
    size += 1 + last - first
    if (size + 1 > limits.fieldSize) {
      return refuse(head, fieldTooLong('AH00562', ' after folding:', head, bytes, field))
    }
    head.valueEnd[field] = last
    at = lineEnd + 2
  }
  return at < end ? at : MORE
}

/**
 * Joins folded values: each line end with the blanks around it becomes one blank, in a copy of the head that ends at
 * `after`. Not in the bytes received: where the request begins anew on another thread, they are parsed again.
 */
export function joinFolds(head: RequestHead, after: number): void {
  const bytes = Buffer.allocUnsafe(after)
  head.bytes.copy(bytes, head.requestLineStart, head.requestLineStart, after)
  head.bytes = bytes
  for (let field = 0; field < head.count; field++) {
    const end = head.valueEnd[field]!
    let from = head.valueStart[field]!
    let to = from
    while (from < end) {
      if (bytes[from] !== CR && bytes[from] !== LF) {
        bytes[to++] = bytes[from++]!
        continue
      }
      to = trimBlanks(bytes, head.valueStart[field]!, to)
      from = skipBlanks(bytes, bytes[from] === CR ? from + 2 : from + 1, end)
      if (to > head.valueStart[field]!) bytes[to++] = SP
    }
    head.valueEnd[field] = to
  }
}

/** The slow path: the line at `at` is unfinished or wrong. */
function troubledField(head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits): number {
  const length = lineLength(bytes, at, end, limits.fieldSize)
  if (length === UNFINISHED) return MORE
  const tooMany = limits.fields !== 0 && head.count >= limits.fields
  if (length === TOO_LONG) return refuse(head, lineTooLong(bytes, at, end, limits))
  const lineEnd = at + length
  if (tooMany && length > 0) return refuse(head, tooManyFields())
  const fault = fieldFault(bytes, at, lineEnd)
  return fault === undefined ? MORE : refuse(head, fault)
}

function refuse(head: RequestHead, fault: HttpFault): number {
  head.fault = fault
  return BAD
}

/** What is wrong with the whole line [at, lineEnd); undefined when it only waits for the byte behind its end. */
function fieldFault(bytes: Buffer, at: number, lineEnd: number): HttpFault | undefined {
  if (isBlank(bytes[at])) return badRequest('AH03442', 'Line folding encountered before first header line')
  if (bytes[lineEnd] !== CR) return badRequest('AH00567', 'request failed: error reading the headers')
  if (at === lineEnd) return undefined
  let i = at
  while (i < lineEnd && TOKEN[bytes[i]!] === 1) i++
  if (i === at || i === lineEnd || bytes[i] !== COLON) {
    return badRequest('AH02426', `Request header field name is malformed: ${quoted(bytes, at, lineEnd)}`)
  }
  const value = skipBlanks(bytes, i + 1, lineEnd)
  return endOfValue(bytes, value, lineEnd) < lineEnd ? malformedValue(bytes, value, lineEnd) : undefined
}

function malformedValue(bytes: Buffer, start: number, end: number): HttpFault {
  return badRequest('AH02427', `Request header value is malformed: ${quoted(bytes, start, end)}`)
}

const FIELD_NOTE = 'Size of a request header field exceeds server limit.'

/** A field above LimitRequestFieldSize; the log gets its name. */
export function fieldTooLong(
  aplogno: string, how: string, head: RequestHead, bytes: Buffer, field: number,
): HttpFault {
  const name = quoted(bytes, head.nameStart[field]!, head.nameEnd[field]!)
  return overLimit(400, aplogno, `Request header exceeds LimitRequestFieldSize${how} ${name}`, FIELD_NOTE)
}

/** A single line above LimitRequestFieldSize; the log gets what stands before its colon. */
export function lineTooLong(bytes: Buffer, at: number, end: number, limits: Limits): HttpFault {
  const longest = Math.min(end, at + limits.fieldSize + 1)
  let nameEnd = at
  while (nameEnd < longest && TOKEN[bytes[nameEnd]!] === 1) nameEnd++
  const message = `Request header exceeds LimitRequestFieldSize: ${quoted(bytes, at, nameEnd)}`
  return overLimit(400, 'AH00561', message, FIELD_NOTE)
}

/** More fields than LimitRequestFields. */
export function tooManyFields(): HttpFault {
  const note = "The number of request header fields exceeds this server's limit."
  return overLimit(400, 'AH00563', 'Number of request headers exceeds LimitRequestFields', note)
}
