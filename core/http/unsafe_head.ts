// Request heads under "HttpProtocolOptions Unsafe": what servers accepted before RFC 7230.
//
// One rule: lenient about white space, line ends and the spelling of the protocol, never about where a message ends:
// NUL, stray CR and a missing colon are refused here too. Kept apart so that the strict path stays short and fast.

import { COLON, CR, isBlank, LF, skipBlanks, trimBlanks } from './bytes.ts'
import { badRequest, quoted } from './fault.ts'
import { fieldTooLong, lineTooLong, tooManyFields } from './header_fields.ts'
import type { HttpFault } from './fault.ts'
import { headerNumberAt } from './known_headers.ts'
import type { Limits } from './limits.ts'
import { BAD, lineLength, MORE, TOO_LONG, UNFINISHED } from './lines.ts'
import { HTTP_10, HTTP_11 } from './request_head.ts'
import type { RequestHead } from './request_head.ts'
import { lineTooLong as requestLineTooLong, setMethod, simpleRequest } from './request_line.ts'

function refuse(head: RequestHead, fault: HttpFault): number {
  head.fault = fault
  return BAD
}

/** The offset behind the line end that stands at `at`. */
function behindLine(bytes: Buffer, at: number): number {
  return bytes[at] === CR ? at + 2 : at + 1
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
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
  const words = wordsOf(bytes, at, at + length)
  const [method, target, protocol] = words
  if (method === undefined) return refuse(head, badRequest('AH03445', "HTTP Request Line; Invalid method token: ''"))
  head.methodStart = method[0]
  head.methodEnd = method[1]
  if (target === undefined) return refuse(head, badRequest('AH03446', 'HTTP Request Line; Missing URI'))
  head.targetStart = target[0]
  head.targetEnd = target[1]
  if (words.length > 3) {
    const extra = quoted(bytes, words[3]![0], at + length)
    const what = `HTTP Request Line; Extraneous text found '${extra}' (perhaps whitespace was injected?)`
    return refuse(head, badRequest('AH03449', what))
  }
  if (bytes.subarray(at, at + length).includes(0)) {
    return refuse(head, badRequest('AH00566', 'request failed: malformed request line'))
  }
  const fault = protocol === undefined
    ? simpleRequest(head, head.method(), limits)
    : setLenientProtocol(head, bytes.toString('latin1', protocol[0], protocol[1]))
  if (fault !== undefined) return refuse(head, fault)
  return setMethod(head, bytes, limits) ? behindLine(bytes, at + length) : BAD
}

/** The first four words of [at, end); white space is any of blank, HT, VT, FF, CR. */
function wordsOf(bytes: Buffer, at: number, end: number): Array<[start: number, end: number]> {
  const words: Array<[number, number]> = []
  while (words.length < 4) {
    while (at < end && isSpace(bytes[at]!)) at++
    if (at >= end) break
    const start = at
    while (at < end && !isSpace(bytes[at]!)) at++
    words.push([start, at])
  }
  return words
}

/** `http/1.1`, `HTTP/1.10` and the like count; whatever is no version at all counts as HTTP/1.0. */
function setLenientProtocol(head: RequestHead, sent: string): undefined {
  const version = /^http\/(\d{1,3})\.(\d{1,3})$/i.exec(sent)
  const number = version === null ? HTTP_10 : Number(version[1]) * 1000 + Number(version[2])
  head.protocolSent = number
  head.protocol = number >= HTTP_11 ? HTTP_11 : HTTP_10
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
  const nameEnd = trimBlanks(bytes, at, colon)
  if (nameEnd === at) return badRequest('AH03453', 'Request header field name was empty')
  if (hasBadSpace(bytes, at, nameEnd)) {
    return badRequest('AH03452', 'Request header field name presented invalid whitespace')
  }
  const start = skipBlanks(bytes, colon + 1, lineEnd)
  if (hasBadSpace(bytes, start, lineEnd)) return badValue()
  head.addField(at, nameEnd, start, trimBlanks(bytes, start, lineEnd), headerNumberAt(bytes, at, nameEnd))
  return undefined
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
