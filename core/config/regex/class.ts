/** Reads a character class of PCRE2, `[^a-z[:digit:]\s]`, as the set of bytes that it stands for. */
import { bothCases, byte, NONE, not, POSIX, range, TYPES, type Bytes } from './bytes.ts'
import { Unsure, Wrong } from './tree.ts'

const LETTERS: Readonly<Record<string, number>> = { t: 9, n: 10, f: 12, r: 13, a: 7, e: 27, b: 8 }

interface Item {
  readonly set: Bytes
  /** Of a single byte, with which a range may begin or end. */
  readonly code?: number
  readonly length: number
}

/**
 * @param at of its opening bracket
 * @returns the set, and where the pattern goes on
 * @throws Unsure, Wrong
 */
export function readClass(pattern: string, at: number, icase: boolean): { readonly set: Bytes; readonly end: number } {
  // What looks like a POSIX class outside of one is an error.
  if (isPosix(pattern[at + 1])) throw new Unsure()
  const negated = pattern[at + 1] === '^'
  const begin = at + (negated ? 2 : 1)
  let set = NONE
  let next = begin
  // A closing bracket in the first place is itself.
  while (pattern[next] !== ']' || next === begin) {
    const item = itemAt(pattern, next, icase)
    next += item.length
    if (item.code === 0x2d && next - 1 !== begin && pattern[next] !== ']') throw new Unsure()
    if (pattern[next] !== '-' || pattern[next + 1] === ']') {
      set |= icase && item.code !== undefined ? bothCases(item.set) : item.set
      continue
    }
    const last = itemAt(pattern, next + 1, icase)
    if (item.code === undefined || last.code === undefined || last.code < item.code) throw new Unsure()
    next += 1 + last.length
    // What a hyphen after a range means is not for us to say.
    if (pattern[next] === '-' && pattern[next + 1] !== ']') throw new Unsure()
    const whole = range(item.code, last.code)
    set |= icase ? bothCases(whole) : whole
  }
  return { set: negated ? not(set) : set, end: next + 1 }
}

function itemAt(pattern: string, at: number, icase: boolean): Item {
  const char = pattern[at]
  if (char === undefined) throw new Wrong()
  if (char === '\\') return escapeAt(pattern, at)
  if (char === '[' && isPosix(pattern[at + 1])) return posixAt(pattern, at, icase)
  return single(char.charCodeAt(0), 1)
}

const isPosix = (char: string | undefined): boolean => char === ':' || char === '.' || char === '='

const single = (code: number, length: number): Item => ({ set: byte(code), code, length })

function posixAt(pattern: string, at: number, icase: boolean): Item {
  const found = sticky(/\[:(\^?)([a-z]+):\]/y, pattern, at)
  const name = icase && /^(?:upper|lower)$/.test(found?.[2] ?? '') ? 'alpha' : found?.[2]
  const set = name === undefined ? undefined : POSIX[name]
  if (found === null || set === undefined) throw new Unsure()
  return { set: found[1] === '^' ? not(set) : set, length: found[0].length }
}

function escapeAt(pattern: string, at: number): Item {
  const hex = sticky(/\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,2})\})/y, pattern, at)
  if (hex !== null) return single(parseInt(hex[1] ?? hex[2]!, 16), hex[0].length)
  const char = pattern[at + 1] ?? ''
  if (char in TYPES) return { set: TYPES[char]!, length: 2 }
  if (char in LETTERS) return single(LETTERS[char]!, 2)
  if (/[!-/:-@[-`{-~ ]/.test(char)) return single(char.charCodeAt(0), 2)
  throw new Unsure()
}

function sticky(regex: RegExp, text: string, at: number): RegExpExecArray | null {
  regex.lastIndex = at
  return regex.exec(text)
}
