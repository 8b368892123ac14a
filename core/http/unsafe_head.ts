// Request heads under "HttpProtocolOptions Unsafe": what servers accepted before RFC 7230.
//
// One rule: lenient about blanks, line ends, the case of the protocol and what a field's name is made of, never about
// where a message ends: NUL, stray CR, a blank before a colon, a missing colon and other white space than blanks in the
// request line are refused here too. Kept apart so that the strict path stays short and fast.

import { COLON, CR, isBlank, LF, skipBlanks, SP, trimBlanks } from './bytes.ts'
import { badRequest, quoted } from './fault.ts'
import { fieldTooLong, lineTooLong, tooManyFields } from './header_fields.ts'
import type { HttpFault } from './fault.ts'
import { headerNumberAt } from './known_headers.ts'
import type { Limits } from './limits.ts'
import { BAD, lineLength, MORE, TOO_LONG, UNFINISHED } from './lines.ts'
import { HTTP_11 } from './request_head.ts'
import type { RequestHead } from './request_head.ts'
import { badLine, lineTooLong as requestLineTooLong, setMethod, simpleRequest } from './request_line.ts'

function refuse(head: RequestHead, fault: HttpFault): number {
  head.fault = fault
  return BAD
}

/** The offset behind the line end that stands at `at`. */
function behindLine(bytes: Buffer, at: number): number {
  return bytes[at] === CR ? at + 2 : at + 1
}

/** @returns the offset behind the line, MORE or BAD. */
export function parseUnsafeRequestLine(
  head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits,
): number {
  const length = lineLength(bytes, at, end, limits.line)
  if (length === UNFINISHED) return MORE
  head.requestLineStart = at
  head.requestLineEnd = length === TOO_LONG ? Math.min(end, at + limits.line + 1) : at + length
  if (length === TOO_LONG) return refuse(head, requestLineTooLong(limits))
  const fault = dissect(head, bytes, at, at + length, limits)
  if (fault !== undefined) return refuse(head, fault)
  return setMethod(head, bytes, limits) ? behindLine(bytes, at + length) : BAD
}

/** Takes a whole line [at, end) apart: its parts are divided, and may be followed, by any number of blanks. */
function dissect(
  head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits,
): HttpFault | undefined {
  const methodEnd = endOfPart(bytes, at, end)
  const target = skipSpaces(bytes, methodEnd, end)
  const targetEnd = endOfPart(bytes, target, end)
  const protocol = skipSpaces(bytes, targetEnd, end)
  const protocolEnd = endOfPart(bytes, protocol, end)
  head.methodStart = at
  head.methodEnd = methodEnd
  head.targetStart = target
  head.targetEnd = targetEnd
  if (hasStraySpace(bytes, at, end)) return badLine('AH03447', 'Invalid whitespace')
  if (methodEnd === at) return badLine('AH03445', "Invalid method token: ''")
  if (target === end) return badLine('AH03446', 'Missing URI')
  for (let i = target; i < targetEnd; i++) {
    if (bytes[i]! < SP || bytes[i] === 0x7f)
      return badLine('AH03454', `URI incorrectly encoded: '${quoted(bytes, target, targetEnd)}'`)
  }
  const rest = skipSpaces(bytes, protocolEnd, end)
  if (rest < end) {
    const extra = quoted(bytes, rest, end)
    return badLine('AH03449', `Extraneous text found '${extra}' (perhaps whitespace was injected?)`)
  }
  if (protocol === end) return simpleRequest(head, head.method(), limits)
  return setLenientProtocol(head, quoted(bytes, protocol, protocolEnd))
}

function skipSpaces(bytes: Buffer, at: number, end: number): number {
  while (at < end && bytes[at] === SP) at++
  return at
}

function endOfPart(bytes: Buffer, at: number, end: number): number {
  while (at < end && bytes[at] !== SP) at++
  return at
}

/** HT, VT, FF and CR: no blanks between the parts of a line, and no part of one. */
function hasStraySpace(bytes: Buffer, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (bytes[i]! >= 0x09 && bytes[i]! <= CR) return true
  return false
}

/** The case of `HTTP` does not matter; the form of the version does. */
function setLenientProtocol(head: RequestHead, sent: string): HttpFault | undefined {
  const version = /^http\/([1-9])\.(\d)$/i.exec(sent)
  if (version === null)
    return badLine('AH02418', `Unrecognized protocol '${sent}' (perhaps whitespace was injected?)`)
  head.protocolSent = Number(version[1]) * 1000 + Number(version[2])
  head.protocol = Math.min(head.protocolSent, HTTP_11)
  return undefined
}

/** @returns the offset behind the blank line that ends the fields, MORE or BAD. */
export function parseUnsafeFields(
  head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits,
): number {
  for (;;) {
    const length = lineLength(bytes, at, end, limits.fieldSize)
    if (length === UNFINISHED) return MORE
    if (length === TOO_LONG) return refuse(head, lineTooLong(bytes, at, end, limits))
    const lineEnd = at + length
    const next = behindLine(bytes, lineEnd)
    if (length === 0) return next
    const fault = isBlank(bytes[at])
      ? addFold(head, bytes, at, lineEnd, limits)
      : addLine(head, bytes, at, lineEnd, limits)
    if (fault !== undefined) return refuse(head, fault)
    at = next
  }
}

function addFold(
  head: RequestHead, bytes: Buffer, at: number, lineEnd: number, limits: Limits,
): HttpFault | undefined {
  if (head.count === 0) return badRequest('AH03442', 'Line folding encountered before first header line')
  const start = skipBlanks(bytes, at, lineEnd)
  if (start === lineEnd) return badRequest('AH03443', 'Empty folded line encountered')
  if (hasBadSpace(bytes, start, lineEnd)) return badValue()
  const field = head.count - 1
  const end = trimBlanks(bytes, start, lineEnd)
  // Counted without joining: the blanks of line ends make it a little larger than the joined field.
  if (end - head.nameStart[field]! + 1 > limits.fieldSize) {
    return fieldTooLong('AH00562', ' after folding:', head, bytes, field)
  }
  head.valueEnd[field] = end
  head.folded = true
  return undefined
}

function addLine(
  head: RequestHead, bytes: Buffer, at: number, lineEnd: number, limits: Limits,
): HttpFault | undefined {
  if (limits.fields !== 0 && head.count >= limits.fields) return tooManyFields()
  let colon = at
  while (colon < lineEnd && bytes[colon] !== COLON) colon++
  if (colon === lineEnd) {
    const what = `Request header field is missing ':' separator: ${quoted(bytes, at, lineEnd)}`
    return badRequest('AH00564', what)
  }
  if (colon === at) return badRequest('AH03453', 'Request header field name was empty')
  // A blank before the colon as well: others take `Content-Length :` for another field (RFC 9112 section 5.1).
  if (hasBadSpace(bytes, at, colon) || hasBlank(bytes, at, colon))
    return badRequest('AH03452', 'Request header field name presented invalid whitespace')
  const start = skipBlanks(bytes, colon + 1, lineEnd)
  if (hasBadSpace(bytes, start, lineEnd)) return badValue()
  head.addField(at, colon, start, trimBlanks(bytes, start, lineEnd), headerNumberAt(bytes, at, colon))
  return undefined
}

function hasBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (isBlank(bytes[i])) return true
  return false
}

function badValue(): HttpFault {
  return badRequest('AH03451', 'Request header field value presented bad whitespace')
}

/** NUL, LF, VT, FF and CR inside a line. */
function hasBadSpace(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === 0 || (byte >= LF && byte <= CR)) return true
  }
  return false
}
