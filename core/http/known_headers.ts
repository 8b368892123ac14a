// The request headers that the server or its usual modules ask for, by number.
//
// One rule: recognising a name makes no string. Length, first and last letter choose a candidate (no two names here
// share a hash; the chain is for names added later), which is then compared byte by byte.

import { LOWER, lowerBytes } from './bytes.ts'

/** Numbers of the known request headers: indexes into RequestHead.known. */
export const HEADER = {
  HOST: 0, CONNECTION: 1, KEEP_ALIVE: 2, CONTENT_LENGTH: 3, TRANSFER_ENCODING: 4, EXPECT: 5, IF_MATCH: 6,
  IF_NONE_MATCH: 7, IF_MODIFIED_SINCE: 8, IF_UNMODIFIED_SINCE: 9, IF_RANGE: 10, RANGE: 11, REFERER: 12,
  USER_AGENT: 13, ACCEPT: 14, ACCEPT_ENCODING: 15, ACCEPT_LANGUAGE: 16, ACCEPT_CHARSET: 17, AUTHORIZATION: 18,
  COOKIE: 19, CONTENT_TYPE: 20, CONTENT_ENCODING: 21, UPGRADE: 22, TE: 23, TRAILER: 24, ORIGIN: 25, DATE: 26,
  CACHE_CONTROL: 27, PRAGMA: 28, VIA: 29, FORWARDED: 30, X_FORWARDED_FOR: 31, X_FORWARDED_HOST: 32,
  X_FORWARDED_PROTO: 33, X_REAL_IP: 34, PROXY_AUTHORIZATION: 35, HTTP2_SETTINGS: 36, PRIORITY: 37,
  SEC_WEBSOCKET_KEY: 38, SEC_WEBSOCKET_VERSION: 39, UPGRADE_INSECURE_REQUESTS: 40, X_REQUESTED_WITH: 41,
} as const

/** Lower-case names; the index is the number. */
export const HEADER_NAMES: readonly string[] = Object.keys(HEADER).map((key) => key.toLowerCase().replaceAll('_', '-'))

export const HEADER_COUNT = HEADER_NAMES.length

const numbers = new Map(HEADER_NAMES.map((name, number) => [name, number]))
const spelled = HEADER_NAMES.map(lowerBytes)

/** First candidate per hash, and the next one with the same hash; -1 ends the chain. */
const first = new Int8Array(256).fill(-1)
const next = new Int8Array(HEADER_COUNT).fill(-1)
for (const [number, name] of spelled.entries()) {
  const hash = hashOf(name.length, name[0]!, name[name.length - 1]!)
  next[number] = first[hash]!
  first[hash] = number
}

function hashOf(length: number, firstLetter: number, lastLetter: number): number {
  return (length + firstLetter * 3 + lastLetter * 27) & 255
}

/** The number of the header name at bytes [start, end), any case; -1 for one that is not known. */
export function headerNumberAt(bytes: Buffer, start: number, end: number): number {
  const length = end - start
  let number = first[hashOf(length, LOWER[bytes[start]!]!, LOWER[bytes[end - 1]!]!)]!
  for (; number >= 0; number = next[number]!) {
    const name = spelled[number]!
    if (name.length !== length) continue
    let i = 0
    while (i < length && LOWER[bytes[start + i]!] === name[i]) i++
    if (i === length) return number
  }
  return -1
}

/** The number of a lower-case header name, or undefined. */
export function headerNumber(lowerName: string): number | undefined {
  return numbers.get(lowerName)
}
