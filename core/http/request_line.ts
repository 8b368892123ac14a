// The request line: method, target, protocol (RFC 9112 section 3).
//
// One rule: the fast path accepts or steps aside. Whatever is not a plain strict line goes to `troubledLine`, which
// first waits for the whole line (so that the verdict does not depend on how the bytes were cut) and then says what is
// wrong, or accepts the HTTP/0.9 form.

import { CR, isDigit, LF, SP, TOKEN } from './bytes.ts'
import { badRequest, overLimit, quoted } from './fault.ts'
import type { HttpFault } from './fault.ts'
import { BAD, lineLength, MORE, TOO_LONG, UNFINISHED } from './lines.ts'
import type { Limits } from './limits.ts'
import { M_GET, M_INVALID, methodNumberAt } from './methods.ts'
import { HTTP_09, HTTP_11 } from './request_head.ts'
import type { RequestHead } from './request_head.ts'

const SLASH = 0x2f, DOT = 0x2e, ZERO = 0x30, LETTER_H = 0x48, LETTER_T = 0x54, LETTER_P = 0x50
/** Length of `HTTP/1.1`. */
const PROTOCOL_LENGTH = 8

/** @returns the offset behind the line, MORE or BAD. */
export function parseRequestLine(head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits): number {
  let i = at
  while (i < end && TOKEN[bytes[i]!] === 1) i++
  const methodEnd = i
  if (i === at || i + 1 >= end || bytes[i] !== SP) return troubledLine(head, bytes, at, end, limits)
  const targetStart = ++i
  while (i < end) {
    const byte = bytes[i]!
    if (byte <= SP || byte === 0x7f) break
    i++
  }
  const protocol = i + 1
  const lineEnd = protocol + PROTOCOL_LENGTH
  if (
    i === targetStart || lineEnd + 1 >= end || bytes[i] !== SP || !isProtocol(bytes, protocol) ||
    bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF || lineEnd - at > limits.line + 1
  ) return troubledLine(head, bytes, at, end, limits)
  setLine(head, at, methodEnd, targetStart, i, lineEnd)
  setProtocol(head, (bytes[protocol + 5]! - ZERO) * 1000 + bytes[protocol + 7]! - ZERO)
  return setMethod(head, bytes, limits) ? lineEnd + 2 : BAD
}

/** Whether `HTTP/d.d` stands there, with a major version of at least 1. */
function isProtocol(bytes: Buffer, at: number): boolean {
  return bytes[at] === LETTER_H && bytes[at + 1] === LETTER_T && bytes[at + 2] === LETTER_T &&
    bytes[at + 3] === LETTER_P && bytes[at + 4] === SLASH && isDigit(bytes[at + 5]) && bytes[at + 5] !== ZERO &&
    bytes[at + 6] === DOT && isDigit(bytes[at + 7])
}

function setLine(
  head: RequestHead, at: number, methodEnd: number, targetStart: number, targetEnd: number, lineEnd: number,
): void {
  head.requestLineStart = head.methodStart = at
  head.requestLineEnd = lineEnd
  head.methodEnd = methodEnd
  head.targetStart = targetStart
  head.targetEnd = targetEnd
}

function setProtocol(head: RequestHead, sent: number): void {
  head.protocolSent = sent
  head.protocol = sent >= HTTP_11 ? HTTP_11 : sent
}

/** Looks the method up; false when RegisteredMethods refuses it. */
export function setMethod(head: RequestHead, bytes: Buffer, limits: Limits): boolean {
  head.methodNumber = methodNumberAt(bytes, head.methodStart, head.methodEnd)
  head.isHead = head.methodNumber === M_GET && head.methodEnd - head.methodStart === 4
  if (head.methodNumber !== M_INVALID || !limits.registeredMethodsOnly) return true
  const name = quoted(bytes, head.methodStart, head.methodEnd)
  const what = `Unrecognized HTTP method: '${name}' (disallowed by RegisteredMethods)`
  head.fault = { ...badLine('AH02423', what), status: 501 }
  return false
}

/** The slow path of a strict line. */
function troubledLine(head: RequestHead, bytes: Buffer, at: number, end: number, limits: Limits): number {
  const length = lineLength(bytes, at, end, limits.line)
  if (length === UNFINISHED) return MORE
  head.requestLineStart = at
  if (length === TOO_LONG) {
    head.requestLineEnd = Math.min(end, at + limits.line + 1)
    head.fault = lineTooLong(limits)
    return BAD
  }
  const lineEnd = at + length
  head.requestLineEnd = lineEnd
  if (bytes[lineEnd] !== CR) {
    head.fault = badRequest('AH00566', 'request failed: malformed request line')
    return BAD
  }
  head.fault = dissect(head, bytes, at, lineEnd, limits)
  if (head.fault !== undefined) return BAD
  return setMethod(head, bytes, limits) ? lineEnd + 2 : BAD
}

/** The fault of a line longer than LimitRequestLine. */
export function lineTooLong(limits: Limits): HttpFault {
  const message = `request failed: client's request-line exceeds LimitRequestLine (longer than ${limits.line})`
  return overLimit(414, 'AH00565', message, '')
}

/** Takes a whole line [at, lineEnd) apart and says what is wrong with it; undefined for an HTTP/0.9 request. */
function dissect(
  head: RequestHead, bytes: Buffer, at: number, lineEnd: number, limits: Limits,
): HttpFault | undefined {
  let methodEnd = at
  while (methodEnd < lineEnd && TOKEN[bytes[methodEnd]!] === 1) methodEnd++
  const wordEnd = endOfWord(bytes, at, lineEnd)
  const targetStart = Math.min(wordEnd + 1, lineEnd)
  const targetEnd = endOfWord(bytes, targetStart, lineEnd)
  setLine(head, at, methodEnd, targetStart, targetEnd, lineEnd)
  // Also refused, HEAD gets no body.
  head.isHead = methodEnd === wordEnd && methodEnd - at === 4 && methodNumberAt(bytes, at, methodEnd) === M_GET
  const method = quoted(bytes, at, wordEnd)
  if (at < lineEnd && isStraySpace(bytes[at])) return badLine('AH03447', 'Invalid whitespace')
  if (methodEnd === at || methodEnd < wordEnd) return badLine('AH03445', `Invalid method token: '${method}'`)
  if (wordEnd < lineEnd && bytes[wordEnd] !== SP) return badLine('AH03447', 'Invalid whitespace')
  if (targetStart >= lineEnd) return badLine('AH03446', 'Missing URI')
  if (targetEnd === targetStart) return badLine('AH03448', EXCESS)
  for (let i = targetStart; i < targetEnd; i++) {
    if (bytes[i]! < SP || bytes[i] === 0x7f) {
      return badLine('AH03454', `URI incorrectly encoded: '${quoted(bytes, targetStart, targetEnd)}'`)
    }
  }
  if (targetEnd < lineEnd) return badProtocol(bytes, targetEnd, lineEnd)
  return simpleRequest(head, method, limits)
}

const EXCESS = 'Excess whitespace (disallowed by HttpProtocolOptions Strict)'

/** A 400 for the request line. */
export function badLine(aplogno: string, what: string): HttpFault {
  return badRequest(aplogno, `HTTP Request Line; ${what}`)
}

function badProtocol(bytes: Buffer, targetEnd: number, lineEnd: number): HttpFault {
  if (bytes[targetEnd] !== SP) return badLine('AH03447', 'Invalid whitespace')
  const start = targetEnd + 1
  if (start === lineEnd || bytes[start] === SP || endOfWord(bytes, start, lineEnd) < lineEnd) {
    return badLine('AH03448', EXCESS)
  }
  const sent = quoted(bytes, start, lineEnd)
  return badLine('AH02418', `Unrecognized protocol '${sent}' (perhaps whitespace was injected?)`)
}

/** HTTP/0.9: `GET /path` and nothing else; the answer will be a body without a head. */
export function simpleRequest(head: RequestHead, method: string, limits: Limits): HttpFault | undefined {
  if (!limits.allow09) return badLine('AH02401', 'Rejected HTTP/0.9 request')
  if (method !== 'GET') {
    return badLine('AH03444', `Invalid method token: '${method}' (only GET is allowed for HTTP/0.9 requests)`)
  }
  head.protocol = head.protocolSent = HTTP_09
  return undefined
}

/** White space that is not the one blank a strict line may have. */
function isStraySpace(byte: number | undefined): boolean {
  return byte === SP || (byte !== undefined && byte >= 0x09 && byte <= 0x0d)
}

function endOfWord(bytes: Buffer, at: number, end: number): number {
  while (at < end && !isStraySpace(bytes[at])) at++
  return at
}
