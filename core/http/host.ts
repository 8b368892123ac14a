// The host of a Host header or of an absolute target (RFC 9110 section 7.2; Apache's strict host name check).
//
// One rule: a host is accepted whole or not at all; where one ends and what its port is are answered together.

import { COLON, isDigit } from './bytes.ts'
import { isIPv6 } from 'node:net'

const DOT = 0x2e, OPEN = 0x5b, CLOSE = 0x5d, PERCENT = '%'
const MAX_PORT = 65535

/** Where the last accepted host ends and what port followed it; valid until the next parseHost. */
export const parsedHost = { end: 0, port: -1 }

/**
 * Checks `host[:port]` at bytes [start, end). A name is letters, digits, `-`, `_` and dots, no two dots in a row; its
 * last part begins with a letter, unless all four parts are numbers. `[…]` holds an IPv6 address. A port is at least
 * 1 and at most 65535.
 * @returns false when malformed; otherwise parsedHost says where the host ends (without a trailing dot) and the port.
 */
export function parseHost(bytes: Buffer, start: number, end: number): boolean {
  let hostEnd = end
  let port = -1
  let digits = end
  while (digits > start && isDigit(bytes[digits - 1])) digits--
  if (digits > start && bytes[digits - 1] === COLON) {
    port = portNumber(bytes, digits, end)
    if (port < 1 || port > MAX_PORT) return false
    hostEnd = digits - 1
  }
  if (bytes[start] === OPEN) {
    if (!isBracketed(bytes, start, hostEnd)) return false
  } else {
    if (hostEnd > start && bytes[hostEnd - 1] === DOT) hostEnd--
    if (!isHostName(bytes, start, hostEnd)) return false
  }
  parsedHost.end = hostEnd
  parsedHost.port = port
  return true
}

function portNumber(bytes: Buffer, start: number, end: number): number {
  let port = start === end ? -1 : 0
  for (let i = start; i < end && port <= MAX_PORT; i++) port = port * 10 + bytes[i]! - 0x30
  return port
}

function isBracketed(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 4 || bytes[end - 1] !== CLOSE) return false
  const address = bytes.toString('latin1', start + 1, end - 1)
  return !address.includes(PERCENT) && isIPv6(address)
}

/** One pass: what bytes there are, where the last part begins, how many dots, whether all is digits. */
function isHostName(bytes: Buffer, start: number, end: number): boolean {
  if (start === end) return false
  let numeric = true
  let dots = 0
  let lastPart = start
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === DOT) {
      if (bytes[i + 1] === DOT && i + 1 < end) return false
      dots++
      lastPart = i + 1
    } else if (!isDigit(byte)) {
      if (!isLetter(byte) && byte !== 0x2d && byte !== 0x5f) return false
      numeric = false
    }
  }
  if (numeric) return dots === 3 && !hasLeadingZero(bytes, start, end)
  return dots === 0 || isLetter(bytes[lastPart]!)
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x7a
}

/** Whether a part of a dotted number begins with 0 and goes on, or is empty: octal to some, decimal to others. */
function hasLeadingZero(bytes: Buffer, start: number, end: number): boolean {
  let partStart = start
  for (let i = start; i <= end; i++) {
    if (i < end && bytes[i] !== DOT) continue
    if (i === partStart || (bytes[partStart] === 0x30 && i - partStart > 1)) return true
    partStart = i + 1
  }
  return false
}
