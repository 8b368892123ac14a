/** Sets of bytes, one bit each of a big integer: short to write, and only used while a pattern is compiled. */

/** Bit n: the byte n. Bit 256: the end of the subject, where a set says what may come next. */
export type Bytes = bigint

export const NONE: Bytes = 0n
export const ALL: Bytes = (1n << 256n) - 1n
export const END: Bytes = 1n << 256n

export const byte = (code: number): Bytes => 1n << BigInt(code)

/** @param from first @param to last, not below `from` */
export const range = (from: number, to: number): Bytes => ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from)

export const not = (set: Bytes): Bytes => ALL & ~set

const of = (text: string): Bytes => [...text].reduce((set, char) => set | byte(char.charCodeAt(0)), NONE)

const UPPER = range(0x41, 0x5a)
const LOWER = range(0x61, 0x7a)
const DIGIT = range(0x30, 0x39)
const ALPHA = UPPER | LOWER
const ALNUM = ALPHA | DIGIT
const WORD = ALNUM | of('_')
const SPACE = of('\t\n\v\f\r ')
const NEWLINE = of('\n')

/** `[:alpha:]` and its like in the C locale, for which PCRE's own tables are made. */
export const POSIX: Readonly<Record<string, Bytes>> = {
  alpha: ALPHA, lower: LOWER, upper: UPPER, alnum: ALNUM, digit: DIGIT, word: WORD, space: SPACE,
  blank: of('\t '), xdigit: DIGIT | of('abcdefABCDEF'), cntrl: range(0, 0x1f) | byte(0x7f),
  graph: range(0x21, 0x7e), print: range(0x20, 0x7e), punct: range(0x21, 0x7e) & ~ALNUM, ascii: range(0, 0x7f),
}

/**
 * `\d` and its like. Not `\h` and `\v`: to the library `\S?\h` does not match the byte a0, which is in both of them
 * (it takes them for sets without a common byte when it decides where not to backtrack).
 */
export const TYPES: Readonly<Record<string, Bytes>> = {
  d: DIGIT, D: not(DIGIT), w: WORD, W: not(WORD), s: SPACE, S: not(SPACE),
}

export const NOT_NEWLINE: Bytes = not(NEWLINE)

/** With the other case of each letter; bytes above 127 have none. */
export const bothCases = (set: Bytes): Bytes => set | ((set & UPPER) << 32n) | ((set & LOWER) >> 32n)

/** First and last byte of each run, in order. */
export function runsOf(set: Bytes): (readonly [from: number, to: number])[] {
  const runs: (readonly [number, number])[] = []
  // As text, the highest bit first: much quicker than to ask the number bit by bit.
  const bits = set.toString(2)
  const has = (code: number): boolean => bits[bits.length - 1 - code] === '1'
  for (let code = 0; code < bits.length; code++) {
    if (!has(code)) continue
    const from = code
    while (has(code + 1)) code++
    runs.push([from, code])
  }
  return runs
}
