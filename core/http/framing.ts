// What the fields of a complete head say about the message: host, body, persistence, expectation.
//
// One rule: whoever could be read in two ways is refused (RFC 9112 section 6.3): two lengths, an unknown last transfer
// coding, two hosts.

import { COMMA, equalsLower, isDigit, lowerBytes, skipBlanks, SP, trimBlanks } from './bytes.ts'
import { badRequest } from './fault.ts'
import type { HttpFault } from './fault.ts'
import { parsedHost, parseHost } from './host.ts'
import { HEADER } from './known_headers.ts'
import { HTTP_11 } from './request_head.ts'
import type { RequestHead } from './request_head.ts'

const CHUNKED = lowerBytes('chunked')
const CLOSE = lowerBytes('close')
const KEEP_ALIVE = lowerBytes('keep-alive')
const UPGRADE = lowerBytes('upgrade')
const CONTINUE = lowerBytes('100-continue')
/** Longest Content-Length that can be in range: the digits of 2^63 - 1. */
const LENGTH_DIGITS = 19
const LARGEST_LENGTH = 2n ** 63n - 1n

/** Fills the message part of the head. @returns what is wrong, or undefined. */
export function decideFraming(head: RequestHead): HttpFault | undefined {
  const known = head.known
  const host = known[HEADER.HOST]!
  if (host >= 0 || head.protocol >= HTTP_11) {
    const fault = readHost(head, host)
    if (fault !== undefined) return fault
  }
  if (known[HEADER.CONTENT_LENGTH]! >= 0) {
    const fault = readContentLength(head, known[HEADER.CONTENT_LENGTH]!)
    if (fault !== undefined) return fault
  }
  if (known[HEADER.TRANSFER_ENCODING]! >= 0) {
    const fault = readTransferEncoding(head)
    if (fault !== undefined) return fault
  }
  if (known[HEADER.CONNECTION]! >= 0) readConnection(head)
  if (known[HEADER.EXPECT]! >= 0) readExpect(head, known[HEADER.EXPECT]!)
  return undefined
}

function readHost(head: RequestHead, field: number): HttpFault | undefined {
  const start = field < 0 ? 0 : head.valueStart[field]!
  const end = field < 0 ? 0 : head.valueEnd[field]!
  if (start === end && head.repeated[HEADER.HOST] === 0) {
    if (head.protocol < HTTP_11) return undefined
    const what = 'client sent HTTP/1.1 request without hostname (see RFC2616 section 14.23)'
    return badRequest('AH00569', `${what}: ${head.target()}`)
  }
  if (head.repeated[HEADER.HOST] === 1 || !acceptHost(head, start, end)) {
    return badRequest('AH00550', `Client sent malformed Host header: ${head.value(HEADER.HOST)!}`)
  }
  return undefined
}

/** The last Host that was accepted: most requests name the same. */
let accepted = Buffer.alloc(0)
let acceptedEnd = 0
let acceptedPort = -1

function acceptHost(head: RequestHead, start: number, end: number): boolean {
  const { bytes } = head
  if (!isAccepted(bytes, start, end)) {
    if (!parseHost(bytes, start, end)) return false
    accepted = Buffer.from(bytes.subarray(start, end))
    acceptedEnd = parsedHost.end - start
    acceptedPort = parsedHost.port
  }
  head.hostStart = start
  head.hostEnd = start + acceptedEnd
  head.hostPort = acceptedPort
  return true
}

function isAccepted(bytes: Buffer, start: number, end: number): boolean {
  if (end - start !== accepted.length) return false
  for (let i = 0; i < accepted.length; i++) if (bytes[start + i] !== accepted[i]) return false
  return true
}

function readContentLength(head: RequestHead, field: number): HttpFault | undefined {
  const start = head.valueStart[field]!
  const end = head.valueEnd[field]!
  const length = head.repeated[HEADER.CONTENT_LENGTH] === 1 ? -1 : decimal(head.bytes, start, end)
  if (length < 0) {
    const sent = head.value(HEADER.CONTENT_LENGTH)!
    return badRequest('AH10242', `client sent invalid Content-Length (${sent}): ${head.target()}`)
  }
  head.contentLength = length
  return undefined
}

/** Digits only, up to 2^63 - 1 (beyond 2^53 the largest exact number stands for it); -1 for anything else. */
function decimal(bytes: Buffer, start: number, end: number): number {
  if (start === end) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    if (!isDigit(bytes[i])) return -1
    value = value * 10 + bytes[i]! - 0x30
  }
  if (value <= Number.MAX_SAFE_INTEGER) return value
  const text = bytes.toString('latin1', start, end).replace(/^0+/, '')
  return text.length > LENGTH_DIGITS || BigInt(text) > LARGEST_LENGTH ? -1 : Number.MAX_SAFE_INTEGER
}

function readTransferEncoding(head: RequestHead): HttpFault | undefined {
  let field = head.known[HEADER.TRANSFER_ENCODING]!
  if (head.repeated[HEADER.TRANSFER_ENCODING] === 1) field = head.fieldNumber.lastIndexOf(
    HEADER.TRANSFER_ENCODING, head.count - 1,
  )
  const bytes = head.bytes
  const end = head.valueEnd[field]!
  let token = end
  while (token > head.valueStart[field]! && bytes[token - 1] !== COMMA) token--
  // Blanks only: behind a comma a tab is one to some and a letter to others, and Apache refuses it.
  while (token < end && bytes[token] === SP) token++
  if (!equalsLower(bytes, token, end, CHUNKED)) {
    const sent = head.value(HEADER.TRANSFER_ENCODING)!
    return badRequest('AH02539', `client sent unknown Transfer-Encoding (${sent}): ${head.target()}`)
  }
  head.chunked = true
  if (head.contentLength >= 0) {
    // RFC 9112 section 6.3: the coding wins; whoever sent both may be smuggling, so nothing after this is read.
    head.contentLength = -1
    head.closeAfter = true
  }
  return undefined
}

function readConnection(head: RequestHead): void {
  for (let field = head.known[HEADER.CONNECTION]!; field < head.count; field++) {
    if (head.fieldNumber[field] !== HEADER.CONNECTION) continue
    readTokens(head, head.valueStart[field]!, head.valueEnd[field]!)
    if (head.repeated[HEADER.CONNECTION] === 0) return
  }
}

function readTokens(head: RequestHead, at: number, end: number): void {
  const bytes = head.bytes
  while (at < end) {
    const start = skipBlanks(bytes, at, end)
    let comma = start
    while (comma < end && bytes[comma] !== COMMA) comma++
    const last = trimBlanks(bytes, start, comma)
    if (equalsLower(bytes, start, last, KEEP_ALIVE)) head.connectionKeepAlive = true
    else if (equalsLower(bytes, start, last, CLOSE)) head.connectionClose = true
    else if (equalsLower(bytes, start, last, UPGRADE)) head.connectionUpgrade = true
    at = comma + 1
  }
}

function readExpect(head: RequestHead, field: number): void {
  const start = head.valueStart[field]!
  const end = head.valueEnd[field]!
  if (head.repeated[HEADER.EXPECT] === 0 && start === end) return
  const isContinue = head.repeated[HEADER.EXPECT] === 0 && equalsLower(head.bytes, start, end, CONTINUE)
  // HTTP/1.0 does not know interim responses (RFC 9110 section 10.1.1).
  head.expectContinue = isContinue && head.protocol >= HTTP_11
  head.expectUnknown = !isContinue
}
