// Classes of bytes and comparisons on byte ranges: what every parser of this folder shares.
//
// One rule: no strings are made here, and every range is [start, end).

export const HT = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COMMA = 0x2c
export const COLON = 0x3a

/** 1 for the bytes of a token (RFC 9110 section 5.6.2). */
export const TOKEN = new Uint8Array(256)
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  TOKEN[char.charCodeAt(0)] = 1
}

/** The value of a hexadecimal digit, 255 for any other byte. */
export const HEX = new Uint8Array(256).fill(255)
for (const [value, char] of [...'0123456789abcdef'].entries()) {
  HEX[char.charCodeAt(0)] = value
  HEX[char.toUpperCase().charCodeAt(0)] = value
}

/** Lower-case ASCII of each byte; other bytes unchanged. */
export const LOWER = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) LOWER[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte

export function isBlank(byte: number | undefined): boolean {
  return byte === SP || byte === HT
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

/** Whether the range spells `lower` (already lower case) without regard to ASCII case. */
export function equalsLower(bytes: Buffer, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    if (LOWER[bytes[start + i]!] !== lower[i]) return false
  }
  return true
}

/** The first offset at or after `start` that is not a blank. */
export function skipBlanks(bytes: Buffer, start: number, end: number): number {
  while (start < end && isBlank(bytes[start])) start++
  return start
}

/** The end of the range without the blanks at its end. */
export function trimBlanks(bytes: Buffer, start: number, end: number): number {
  while (end > start && isBlank(bytes[end - 1])) end--
  return end
}

/** Lower-case bytes of an ASCII word, for equalsLower. */
export function lowerBytes(word: string): Uint8Array {
  return Uint8Array.from(Buffer.from(word.toLowerCase(), 'latin1'))
}
